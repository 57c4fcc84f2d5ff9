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
    ARRAY,
    ColumnElement,
    CompoundSelect,
    Select,
    Text,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.orm import Session

from db.tables import READ_PLACES
from db.worklist.worklist_conditions import (
    NEVER,
    RANGES,
    STUDIES,
    Column,
    Condition,
    Key,
    bind,
    list_conditions,
    of_type,
    prepared,
)
from db.worklist.worklist_filter import WorklistFilter
from domain.codes import Priority

GATHERED: Final = 100
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


_PLACE: Final = (STUDIES.place, STUDIES.received_at, STUDIES.id)

_EVERYWHERE: Final = literal_column("1") == 1

_IS_BEHIND: Final = tuple_(*_PLACE) > tuple_(*(of_type(column, f"after_{column.name}") for column in _PLACE))


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
        parameters = bind(conditions) | bind_segments(wanted, after)
        for keyed in conditions:
            if keyed.keys:
                residual = [other.holds for other in conditions if other is not keyed or not keyed.implied]
                within = [in_segments(segments), *residual]
                most = SORTED_BY_ROWS if residual else SORTED
                found = find_keyed(session, keyed.keys, _PLACE, within, parameters, most, limit)
                if found is not None:
                    return [Place(*row) for row in found]
        mergeable = [
            condition
            for condition in conditions
            if condition.column is not None and len(condition.values) * len(segments) <= 2 * RANGES
        ]
        chosen = find_narrowest(session, mergeable, parameters)
        residual = [condition.holds for condition in conditions if condition is not chosen]
        return _merge(session, chosen, segments, residual, parameters, limit)


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


def list_segments(wanted: WorklistFilter, after: Place | None) -> tuple[ColumnElement[bool], ...]:
    """Return the segments of the order that hold the wanted studies, in order."""
    pieces: list[tuple[float, float]] = []
    for first in [READ_PLACES * read for read in ((0, 1) if wanted.read is None else (int(wanted.read),))]:
        if wanted.priorities:
            ranks = sorted({Priority(name).rank if name else 0 for name in wanted.priorities}, reverse=True)
            pieces.extend((first + BAND * (3 - rank), first + BAND * (4 - rank)) for rank in ranks)
        elif wanted.read is not None or wanted.read_since is not None:
            pieces.append((first, first + READ_PLACES))
    if not pieces:
        return (_EVERYWHERE if after is None else _IS_BEHIND,)
    return tuple(
        _make_segment(
            low,
            high,
            is_begun=after is not None and after.place >= low,
            is_young=wanted.read_since is not None and low >= READ_PLACES,
        )
        for low, high in pieces
        if after is None or after.place < high
    )


def bind_segments(wanted: WorklistFilter, after: Place | None = None) -> dict[str, Any]:
    """Return the values of the parameters of segments."""
    bound: dict[str, Any] = {"read_since": wanted.read_since}
    return (
        bound
        if after is None
        else bound | {f"after_{name}": value for name, value in after._asdict().items()}
    )


@prepared
def _make_segment(low: float, high: float, *, is_begun: bool, is_young: bool) -> ColumnElement[bool]:
    """Return the clause of the places from `low` to below `high`; of those behind `after`, if it is begun."""
    young = [STUDIES.received_at >= of_type(STUDIES.received_at, "read_since")] if is_young else []
    return and_(_IS_BEHIND if is_begun else STUDIES.place >= low, STUDIES.place < high, *young)


def in_segments(segments: tuple[ColumnElement[bool], ...]) -> ColumnElement[bool]:
    """Return the condition that a study is in any of these segments."""
    return _join_segments(segments) if segments else NEVER


@prepared
def _join_segments(segments: tuple[ColumnElement[bool], ...]) -> ColumnElement[bool]:
    return or_(*segments)


# ---- statements ------------------------------------------------------------------------------------------


def _merge(
    session: Session,
    chosen: Condition | None,
    segments: tuple[ColumnElement[bool], ...],
    residual: Sequence[ColumnElement[bool]],
    parameters: dict[str, Any],
    limit: int,
) -> list[Place]:
    if not segments:
        return []
    column = None if chosen is None else chosen.column
    values = () if chosen is None else chosen.values
    if chosen is not None and column is STUDIES.received_day:  # the range of a day exceeds the wanted hours
        residual = [*residual, chosen.holds]
    if column is not None and len(values) > MERGED and _is_postgresql(session):
        return _read_heads(session, column, segments, residual, parameters | {"heads": values}, limit)
    statement = _make_merge(
        column, len(values), segments, tuple(residual), limit, is_postgresql=_is_postgresql(session)
    )
    ranges = {f"range_{number}": value for number, value in enumerate(values)}
    return [Place(*row) for row in session.execute(statement, parameters | ranges)]


@prepared
def _make_merge(
    column: Column | None,
    count: int,
    segments: tuple[ColumnElement[bool], ...],
    residual: tuple[ColumnElement[bool], ...],
    limit: int,
    *,
    is_postgresql: bool,
) -> Select[Any]:
    """Return the statement of the first places of so many ranges of a column, or of the order."""
    starts = [[]] if column is None else [[column == of_type(column, f"range_{at}")] for at in range(count)]
    terms = [select(*_PLACE).where(*start, segment, *residual) for start in starts for segment in segments]
    if len(terms) == 1:
        return terms[0].order_by(*_PLACE).limit(limit)
    if is_postgresql:  # it merges sorted inputs by itself
        terms = [select(term.order_by(*_PLACE).limit(limit).subquery()) for term in terms]
    merged = union_all(*terms).subquery()
    return select(merged).order_by(*merged.c).limit(limit)


def _read_heads(
    session: Session,
    column: Column,
    segments: Sequence[ColumnElement[bool]],
    residual: Sequence[ColumnElement[bool]],
    parameters: dict[str, Any],
    limit: int,
) -> list[Place]:
    """Return the first places of many ranges, because PostgreSQL takes too long to plan their merge."""
    found: list[Place] = []
    for segment in segments:
        statement = _make_heads(column, segment, tuple(residual), limit)
        found.extend(Place(*row) for row in session.execute(statement, parameters))
        if len(found) >= limit:
            break
    return sorted(found)[:limit]


@prepared
def _make_heads(
    column: Column, segment: ColumnElement[bool], residual: tuple[ColumnElement[bool], ...], limit: int
) -> Select[Any]:
    wanted = func.unnest(bindparam("heads", type_=ARRAY(Text))).table_valued("value").render_derived()
    head = (
        select(*_PLACE)
        .where(column == wanted.c.value, segment, *residual)
        .order_by(*_PLACE)
        .limit(limit)
        .lateral()
    )
    return select(head).select_from(wanted).join(head, true()).order_by(*head.c).limit(limit)


def find_keyed(
    session: Session,
    keys: Sequence[Key],
    order: tuple[Column, ...],
    within: Sequence[ColumnElement[bool]],
    parameters: dict[str, Any],
    most: int,
    limit: int,
) -> list[tuple[Any, ...]] | None:
    """Return the first studies with these keys, which an index of the keys gives and which are then sorted.

    Args:
        session: one that reads.
        keys: the index ranges of the studies, together.
        order: columns to return and to sort by, the last of them unique.
        within: further conditions.
        parameters: values of the parameters of `keys` and `within`.
        most: largest number of studies with a key for the database to sort.
        limit: largest number of studies.

    Returns:
        None when too many studies have a key.
    """
    statement = _make_gathering(tuple(keys), order, tuple(within))
    rows = session.execute(statement, parameters).all()
    if len(rows) <= GATHERED or max(Counter(row.number for row in rows).values()) <= GATHERED:
        return sorted({tuple(row[:-2]) for row in rows if row.fits})[:limit]
    limits = [min(most, SORTED_FURTHER) if key.is_further else most for key in keys]
    counts = _count(session, keys, max(limits) + 1, parameters)
    if any(count > most_of_key for count, most_of_key in zip(counts, limits, strict=True)):
        return None
    statement = _make_sorting(tuple(keys), order, tuple(within), most, limit)
    return sorted({tuple(row) for row in session.execute(statement, parameters)})[:limit]


@prepared
def _make_gathering(
    keys: tuple[Key, ...], order: tuple[Column, ...], within: tuple[ColumnElement[bool], ...]
) -> Select[Any] | CompoundSelect[Any]:
    """Return the statement of the studies with these keys: of each key `GATHERED` and one more at most."""
    fits = and_(*within).label("fits")
    terms = [
        key.select_studies(*order, fits, literal_column(str(number)).label("number"), most=GATHERED + 1)
        for number, key in enumerate(keys)
    ]
    return terms[0] if len(terms) == 1 else union_all(*(select(term.subquery()) for term in terms))


@prepared
def _make_sorting(
    keys: tuple[Key, ...],
    order: tuple[Column, ...],
    within: tuple[ColumnElement[bool], ...],
    most: int,
    limit: int,
) -> CompoundSelect[Any]:
    """Return the statement of the first studies with each of these keys."""
    heads = []
    for key in keys:
        rows = key.select_studies(*order, and_(*within).label("fits"), most=most).subquery()
        columns = [rows.c[column.key] for column in order]
        head = select(*columns).where(rows.c.fits).order_by(*columns).limit(limit)
        heads.append(select((head.distinct() if key.is_further else head).subquery()))
    return union_all(*heads)


def find_narrowest(
    session: Session, conditions: Sequence[Condition], parameters: dict[str, Any]
) -> Condition | None:
    """Return the condition that the fewest studies meet; the first, if all exceed `COUNTED`."""
    if len(conditions) < 2:
        return conditions[0] if conditions else None
    met = [found for condition in conditions if (found := condition.find_ranges())]
    counts = _count(session, met, COUNTED + 1, parameters)
    return min(zip(counts, range(len(counts)), conditions, strict=True))[2]


def _count(session: Session, keys: Sequence[Key], at_most: int, parameters: dict[str, Any]) -> list[int]:
    """Return the number of rows of each key, counted up to `at_most`."""
    return list(session.execute(_make_counting(tuple(keys), at_most), parameters).one())


@prepared
def _make_counting(keys: tuple[Key, ...], at_most: int) -> Select[Any]:
    counted = [key.select_ids().limit(at_most).subquery() for key in keys]
    return select(*(select(func.count()).select_from(rows).scalar_subquery() for rows in counted))
