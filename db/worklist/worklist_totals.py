"""The number of studies that a filter lets through, counted as far as a page can wait for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Select, and_, case, distinct, func, select, true, union_all
from sqlalchemy.orm import Session

from db.tables import READ_PLACES, Study, StudyKey
from db.worklist.worklist_conditions import Condition, list_conditions
from db.worklist.worklist_filter import WorklistFilter
from db.worklist.worklist_places import find_narrowest, following_indexes, in_segments, list_segments

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
        keyed = next((condition for condition in conditions if condition.keys), None)
        if keyed is not None:
            return _count_keyed(session, wanted, keyed, conditions)
        chosen = find_narrowest(session, [found for found in conditions if found.column is not None])
        return _count_ranges(session, wanted, chosen, conditions)


def _count_keyed(
    session: Session, wanted: WorklistFilter, keyed: Condition, conditions: Sequence[Condition]
) -> Total:
    others = [other.holds for other in conditions if other is not keyed or not keyed.implied]
    is_whole = not others and wanted == WorklistFilter(text=wanted.text, name_prefix=wanted.name_prefix)
    if is_whole:
        return _count(
            session,
            [
                select((StudyKey.study_id if key.is_further else Study.id).label("id"), true().label("fits"))
                .where(key.clause)
                .limit(EXAMINED + 1)
                for key in keyed.keys
            ],
            EXAMINED,
        )
    fits = and_(in_segments(list_segments(wanted, None)), *others).label("fits")
    statements = [key.select_studies(Study.id, fits, most=EXAMINED_BY_ROWS + 1) for key in keyed.keys]
    return _count(session, statements, EXAMINED_BY_ROWS)


def _count_ranges(
    session: Session, wanted: WorklistFilter, chosen: Condition | None, conditions: Sequence[Condition]
) -> Total:
    """Count in the ranges of one condition's index, or in those of the order."""
    others = [other.holds for other in conditions if other is not chosen]
    if chosen is not None and chosen.column is Study.received_day:
        others.append(chosen.holds)
    most = EXAMINED_BY_ROWS if others else EXAMINED
    fits = and_(true(), *others).label("fits")
    start = [] if chosen is None or chosen.column is None else [chosen.column.in_(chosen.values)]
    statements = [
        select(Study.id, fits).where(*start, segment).limit(most + 1)
        for segment in _list_counted(wanted, has_start=bool(start))
    ]
    return _count(session, statements, most)


def _list_counted(wanted: WorklistFilter, *, has_start: bool) -> list[ColumnElement[bool]]:
    """Return the segments of the order; young read studies, strewn over the order, by their day."""
    if wanted.read_since is None or wanted.priorities or has_start:
        return list_segments(wanted, None)
    segments: list[ColumnElement[bool]] = []
    if wanted.read is not True:
        segments.append(Study.place < READ_PLACES)
    if wanted.read is not False:
        # The sum is in no index: the database has to begin with the days.
        is_read = Study.place + 0.0 >= READ_PLACES
        day = f"{wanted.read_since:%Y%m%d}"
        segments.append(and_(Study.received_day >= day, Study.received_at >= wanted.read_since, is_read))
    return segments


def _count(session: Session, statements: Sequence[Select[int, bool]], most: int) -> Total:
    """Count the distinct rows that fit; inexact where any statement may have more than `most`."""
    if not statements:
        return Total(0)
    rows = union_all(*(select(statement.subquery()) for statement in statements)).subquery()
    examined, found = session.execute(
        select(func.count(), func.count(distinct(case((rows.c.fits, rows.c.id))))).select_from(rows)
    ).one()
    return Total(min(found, most), is_exact=examined <= most)
