"""A worklist's filter as a URL says it; the page and the REST interface take the same words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException

from db.worklist.worklist_filter import InvalidFilterError, WorklistFilter

LISTS: Final[Mapping[str, str]] = {
    "state": "states",
    "priority": "priorities",
    "finding": "findings",
    "refusal": "refusals",
    "modality": "modalities",
    "station": "stations",
    "sender": "senders",
}
"""Parameters that may come more than once, and what they are called in the filter."""
WORDS: Final = ("text", "read", "from", "to", "after", "limit")
"""Parameters that come once."""
MOST: Final = 50
LONGEST: Final = 256
LARGEST_PAGE: Final = 500


@dataclass(frozen=True)
class WorklistQuery:
    """What is asked for: which studies, how many, and after which page."""

    wanted: WorklistFilter
    limit: int
    after: str | None


def read_query(given: QueryParams, default_limit: int, strict: bool = False) -> WorklistQuery:
    """Return what a URL asks for; parameters without a value count as not given.

    Args:
        given: parameters of the URL.
        default_limit: of studies.
        strict: whether a parameter that is not known is an error.

    Raises:
        HTTPException: 400, with what is wrong.
    """
    if len(given.multi_items()) > MOST or any(
        len(value) > LONGEST or not value.isprintable() for _, value in given.multi_items()
    ):
        raise HTTPException(400, f"At most {MOST} parameters of at most {LONGEST} characters are taken.")
    unknown = sorted(set(given) - {*LISTS, *WORDS})
    if strict and unknown:
        raise HTTPException(400, f"{unknown[0]}: there is no such parameter.")
    try:
        wanted = WorklistFilter(
            **{name: tuple(filter(None, given.getlist(key))) for key, name in LISTS.items()},  # type: ignore[arg-type]
            read=_read_flag(given.get("read")),
            study_date_from=_read_day("from", given.get("from")),
            study_date_to=_read_day("to", given.get("to")),
            text=given.get("text") or None,
        )
    except InvalidFilterError as error:
        raise HTTPException(400, f"{error}.") from None
    return WorklistQuery(wanted, _read_limit(given.get("limit"), default_limit), given.get("after") or None)


def _read_flag(text: str | None) -> bool | None:
    if not text:
        return None
    if text not in ("yes", "no"):
        raise HTTPException(400, "read: yes or no.")
    return text == "yes"


def _read_day(name: str, text: str | None) -> str | None:
    if not text:
        return None
    try:
        return f"{date.fromisoformat(text):%Y%m%d}"
    except ValueError:
        raise HTTPException(400, f"{name}: a day is written YYYY-MM-DD.") from None


def _read_limit(text: str | None, default: int) -> int:
    if not text:
        return default
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:9]) <= LARGEST_PAGE:
        raise HTTPException(400, f"limit: a number from 1 to {LARGEST_PAGE}.")
    return int(text[:9])
