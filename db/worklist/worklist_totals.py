"""The number of studies that a filter lets through, counted as far as a page can wait for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Select, and_, case, distinct, func, select, true, union_all
from sqlalchemy.orm import Session

from db.tables import READ_PLACES
from db.worklist.worklist_conditions import (
    STUDIES,
    Condition,
    Key,
    bind,
    list_conditions,
    of_type,
    prepared,
)
from db.worklist.worklist_filter import WorklistFilter
from db.worklist.worklist_places import (
    bind_segments,
    find_narrowest,
    following_indexes,
    in_segments,
    list_segments,
)

EXAMINED: Final = 10_000
"""Largest number of studies to count in an index."""

EXAMINED_BY_ROWS: Final = 2000
"""The same number where conditions have to be evaluated on the rows."""


@dataclass(frozen=True)
class Total:
    """A number of studies.

    Attributes:
        studies: the number, or how many were found before counting ended.
        is_exact: False where there may be more.
    """

    studies: int
    is_exact: bool = True


def count_studies(session: Session, wanted: WorklistFilter) -> Total:
    """Return the number of studies that a filter lets through.

    Not more than `EXAMINED` entries of an index, or `EXAMINED_BY_ROWS` rows, of each range are looked at.
    """
    with following_indexes(session):
        conditions = list_conditions(session, wanted)
        if any(condition.column is not None and not condition.values for condition in conditions):
            return Total(0)
        parameters = bind(conditions) | bind_segments(wanted)
        if wanted.read_since is not None:
            parameters["read_since_day"] = f"{wanted.read_since:%Y%m%d}"
        keyed = next((condition for condition in conditions if condition.keys), None)
        statement: Select[int, int] | None
        if keyed is not None:
            statement, most = _count_keyed(wanted, keyed, conditions)
        else:
            ranged = [condition for condition in conditions if condition.column is not None]
            chosen = find_narrowest(session, ranged, parameters)
            statement, most = _count_ranges(wanted, chosen, conditions)
        if statement is None:
            return Total(0)
        examined, found = session.execute(statement, parameters).one()
        return Total(min(found, most), is_exact=examined <= most)


def _count_keyed(
    wanted: WorklistFilter, keyed: Condition, conditions: Sequence[Condition]
) -> tuple[Select[int, int], int]:
    """Return the statement that counts studies with a condition's keys, and how many of each it looks at."""
    others = [other.holds for other in conditions if other is not keyed or not keyed.implied]
    is_whole = not others and wanted == WorklistFilter(text=wanted.text, name_prefix=wanted.name_prefix)
    if is_whole:
        return _make_keyed(tuple(keyed.keys), None, EXAMINED), EXAMINED
    within = (in_segments(list_segments(wanted, None)), *others)
    return _make_keyed(tuple(keyed.keys), within, EXAMINED_BY_ROWS), EXAMINED_BY_ROWS


@prepared
def _make_keyed(
    keys: tuple[Key, ...], within: tuple[ColumnElement[bool], ...] | None, most: int
) -> Select[int, int]:
    if within is None:
        return _count([key.select_ids().add_columns(true().label("fits")).limit(most + 1) for key in keys])
    fits = and_(*within).label("fits")
    return _count([key.select_studies(STUDIES.id, fits, most=most + 1) for key in keys])


def _count_ranges(
    wanted: WorklistFilter, chosen: Condition | None, conditions: Sequence[Condition]
) -> tuple[Select[int, int] | None, int]:
    """Return the same for the ranges of one condition's index, or those of the order; None for no range."""
    others = [other.holds for other in conditions if other is not chosen]
    if chosen is not None and chosen.column is STUDIES.received_day:
        others.append(chosen.holds)
    most = EXAMINED_BY_ROWS if others else EXAMINED
    ranges = None if chosen is None else chosen.find_ranges()
    segments = tuple(_list_counted(wanted, has_start=ranges is not None))
    return (_make_ranged(ranges, segments, tuple(others), most) if segments else None), most


@prepared
def _make_ranged(
    ranges: Key | None,
    segments: tuple[ColumnElement[bool], ...],
    others: tuple[ColumnElement[bool], ...],
    most: int,
) -> Select[int, int]:
    fits = and_(true(), *others).label("fits")
    start = [] if ranges is None else [ranges.clause]
    return _count([select(STUDIES.id, fits).where(*start, segment).limit(most + 1) for segment in segments])


def _list_counted(wanted: WorklistFilter, *, has_start: bool) -> Sequence[ColumnElement[bool]]:
    """Return the segments of the order; young read studies, strewn over the order, by their day."""
    if wanted.read_since is None or wanted.priorities or has_start:
        return list_segments(wanted, None)
    segments = [] if wanted.read is True else [_IS_UNREAD]
    return segments if wanted.read is False else [*segments, _IS_YOUNG_AND_READ]


_IS_UNREAD: Final = STUDIES.place < READ_PLACES
_IS_YOUNG_AND_READ: Final = and_(
    STUDIES.received_day >= of_type(STUDIES.received_day, "read_since_day"),
    STUDIES.received_at >= of_type(STUDIES.received_at, "read_since"),
    STUDIES.place + 0.0 >= READ_PLACES,  # the sum is in no index: the database has to begin with the days
)


def _count(statements: Sequence[Select[int, bool]]) -> Select[int, int]:
    """Return the statement that counts the rows, and the distinct ones that fit."""
    rows = union_all(*(select(statement.subquery()) for statement in statements)).subquery()
    return select(func.count(), func.count(distinct(case((rows.c.fits, rows.c.id))))).select_from(rows)
