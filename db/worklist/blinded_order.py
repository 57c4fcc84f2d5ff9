"""The worklist's order for users who read blinded.

Unread studies come first, and of these HIGH, so that they wait for nobody; then the day of reception. Within
a day the order is shuffled: sorted by time, the list would show by a step back where HIGH ends. Nothing else
of the result is in the order, and the cursor names a study alone (`Study.blinded_place`).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, or_, select, true, tuple_
from sqlalchemy.orm import Session

from db.worklist.worklist_conditions import STUDIES, bind, list_conditions, of_type, prepared
from db.worklist.worklist_filter import HiddenFilterError, WorklistFilter
from db.worklist.worklist_places import SORTED_BY_ROWS, find_keyed, following_indexes
from domain.codes import Priority
from domain.errors import PermanentError

READ: Final = 2e12
"""Places of read studies begin here (`Study.blinded_place`)."""

HIGH_RANK: Final = Priority.HIGH.rank

_ORDER: Final = (STUDIES.blinded_place, STUDIES.id)

_IS_READ: Final = STUDIES.blinded_place >= READ
_IS_UNREAD: Final = STUDIES.blinded_place < READ
_IS_UNREAD_OR_YOUNG: Final = or_(
    _IS_UNREAD, STUDIES.received_at >= of_type(STUDIES.received_at, "read_since")
)
_IS_BEHIND: Final = tuple_(*_ORDER) > tuple_(*(of_type(column, f"after_{column.name}") for column in _ORDER))
_EVERY: Final = STUDIES.id > 0


class UnknownStartError(PermanentError):
    """A text that is no cursor of this order."""


@dataclass(frozen=True)
class Start:
    """The study after which a page begins, as it stood on the page before."""

    study_id: int
    is_read: bool


def find_studies(session: Session, wanted: WorklistFilter, after: Start | None, limit: int) -> list[Start]:
    """Return the next `limit` studies of the order that come after `after`.

    Raises:
        HiddenFilterError: for a filter by priority or finding.
        UnknownStartError: when there is no such study any more.
    """
    if wanted.priorities or wanted.findings:
        raise HiddenFilterError("priority and finding are hidden from you: you read blinded")
    within: list[ColumnElement[bool]] = []
    parameters: dict[str, Any] = {"read_since": wanted.read_since}
    if wanted.read is not None:
        within.append(_IS_READ if wanted.read else _IS_UNREAD)
    if wanted.read_since is not None:
        within.append(_IS_UNREAD_OR_YOUNG)
    if after is not None:
        within.append(_IS_BEHIND)
        parameters |= {"after_blinded_place": _find_place(session, after), "after_id": after.study_id}
    with following_indexes(session):
        rows = _find(session, wanted, within, parameters, limit)
    return [Start(study_id, place >= READ) for place, study_id in rows]


def _find(
    session: Session,
    wanted: WorklistFilter,
    within: Sequence[ColumnElement[bool]],
    parameters: dict[str, Any],
    limit: int,
) -> Sequence[tuple[float, int]]:
    conditions = list_conditions(session, wanted)
    if any(condition.column is not None and not condition.values for condition in conditions):
        return []
    parameters |= bind(conditions)
    for narrow in conditions:
        ranges = narrow.find_ranges()
        keys = narrow.keys or ([ranges] if ranges else [])
        if not keys:
            continue
        others = [other.holds for other in conditions if other is not narrow or not narrow.implied]
        clauses = [*within, *others] or [_EVERY]
        found = find_keyed(session, keys, _ORDER, clauses, parameters, SORTED_BY_ROWS, limit)
        if found is not None:
            return [(place, study_id) for place, study_id in found]
    statement = _select((*within, *(condition.holds for condition in conditions)), limit)
    return [(place, study_id) for place, study_id in session.execute(statement, parameters)]


@prepared
def _select(clauses: tuple[ColumnElement[bool], ...], limit: int) -> Select[Any]:
    return select(*_ORDER).where(and_(true(), *clauses)).order_by(*_ORDER).limit(limit)


def _find_place(session: Session, after: Start) -> float:
    """Return the place of a study, as it was before the study was read, if the page before showed it so."""
    row = session.execute(
        select(STUDIES.blinded_place, STUDIES.is_read, STUDIES.priority_rank).where(
            STUDIES.id == after.study_id
        )
    ).one_or_none()
    if row is None:
        raise UnknownStartError("there is no such study")
    unread = 0.0 if row.priority_rank == HIGH_RANK else READ / 2
    shift = (READ if after.is_read else unread) - (READ if row.is_read else unread)
    return float(row.blinded_place) + shift


def write_cursor(start: Start) -> str:
    """Return the cursor of the page that begins after a study."""
    content = json.dumps([start.is_read, start.study_id])
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> Start:
    """Return the start that a cursor names.

    Raises:
        UnknownStartError: when it is no cursor of this order.
    """
    try:
        content = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        is_read, study_id = json.loads(content)
    except (ValueError, TypeError, RecursionError):
        raise UnknownStartError("no cursor") from None
    if type(is_read) is not bool or type(study_id) is not int or not 0 <= study_id < 2**31:
        raise UnknownStartError("no cursor")
    return Start(study_id, is_read)
