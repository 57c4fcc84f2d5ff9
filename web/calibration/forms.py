"""The forms of calibration studies: a plan and a policy, with shares in percent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from pydantic import ValidationError
from starlette.exceptions import HTTPException

from domain.calibration_wishes import PlanWish, PolicyWish
from domain.errors import PermanentError
from domain.languages.sentence import Sentence, join, say, say_value

PERCENT: Final = ("prevalence", "half_width", "results")
"""Fields of the plan that people give in percent."""
PLAN: Final[Mapping[str, str]] = {
    "prevalence": "",
    "half_width": "5",
    "results": "90",
    "shares": "",
    "first": "",
}
"""Fields of the plan as they are at first."""
POLICY: Final = ("sensitivity", "referred", "by_station", "by_group", "film_price", "test_price")


def read_plan(given: Mapping[str, str]) -> PlanWish:
    """Return the wish of a form, whose shares are in percent.

    Raises:
        PermanentError: for a value that is none, or out of bounds.
    """
    values: dict[str, Any] = {
        name: _read_percent(given[name], name) for name in PERCENT if given[name].strip()
    }
    if given["shares"].strip():
        values["shares"] = tuple(_read_percent(part, "shares") for part in given["shares"].split(","))
    if given["first"].strip():
        try:
            values["first"] = date.fromisoformat(given["first"].strip())
        except ValueError:
            raise PermanentError(say("a day is written YYYY-MM-DD")) from None
    try:
        return PlanWish(**values)
    except ValidationError as error:
        raise PermanentError(_explain(error)) from None


def read_policy(given: Mapping[str, str]) -> PolicyWish:
    """Return the policy of a form or a URL.

    Raises:
        HTTPException: 400 for a value that is none, or out of bounds.
    """
    values: dict[str, Any] = {}
    try:
        for name in POLICY:
            text = given.get(name, "").strip()
            if not text:
                continue
            if name.startswith("by_"):
                values[name] = text == "yes"
            elif name.endswith("_price"):
                values[name] = _read_number(text, name)
            else:
                values[name] = _read_percent(text, name)
        return PolicyWish(**values)
    except ValidationError as error:
        raise HTTPException(400, say("{reason}.", reason=_explain(error))) from None
    except PermanentError as error:
        raise HTTPException(400, say("{reason}.", reason=str(error))) from None


def _read_percent(text: str, name: str) -> float:
    return round(_read_number(text, name) / 100, 6)


def _read_number(text: str, name: str) -> float:
    try:
        return float(text.strip())
    except ValueError:
        raise PermanentError(say("{field}: a number, such as 5 or 2.5", field=_name_field(name))) from None


def _explain(error: ValidationError) -> Sentence:
    """Return the first problem in words; bounds are shares, and the form's fields percent."""
    first = error.errors()[0]
    name, limits = str(first["loc"][0]), first.get("ctx", {})
    factor, unit = (1, "") if name.endswith("_price") else (100, " %")
    field = _name_field(name)
    if "ge" in limits:
        bound = f"{limits['ge'] * factor:g}{unit}"
        return say("{field}: at least {bound}", field=field, bound=bound)
    if "le" in limits:
        bound = f"{limits['le'] * factor:g}{unit}"
        return say("{field}: at most {bound}", field=field, bound=bound)
    if first["type"] == "missing":
        return say("{field} is missing", field=field)
    return say("{field}: a number", field=field)


def _name_field(name: str) -> Sentence:
    return {
        "prevalence": say("expected prevalence"),
        "half_width": say("wanted precision"),
        "results": say("tests with a result"),
        "shares": say("share of people to test"),
        "sensitivity": say("wanted sensitivity"),
        "referred": say("people referred at most"),
        "film_price": say("price of a film"),
        "test_price": say("price of a test"),
    }.get(name, say_value(name))


def write_query(wish: PolicyWish) -> dict[str, str]:
    """Return the fields of a policy as a URL and a form have them."""
    fields = {
        name: f"{getattr(wish, name) * 100:g}"
        for name in ("sensitivity", "referred")
        if getattr(wish, name) is not None
    }
    fields |= {name: "yes" for name in ("by_station", "by_group") if getattr(wish, name)}
    fields |= {
        name: f"{getattr(wish, name):g}"
        for name in ("film_price", "test_price")
        if getattr(wish, name) is not None
    }
    return fields


def describe_policy(wish: PolicyWish) -> Sentence:
    """Return a policy in words."""
    parts = []
    if wish.sensitivity is not None:
        share = f"{wish.sensitivity * 100:g} %"
        parts.append(say("wanted is a sensitivity of at least {share}", share=share))
    if wish.referred is not None:
        share = f"{wish.referred * 100:g} %"
        parts.append(say("wanted are at most {share} of the people referred", share=share))
    if not parts:
        parts.append(say("wanted is WHO's target sensitivity"))
    if wish.by_group:
        parts.append(say("with a threshold for each age and sex"))
    return join(parts)
