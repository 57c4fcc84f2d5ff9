"""The worklist's order, and the index ranges of a filtered page.

Every study has a place (`Study.place`): unread before read, then priority bands, then the calibrated score.
Each condition that few studies meet has an index in that order, so that its studies come out of the index in
the worklist's order. Several values (the days of a week, the station names that match a wildcard) are several
ranges, which the database merges as it reads them. No table is sorted or scanned; the other conditions are
evaluated on the rows that the index gives.

Few studies share a key that identifies a patient or a study: they are read by the index of the key and
sorted. Keys of more than `SORTED` studies are compared along the order instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    func,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.tables import READ_PLACES, Study
from db.worklist.worklist_conditions import RANGES, Condition, Key, list_conditions
from db.worklist.worklist_filter import WorklistFilter
from domain.codes import Priority

GATHERED: Final = 500
"""Largest number of studies with a key to sort in this process."""

SORTED: Final = 20_000
"""Largest number of studies with a key for the database to sort, from the index alone."""

SORTED_BY_ROWS: Final = 2000
"""The same number where other conditions have to be evaluated on the rows."""

SORTED_FURTHER: Final = 5000
"""The same number for further keys, whose index has no places: each study is a step more."""

MERGED: Final = 8
"""Largest number of ranges for PostgreSQL to merge; with more, it sorts the first rows of each range."""

COUNTED: Final = 2000
"""Largest number of a condition's studies to count when the narrowest condition is chosen."""

BAND: Final = 4.0
"""Width of a priority band in places."""


class Place(NamedTuple):
    """The place of a study in the order; the smallest comes first."""

    place: float
    received_at: datetime
    id: int


def find_places(session: Session, wanted: WorklistFilter, after: Place | None, limit: int) -> list[Place]:
    """Return the places of the next `limit` studies of the order that come after `after`."""
    with following_indexes(session):
        conditions = list_conditions(session, wanted)
        if any(condition.column is not None and not condition.values for condition in conditions):
            return []
        segments = list_segments(wanted, after)
        for keyed in conditions:
            if keyed.keys:
                residual = [other.holds for other in conditions if other is not keyed or not keyed.implied]
                within = [in_segments(segments), *residual]
                most = SORTED_BY_ROWS if residual else SORTED
                if (found := find_keyed(session, keyed.keys, _PLACE, within, most, limit)) is not None:
                    return [Place(*row) for row in found]
        mergeable = [
            condition
            for condition in conditions
            if condition.column is not None and len(condition.values) * len(segments) <= 2 * RANGES
        ]
        chosen = find_narrowest(session, mergeable)
        residual = [condition.holds for condition in conditions if condition is not chosen]
        return _merge(session, chosen, segments, residual, limit)


_PLANNER: Final = {
    "enable_sort": "off",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "jit": "off",
    "plan_cache_mode": "force_custom_plan",
}
# Built once: building the statement takes longer than running it.
_FOLLOW_INDEXES: Final = "SELECT " + ", ".join(
    [f"current_setting('{name}')" for name in _PLANNER]
    + [f"set_config('{name}', '{value}', true)" for name, value in _PLANNER.items()]
)
_PLAN_AS_BEFORE: Final = "SELECT " + ", ".join(f"set_config('{name}', %s, true)" for name in _PLANNER)


@contextmanager
def following_indexes(session: Session) -> Iterator[None]:
    """Make PostgreSQL's planner use the indexes, because it misjudges the rows that meet two conditions."""
    if not _is_postgresql(session):
        yield
        return
    connection = session.connection()
    before = connection.exec_driver_sql(_FOLLOW_INDEXES).one()
    yield
    connection.exec_driver_sql(_PLAN_AS_BEFORE, tuple(before[: len(_PLANNER)]))


def _is_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


# ---- segments of the order -------------------------------------------------------------------------------


def list_segments(wanted: WorklistFilter, after: Place | None) -> list[ColumnElement[bool]]:
    """Return the segments of the order that hold the wanted studies, in order."""
    pieces: list[tuple[float, float]] = []
    for first in [READ_PLACES * read for read in ((0, 1) if wanted.read is None else (int(wanted.read),))]:
        if wanted.priorities:
            ranks = sorted({Priority(name).rank if name else 0 for name in wanted.priorities}, reverse=True)
            pieces.extend((first + BAND * (3 - rank), first + BAND * (4 - rank)) for rank in ranks)
        elif wanted.read is not None or wanted.read_since is not None:
            pieces.append((first, first + READ_PLACES))
    if not pieces:
        return [_is_behind(after)] if after is not None else [literal_column("1") == 1]
    segments = []
    for low, high in pieces:
        since = wanted.read_since if low >= READ_PLACES else None
        young = [] if since is None else [Study.received_at >= since]
        if after is None or after.place < low:
            segments.append(and_(Study.place >= low, Study.place < high, *young))
        elif after.place < high:
            segments.append(and_(_is_behind(after), Study.place < high, *young))
    return segments


def _is_behind(after: Place) -> ColumnElement[bool]:
    columns = tuple_(Study.place, Study.received_at, Study.id)
    return columns > tuple_(*after)


def in_segments(segments: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    """Return the condition that a study is in any of these segments."""
    return or_(*segments) if segments else literal_column("1") == 0


# ---- statements ------------------------------------------------------------------------------------------

_PLACE = (Study.place, Study.received_at, Study.id)


def _merge(
    session: Session,
    chosen: Condition | None,
    segments: Sequence[ColumnElement[bool]],
    residual: Sequence[ColumnElement[bool]],
    limit: int,
) -> list[Place]:
    if chosen is None or chosen.column is None:
        ranges: list[list[ColumnElement[bool]]] = [[]]
    else:
        ranges = [[chosen.column == value] for value in chosen.values]
        if chosen.column is Study.received_day:  # the range of a day exceeds the wanted hours
            residual = [*residual, chosen.holds]
        if len(ranges) > MERGED and _is_postgresql(session):
            return _read_heads(session, chosen, segments, residual, limit)
    terms = [select(*_PLACE).where(*start, segment, *residual) for start in ranges for segment in segments]
    if len(terms) < 2:
        found = session.execute(terms[0].order_by(*_PLACE).limit(limit)) if terms else ()
        return [Place(*row) for row in found]
    if _is_postgresql(session):  # it merges sorted inputs by itself
        terms = [select(term.order_by(*_PLACE).limit(limit).subquery()) for term in terms]
    merged = union_all(*terms).subquery()
    statement = select(merged).order_by(*merged.c).limit(limit)
    return [Place(*row) for row in session.execute(statement)]


def _read_heads(
    session: Session,
    chosen: Condition,
    segments: Sequence[ColumnElement[bool]],
    residual: Sequence[ColumnElement[bool]],
    limit: int,
) -> list[Place]:
    """Return the first places of many ranges, because PostgreSQL takes too long to plan their merge."""
    assert chosen.column is not None
    wanted = func.unnest(array(chosen.values, type_=Text)).table_valued("value").render_derived()
    found: list[Place] = []
    for segment in segments:
        head = (
            select(*_PLACE)
            .where(chosen.column == wanted.c.value, segment, *residual)
            .order_by(*_PLACE)
            .limit(limit)
            .lateral()
        )
        statement = select(head).select_from(wanted).join(head, true()).order_by(*head.c).limit(limit)
        found.extend(Place(*row) for row in session.execute(statement))
        if len(found) >= limit:
            break
    return sorted(found)[:limit]


def find_keyed(
    session: Session,
    keys: Sequence[Key],
    order: Sequence[InstrumentedAttribute[Any]],
    within: Sequence[ColumnElement[bool]],
    most: int,
    limit: int,
) -> list[tuple[Any, ...]] | None:
    """Return the first studies with these keys, which an index of the keys gives and which are then sorted.

    Args:
        session: one that reads.
        keys: the index ranges of the studies, together.
        order: columns to return and to sort by, the last of them unique.
        within: further conditions.
        most: largest number of studies with a key for the database to sort.
        limit: largest number of studies.

    Returns:
        None when too many studies have a key.
    """
    found = _gather(session, keys, order, within)
    return _sort(session, keys, order, within, most, limit) if found is None else found[:limit]


def _gather(
    session: Session,
    keys: Sequence[Key],
    order: Sequence[InstrumentedAttribute[Any]],
    within: Sequence[ColumnElement[bool]],
) -> list[tuple[Any, ...]] | None:
    """Return all studies with these keys, in order; None when more than `GATHERED` have one of them."""
    fits = and_(*within).label("fits")
    terms = [
        key.select_studies(*order, fits, literal_column(str(number)).label("number"), most=GATHERED + 1)
        for number, key in enumerate(keys)
    ]
    together = terms[0] if len(terms) == 1 else union_all(*(select(term.subquery()) for term in terms))
    rows = session.execute(together).all()
    if len(rows) > GATHERED and max(Counter(row.number for row in rows).values()) > GATHERED:
        return None
    return sorted({tuple(row[:-2]) for row in rows if row.fits})


def _sort(
    session: Session,
    keys: Sequence[Key],
    order: Sequence[InstrumentedAttribute[Any]],
    within: Sequence[ColumnElement[bool]],
    most: int,
    limit: int,
) -> list[tuple[Any, ...]] | None:
    """Return the first studies with these keys; None when the database would have to sort too many."""
    limits = [min(most, SORTED_FURTHER) if key.is_further else most for key in keys]
    counts = _count(session, [key.select_ids() for key in keys], max(limits) + 1)
    if any(count > most_of_key for count, most_of_key in zip(counts, limits, strict=True)):
        return None
    heads = []
    for key in keys:
        rows = key.select_studies(*order, and_(*within).label("fits"), most=most).subquery()
        columns = [rows.c[column.key] for column in order]
        head = select(*columns).where(rows.c.fits).order_by(*columns).limit(limit)
        heads.append(select((head.distinct() if key.is_further else head).subquery()))
    return sorted({tuple(row) for row in session.execute(union_all(*heads))})[:limit]


def find_narrowest(session: Session, conditions: Sequence[Condition]) -> Condition | None:
    """Return the condition that the fewest studies meet; the first, if all exceed `COUNTED`."""
    if len(conditions) < 2:
        return conditions[0] if conditions else None
    met = [
        select(Study.id).where(condition.column.in_(condition.values))
        for condition in conditions
        if condition.column is not None
    ]
    counts = _count(session, met, COUNTED + 1)
    return min(zip(counts, range(len(counts)), conditions, strict=True))[2]


def _count(session: Session, statements: Sequence[Select[int]], at_most: int) -> list[int]:
    """Return the number of rows of each statement, counted up to `at_most`."""
    counts = [
        select(func.count()).select_from(statement.limit(at_most).subquery()).scalar_subquery()
        for statement in statements
    ]
    return list(session.execute(select(*counts)).one())
