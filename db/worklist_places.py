"""The worklist's order, and the index ranges in which a filtered page of it lies.

Every study has a place (`Study.place`): read ones behind unread ones, then priority bands, then the
calibrated score. Each condition that few studies meet has an index of its own in that order, so that its
studies come out of the index as the worklist wants them. Several values (the days of a week, the station
names that a wildcard means) are several ranges, which the database merges as it reads them. Nothing is
sorted, and no table is read from end to end; what the other conditions ask is looked up in the rows met.

What identifies a patient or a study is rarely shared by many: those few are gathered by the index of the
key and put in order here. A text that fits more than `GATHERED` studies is looked up in the order instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Text,
    and_,
    func,
    literal_column,
    or_,
    select,
    text,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.codes import Priority
from db.search_keys import KEY_LENGTH, fold, fold_name
from db.tables import READ_PLACES, Study
from db.worklist_filter import WorklistFilter

GATHERED: Final = 1000
"""So many studies that share a key are put in order here."""

RANGES: Final = 64
"""So many index ranges are merged at most; a condition that needs more is looked up in the rows."""

MERGED: Final = 8
"""So many ranges PostgreSQL merges; of more it reads the first rows of each, and puts those in order."""

COUNTED: Final = 2000
"""So far a condition's studies are counted to find the narrowest one."""

DISTINCT: Final = 1000
"""So many different stations, senders or modalities are compared with a wildcard at most."""

BAND: Final = 4.0
"""Width of a priority band in places."""


class Place(NamedTuple):
    """Where a study stands in the order: smaller comes first."""

    place: float
    received_at: datetime
    id: int


@dataclass(frozen=True)
class Condition:
    """One condition of a filter.

    Attributes:
        holds: looked up in a row; never by an index, so that the plan is the one chosen here.
        column: the first column of an index in the worklist's order, with `values` as the ranges wanted.
        keys: clauses of which each is one range of an index, not in the worklist's order.
    """

    holds: ColumnElement[bool]
    column: InstrumentedAttribute[Any] | None = None
    values: Sequence[str] = ()
    keys: Sequence[ColumnElement[bool]] = ()


def find_places(session: Session, wanted: WorklistFilter, after: Place | None, limit: int) -> list[Place]:
    """Return the places of the next `limit` studies of the order that come after `after`."""
    conditions = _compile(session, wanted)
    if any(one.column is not None and not one.values for one in conditions):
        return []
    segments = _list_segments(wanted, after)
    _insist_on_order(session)
    for one in conditions:
        if one.keys:
            others = [other.holds for other in conditions if other is not one]
            gathered = _gather(session, one, [*others, _in_segments(segments)])
            if gathered is not None:
                return gathered[:limit]
    mergeable = [
        one for one in conditions if one.column is not None and len(one.values) * len(segments) <= 2 * RANGES
    ]
    chosen = _find_narrowest(session, mergeable)
    residual = [one.holds for one in conditions if one is not chosen]
    return _merge(session, chosen, segments, residual, limit)


def _insist_on_order(session: Session) -> None:
    """Have PostgreSQL follow the indexes: its guesses about rows that meet two conditions are far off."""
    if _is_postgresql(session):
        session.execute(
            text(
                "SELECT set_config('enable_sort', 'off', true), set_config('enable_seqscan', 'off', true), "
                "set_config('enable_bitmapscan', 'off', true), set_config('jit', 'off', true), "
                "set_config('plan_cache_mode', 'force_custom_plan', true)"
            )
        )


def _is_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


# ---- segments of the order -------------------------------------------------------------------------------


def _list_segments(wanted: WorklistFilter, after: Place | None) -> list[ColumnElement[bool]]:
    """Return the pieces of the order in which the wanted studies stand, first come first."""
    pieces: list[tuple[float, float]] = []
    for first in [READ_PLACES * read for read in ((0, 1) if wanted.read is None else (int(wanted.read),))]:
        if wanted.priorities:
            ranks = sorted({Priority(one).rank if one else 0 for one in wanted.priorities}, reverse=True)
            pieces.extend((first + BAND * (3 - rank), first + BAND * (4 - rank)) for rank in ranks)
        elif wanted.read is not None:
            pieces.append((first, first + READ_PLACES))
    if not pieces:
        return [_is_behind(after)] if after is not None else [literal_column("1") == 1]
    segments = []
    for low, high in pieces:
        if after is None or after.place < low:
            segments.append(and_(Study.place >= low, Study.place < high))
        elif after.place < high:
            segments.append(and_(_is_behind(after), Study.place < high))
    return segments


def _is_behind(after: Place) -> ColumnElement[bool]:
    columns = tuple_(Study.place, Study.received_at, Study.id)
    return columns > tuple_(*after)


def _in_segments(segments: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
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
        if chosen.column is Study.received_day:  # a day's range holds more than the hours asked for
            residual = [*residual, chosen.holds]
        if len(ranges) > MERGED and _is_postgresql(session):
            return _read_heads(session, chosen, segments, residual, limit)
    terms = [select(*_PLACE).where(*start, segment, *residual) for start in ranges for segment in segments]
    if len(terms) < 2:
        found = session.execute(terms[0].order_by(*_PLACE).limit(limit)) if terms else ()
        return [Place(*row) for row in found]
    if _is_postgresql(session):  # it merges what is in order by itself, and sorts the rest
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
    """Return the first places of the first rows of many ranges: PostgreSQL plans a merge of many too long."""
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


def _gather(
    session: Session, condition: Condition, residual: Sequence[ColumnElement[bool]]
) -> list[Place] | None:
    """Return all places that a key leads to, in order; None when they are too many."""
    found: set[Place] = set()
    for key in condition.keys:
        rows = session.execute(
            select(*_PLACE, and_(condition.holds, *residual)).where(key).limit(GATHERED + 1)
        ).all()
        if len(rows) > GATHERED:
            return None
        found.update(Place(*row[:3]) for row in rows if row[3])
    return sorted(found)


def _find_narrowest(session: Session, conditions: Sequence[Condition]) -> Condition | None:
    """Return the condition that the fewest studies meet; of those beyond `COUNTED`, the first."""
    if len(conditions) < 2:
        return conditions[0] if conditions else None

    def count(condition: Condition) -> int:
        assert condition.column is not None
        rows = select(Study.id).where(condition.column.in_(condition.values)).limit(COUNTED + 1).subquery()
        return session.scalar(select(func.count()).select_from(rows)) or 0

    return min(conditions, key=count)


# ---- a filter's conditions, those that are usually narrow first -------------------------------------------


def _compile(session: Session, wanted: WorklistFilter) -> list[Condition]:
    is_postgresql = _is_postgresql(session)
    conditions = [
        _identify(Study.study_instance_uid, wanted.study_instance_uids, Study.study_instance_uid, str),
        _identify(Study.accession_number, wanted.accession_numbers, Study.accession_key, fold),
        _identify(Study.patient_id, wanted.patient_ids, Study.patient_id_key, fold),
        _begin(is_postgresql, [Study.name_key], fold_name(wanted.name_prefix)),
        _search(is_postgresql, wanted.text),
        _receive(wanted.received_from, wanted.received_before),
        _date(session, wanted.study_date_from, wanted.study_date_to),
        _choose(Study.refusal, wanted.refusals),
        _match(session, Study.stations, wanted.stations),
        _match(session, Study.senders, wanted.senders),
        _choose(Study.state, wanted.states),
        _match(session, Study.modalities, wanted.modalities),
    ]
    if wanted.findings:
        conditions.append(Condition(_read(Study.finding).in_(wanted.findings)))
    return [one for one in conditions if one is not None]


def _read(column: InstrumentedAttribute[Any]) -> ColumnElement[str]:
    """The column's value in a form that no index holds."""
    return func.coalesce(column, "")


def _identify(
    column: InstrumentedAttribute[Any],
    values: Collection[str],
    key: InstrumentedAttribute[Any],
    make_key: Callable[[str], str | None],
) -> Condition | None:
    if not values:
        return None
    keys = sorted({made for value in values if (made := make_key(value))})
    return Condition(
        _read(column).in_(values), keys=[key.in_(keys[at : at + 500]) for at in range(0, len(keys), 500)]
    )


def _search(is_postgresql: bool, typed: str | None) -> Condition | None:
    if typed is None or not typed.strip():
        return None
    by_name = _begin(is_postgresql, [Study.name_key], fold_name(typed))
    by_number = _begin(is_postgresql, [Study.patient_id_key, Study.accession_key], fold(typed))
    both = [one for one in (by_name, by_number) if one is not None]
    if not both:
        return Condition(literal_column("1") == 0)
    return Condition(or_(*(one.holds for one in both)), keys=[key for one in both for key in one.keys])


def _begin(
    is_postgresql: bool, columns: Sequence[InstrumentedAttribute[Any]], prefix: str | None
) -> Condition | None:
    """Return the condition that one of the key columns begins with `prefix`."""
    if not prefix:
        return None
    prefix = prefix[:KEY_LENGTH]
    return Condition(
        or_(*(func.substr(column, 1, len(prefix)) == prefix for column in columns)),
        keys=[_in_key_range(is_postgresql, column, prefix) for column in columns],
    )


def _in_key_range(
    is_postgresql: bool, column: InstrumentedAttribute[Any], prefix: str
) -> ColumnElement[bool]:
    """All keys that begin with `prefix`, compared by code point whatever the database's collation."""
    end = prefix + "\U0010ffff"
    if is_postgresql:
        return and_(column.bool_op("~>=~")(prefix), column.bool_op("~<~")(end))
    return and_(column >= prefix, column < end)


def _choose(column: InstrumentedAttribute[Any], values: Collection[str]) -> Condition | None:
    if not values:
        return None
    return Condition(_read(column).in_(values), column, sorted(set(values)))


def _receive(first: datetime | None, end: datetime | None) -> Condition | None:
    if first is None and end is None:
        return None
    bounds = [Study.received_at >= first] if first is not None else []
    bounds += [Study.received_at < end] if end is not None else []
    if first is None:
        return Condition(and_(*bounds))
    last = (datetime.now(UTC) + timedelta(days=1)) if end is None else end.astimezone(UTC)
    days = _list_days(first.astimezone(UTC).date(), last.date())
    return Condition(and_(*bounds)) if days is None else Condition(and_(*bounds), Study.received_day, days)


def _date(session: Session, first: str | None, last: str | None) -> Condition | None:
    if first is None and last is None:
        return None
    value = _read(Study.study_date)
    bounds = [value >= (first or "0")]
    bounds += [value <= last] if last is not None else []
    holds = and_(*bounds)
    if last is None:
        last = session.scalar(select(func.max(Study.study_date)))
    if first is None or last is None or not last.isdecimal() or len(last) != 8:
        return Condition(holds)
    try:
        days = _list_days(_parse(first), _parse(last))
    except ValueError:
        return Condition(holds)
    return Condition(holds) if days is None else Condition(holds, Study.study_date, days)


def _parse(day: str) -> date:
    return date(int(day[:4]), int(day[4:6]), int(day[6:]))


def _list_days(first: date, last: date) -> list[str] | None:
    """Return the days from `first` to `last` as YYYYMMDD, or None when they are more than `RANGES`."""
    count = (last - first).days + 1
    return None if count > RANGES else [f"{first + timedelta(days=one):%Y%m%d}" for one in range(count)]


def _match(
    session: Session, column: InstrumentedAttribute[Any], patterns: Collection[str]
) -> Condition | None:
    """Return the condition that one of the column's values, set apart by backslashes, fits a pattern."""
    if not patterns or "*" in patterns:
        return None
    known = _list_distinct(session, column)
    if len(known) > DISTINCT:
        padded = literal_column("'\\'").concat(_read(column)).concat(literal_column("'\\'"))
        return Condition(or_(*(padded.like(_to_like(one), escape="!") for one in patterns)))
    fits = compile_patterns(patterns)
    values = [one for one in known if any(fits(part) for part in one.split("\\"))]
    return Condition(_read(column).in_(values), column, values)


def compile_patterns(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Return whether a value fits one of `patterns`: `*` is any text, `?` one character (PS3.4 C.2.2.2.4)."""
    expression = re.compile("|".join(map(_to_expression, patterns)), re.DOTALL)
    return lambda value: expression.fullmatch(value) is not None


def _to_expression(pattern: str) -> str:
    first, *others = [
        "".join("." if one == "?" else re.escape(one) for one in piece) for piece in pattern.split("*")
    ]
    if not others:
        return first
    # Atomic groups: the first place where a piece fits will do, so that no pattern takes long.
    return first + "".join(f"(?>.*?{piece})" for piece in others[:-1]) + ".*" + others[-1]


def _to_like(pattern: str) -> str:
    escaped = re.sub(r"([!%_])", r"!\1", pattern).replace("*", "%").replace("?", "_")
    return f"%\\{escaped}\\%"


def _list_distinct(session: Session, column: InstrumentedAttribute[Any]) -> list[str]:
    """Return the column's different values, at most one more than `DISTINCT`, by a step of the index each."""
    first = select(func.min(column).label("value")).where(column > "").cte("known", recursive=True)
    following = select(func.min(column)).where(column > first.c.value).scalar_subquery()
    known = first.union_all(select(following).where(first.c.value.is_not(None)))
    statement = select(known.c.value).where(known.c.value.is_not(None)).limit(DISTINCT + 1)
    return list(session.scalars(statement))
