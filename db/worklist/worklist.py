"""The prioritised worklist: one query for page, REST, DICOM and command line.

Unread studies come before read ones, then priority bands, the calibrated score and waiting time. A page
starts where the previous one ended (keyset pagination): a study that moves while a user turns pages may
appear twice or not at all, any other study exactly once.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy.orm import Session

from db.worklist import blinded_order, blinding
from db.worklist.study_entries import StudyEntry, read_entries
from db.worklist.worklist_filter import WorklistFilter
from db.worklist.worklist_places import Place, find_places
from domain.errors import PermanentError

NO_CURSOR: Final = "this is no cursor of a worklist page: begin with the first page"


class InvalidCursorError(PermanentError):
    """The cursor did not come from an earlier page. Permanent: begin with the first page."""


@dataclass(frozen=True)
class Page:
    """One page of the worklist."""

    studies: Sequence[StudyEntry]
    following: str | None
    """Cursor of the next page; None on the last page."""


def find_page(
    session: Session,
    wanted: WorklistFilter | None = None,
    *,
    limit: int = 100,
    after: str | None = None,
    hidden_from: str | None = None,
) -> Page:
    """Return one page of the worklist.

    Args:
        session: one that reads.
        wanted: filter; by default all studies.
        limit: largest number of studies on the page, at least 1.
        after: `Page.following` of the previous page.
        hidden_from: the user who asks, where that user reads blinded: then the order is that of
            `blinded_order`, and studies that the user has not read come without their results.

    Raises:
        InvalidCursorError: when `after` is not a cursor.
        HiddenFilterError: for a filter by priority or finding by a user who reads blinded.
    """
    if hidden_from is not None:
        return _find_blinded(session, wanted or WorklistFilter(), limit, after, hidden_from)
    start = None if after is None else _read_cursor(after)
    places = find_places(session, wanted or WorklistFilter(), start, limit + 1)
    shown = places[:limit]
    studies = read_entries(session, [place.id for place in shown])
    return Page(studies, write_cursor(shown[-1]) if len(places) > limit else None)


def _find_blinded(
    session: Session, wanted: WorklistFilter, limit: int, after: str | None, reader: str
) -> Page:
    try:
        start = None if after is None else blinded_order.read_cursor(after)
        found = blinded_order.find_studies(session, wanted, start, limit + 1)
    except blinded_order.UnknownStartError:
        raise InvalidCursorError(NO_CURSOR) from None
    shown = found[:limit]
    studies = read_entries(session, [study.study_id for study in shown])
    following = blinded_order.write_cursor(shown[-1]) if len(found) > limit else None
    return Page(blinding.hide_results(session, reader, studies), following)


def stream(
    session: Session, wanted: WorklistFilter | None = None, *, after: str | None = None, page: int = 200
) -> Iterator[StudyEntry]:
    """Return all wanted studies in order, read page by page to take little memory.

    Raises:
        InvalidCursorError: when `after` is not a cursor.
    """
    if after is not None:
        _read_cursor(after)
    return _stream(session, wanted, after, page)


def _stream(
    session: Session, wanted: WorklistFilter | None, after: str | None, page: int
) -> Iterator[StudyEntry]:
    while True:
        found = find_page(session, wanted, limit=page, after=after)
        session.expunge_all()
        yield from found.studies
        after = found.following
        if after is None:
            return


def write_cursor(place: Place) -> str:
    """Return the cursor of the page that starts after a place."""
    content = json.dumps([place.place, place.received_at.astimezone(UTC).isoformat(), place.id])
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> Place:
    try:
        content = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        place, received_at, study_id = json.loads(content)
        moment = datetime.fromisoformat(received_at)
        if not (isinstance(place, float) and abs(place) < 100 and type(study_id) is int):
            raise ValueError("not what a cursor holds")
        if moment.tzinfo is None or not 0 <= study_id < 2**31:
            raise ValueError("not what a cursor holds")
    except (ValueError, TypeError, RecursionError):
        raise InvalidCursorError(NO_CURSOR) from None
    return Place(place, moment, study_id)
