"""The filter of a worklist in a URL; page and REST take the same parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException

from db.database import Database
from db.worklist import worklist
from db.worklist.worklist import Page
from db.worklist.worklist_filter import HiddenFilterError, InvalidFilterError, WorklistFilter

LISTS: Final[Mapping[str, str]] = {
    "state": "states",
    "priority": "priorities",
    "finding": "findings",
    "refusal": "refusals",
    "notice": "notices",
    "modality": "modalities",
    "station": "stations",
    "sender": "senders",
}
"""Parameters that may be repeated, and their names in the filter."""
WORDS: Final = ("text", "read", "from", "to", "after", "limit")
"""Parameters that may come once."""
DIFFER: Final = "differ"
"""Value of `read` for studies on which readers differ."""
MOST: Final = 50
LONGEST: Final = 256
LARGEST_PAGE: Final = 500


@dataclass(frozen=True)
class WorklistQuery:
    """A filter, a limit, and the page to continue after."""

    wanted: WorklistFilter
    limit: int
    after: str | None


def read_query(given: QueryParams, default_limit: int, strict: bool = False) -> WorklistQuery:
    """Return the query of a URL; parameters without a value count as absent.

    Args:
        given: the parameters of the URL.
        default_limit: studies on a page without `limit`.
        strict: True makes an unknown parameter an error.

    Raises:
        HTTPException: 400 with the reason.
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
            readers_differ=given.get("read") == DIFFER,
            study_date_from=_read_day("from", given.get("from")),
            study_date_to=_read_day("to", given.get("to")),
            text=given.get("text") or None,
        )
    except InvalidFilterError as error:
        raise HTTPException(400, f"{error}.") from None
    return WorklistQuery(wanted, _read_limit(given.get("limit"), default_limit), given.get("after") or None)


def find_page(database: Database, asked: WorklistQuery, hidden_from: str | None) -> Page:
    """Return the page of a query.

    Args:
        database: open.
        asked: the query.
        hidden_from: the user who asks, where that user reads blinded.

    Raises:
        InvalidCursorError: when it continues after no page.
        HTTPException: 403 for a filter by what is hidden.
    """
    try:
        with database.read() as session:
            return worklist.find_page(
                session, asked.wanted, limit=asked.limit, after=asked.after, hidden_from=hidden_from
            )
    except HiddenFilterError as error:
        raise HTTPException(403, f"{error}.") from None


def _read_flag(text: str | None) -> bool | None:
    if not text:
        return None
    if text == DIFFER:
        return None
    if text not in ("yes", "no"):
        raise HTTPException(400, "read: yes, no or differ.")
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
