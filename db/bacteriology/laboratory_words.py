"""Results as laboratories write them: methods, outcomes and days in words, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from db.bacteriology.results import NewResult
from domain.bacteriology import OUTCOMES, Method, Outcome

NEEDED: Final = ("specimen_date", "method", "result")
WIDTHS: Final = {
    "patient_id": 256,
    "patient_id_issuer": 64,
    "accession_number": 64,
    "specimen_id": 64,
}
"""Further columns, of which accession_number or patient_id is there, and their most characters."""

METHODS: Final = {
    "xpert": Method.XPERT,
    "xpert mtb/rif": Method.XPERT,
    "genexpert": Method.XPERT,
    "ultra": Method.ULTRA,
    "xpert ultra": Method.ULTRA,
    "xpert mtb/rif ultra": Method.ULTRA,
    "culture": Method.CULTURE,
    "smear": Method.SMEAR,
    "microscopy": Method.SMEAR,
}
WORDS: Final = {
    **{outcome.value: outcome for outcome in Outcome},
    "mtb detected": Outcome.POSITIVE,
    "detected": Outcome.POSITIVE,
    "mtb not detected": Outcome.NEGATIVE,
    "not detected": Outcome.NEGATIVE,
    "mtb trace detected": Outcome.TRACE,
    "trace detected": Outcome.TRACE,
    "invalid": Outcome.INDETERMINATE,
    "error": Outcome.INDETERMINATE,
    "no result": Outcome.INDETERMINATE,
}

EARLIEST: Final = date(1990, 1, 1)
ROUNDED: Final = re.compile(r"\d(\.\d+)?E\+?\d+", re.IGNORECASE)
"""A number as a spreadsheet rounds it: the last digits are lost."""


def read_result(cells: Mapping[str, str]) -> NewResult:
    """Return the result of a line or an object.

    Args:
        cells: the fields of `NEEDED`, and those of `WIDTHS` that are known.

    Raises:
        ValueError: saying what is wrong, without the number of a patient.
    """
    texts = {name: _read_text(name, cells.get(name, "")) for name in WIDTHS}
    if not texts["accession_number"] and not texts["patient_id"]:
        raise ValueError("neither accession_number nor patient_id")
    method = METHODS.get(_fold(cells["method"]))
    if method is None:
        raise ValueError(f"method {_quote(cells['method'])} is unknown; use one of {', '.join(METHODS)}")
    outcome = WORDS.get(_fold(cells["result"]))
    if outcome not in OUTCOMES[method]:
        allowed = ", ".join(word for word in Outcome if word in OUTCOMES[method])
        raise ValueError(f"result {_quote(cells['result'])} is none of {method}; use one of {allowed}")
    day = _read_day(cells["specimen_date"])
    return NewResult(method, outcome, f"{day:%Y%m%d}", **texts)


def _read_text(name: str, text: str) -> str | None:
    if len(text) > WIDTHS[name]:
        raise ValueError(f"{name} has {len(text)} characters, {WIDTHS[name]} are allowed")
    if not text.isprintable():
        raise ValueError(f"{name} has control characters")
    if ROUNDED.fullmatch(text):
        raise ValueError(f"{name} was rounded by a spreadsheet: format its column as text and enter it again")
    return text or None


def _read_day(text: str) -> date:
    try:
        if not text.replace("-", "").isdigit():
            raise ValueError
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"specimen_date {_quote(text)} is no day: YYYY-MM-DD") from None
    if not EARLIEST <= day <= datetime.now(UTC).date() + timedelta(days=1):
        raise ValueError(f"specimen_date {day} is before {EARLIEST} or in the future")
    return day


def find_contradictions(
    results: Sequence[NewResult], places: Sequence[int], word: str
) -> list[tuple[int, str]]:
    """Return the places of results that say otherwise than an earlier one about the same test.

    Args:
        results: in their order.
        places: the number of each, as the text names it.
        word: the name of a place, as "line".
    """
    first: dict[str, int] = {}
    found = []
    for index, result in enumerate(results):
        earlier = first.setdefault(result.name_subject(), index)
        if results[earlier] != result:
            problem = (
                f"it differs from {word} {places[earlier]} of the same patient, method and specimen: leave "
                f"one {word}, or give each specimen its specimen_id"
            )
            found.append((places[index], problem))
    return found


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())


def _quote(text: str) -> str:
    """Return the beginning of a cell for a message."""
    return repr(text[:40])
