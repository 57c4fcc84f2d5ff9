"""The conditions of a filter on rows of `studies`, each with the index ranges in which it holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.clock import now
from db.tables import Study, StudyKey
from db.worklist.search_keys import KEY_LENGTH, begins_word, fold, fold_name
from db.worklist.worklist_filter import WorklistFilter

RANGES: Final = 64
"""Largest number of index ranges to merge; a condition with more is evaluated on the rows."""

DISTINCT: Final = 1000
"""Largest number of distinct stations, senders or modalities to compare with a wildcard."""


LEAST_OF_STATION: Final = 3
"""Characters of a text from which on it is compared with stations: `R` would find all of `ROOM1`."""


@dataclass(frozen=True)
class Key:
    """A clause that is one index range, not in the worklist's order.

    Attributes:
        clause: on `studies`, or on `study_keys` for further keys.
        is_further: True for a clause on `study_keys`.
    """

    clause: ColumnElement[bool]
    is_further: bool = False

    def select_ids(self) -> Select[int]:
        """Return the statement that reads the rows of its studies, some of them twice, from its index."""
        return select(StudyKey.study_id if self.is_further else Study.id).where(self.clause)

    def select_studies(
        self, *columns: ColumnElement[Any] | InstrumentedAttribute[Any], most: int
    ) -> Select[Any]:
        """Return the statement that reads columns of its studies, at most so many, some of them twice."""
        if not self.is_further:
            return select(*columns).where(self.clause).limit(most)
        # Between two limits PostgreSQL reads the range first; else it may read all studies in order.
        found = self.select_ids().limit(most).subquery()
        joined = select(*columns).select_from(found).join(Study, Study.id == found.c.study_id)
        return joined.limit(most)


@dataclass(frozen=True)
class Condition:
    """One condition of a filter.

    Attributes:
        holds: clause on a row that no index serves, so that the database keeps to the plan chosen here.
        column: first column of an index in the worklist's order, with `values` as its ranges.
        keys: the index ranges of all studies that meet it, not in the worklist's order.
        implied: True when every study in the ranges of `keys` meets the condition.
    """

    holds: ColumnElement[bool]
    column: InstrumentedAttribute[Any] | None = None
    values: Sequence[str] = ()
    keys: Sequence[Key] = ()
    implied: bool = False


def list_conditions(session: Session, wanted: WorklistFilter) -> list[Condition]:
    """Return the conditions of a filter, those first that usually few studies meet."""
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    conditions = [
        _identify(Study.study_instance_uid, wanted.study_instance_uids, Study.study_instance_uid, str),
        _identify(Study.accession_number, wanted.accession_numbers, Study.accession_key, fold),
        _identify(Study.patient_id, wanted.patient_ids, Study.patient_id_key, fold),
        _begin(is_postgresql, [Study.name_key], fold_name(wanted.name_prefix)),
        _search(session, wanted.text),
        _receive(wanted.received_from, wanted.received_before),
        _date(session, wanted.study_date_from, wanted.study_date_to),
        _match(session, Study.differing_verdicts, ["?*"] if wanted.readers_differ else []),
        _match(session, Study.notices, wanted.notices),
        _choose(Study.refusal, wanted.refusals),
        _match(session, Study.stations, wanted.stations),
        _match(session, Study.senders, wanted.senders),
        _choose(Study.state, wanted.states),
        _match(session, Study.modalities, wanted.modalities),
    ]
    if wanted.findings:
        conditions.append(Condition(_read(Study.finding).in_(wanted.findings)))
    return [condition for condition in conditions if condition is not None]


def _read(column: InstrumentedAttribute[Any]) -> ColumnElement[str]:
    """Return the column's value in a form that no index serves."""
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
        _read(column).in_(values), keys=[Key(key.in_(keys[at : at + 500])) for at in range(0, len(keys), 500)]
    )


def _search(session: Session, typed: str | None) -> Condition | None:
    if typed is None or not typed.strip():
        return None
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    by_name = _begin(is_postgresql, [Study.name_key], fold_name(typed))
    by_number = _begin(is_postgresql, [Study.patient_id_key, Study.accession_key], fold(typed))
    beginnings = sorted({begin for begin in (fold_name(typed), fold(typed)) if begin})
    further = [_begin_further(is_postgresql, begin) for begin in beginnings]
    found = [condition for condition in (by_name, by_number, *further) if condition is not None]
    if not found:
        return Condition(literal_column("1") == 0)
    if stations := _find_stations(session, fold(typed) or ""):
        found.append(Condition(_read(Study.stations).in_(stations), keys=[Key(Study.stations.in_(stations))]))
    keys = [key for condition in found for key in condition.keys]
    return Condition(or_(*(condition.holds for condition in found)), keys=keys, implied=True)


def _begin_further(is_postgresql: bool, prefix: str) -> Condition:
    """Return the condition that any further key begins with `prefix`."""
    in_range = _in_key_range(is_postgresql, StudyKey.key, prefix)
    begins = func.substr(StudyKey.key, 1, len(prefix)) == prefix
    # No EXISTS: PostgreSQL would hash the keys of all studies for it.
    first = select(StudyKey.study_id).where(StudyKey.study_id == Study.id, begins).limit(1)
    holds = first.correlate(Study).scalar_subquery().is_not(None)
    return Condition(holds, keys=[Key(in_range, is_further=True)])


def _find_stations(session: Session, beginning: str) -> list[str]:
    """Return the values of `stations` of which a word begins so, where there are few enough to compare."""
    if len(beginning) < LEAST_OF_STATION:
        return []
    known = _list_distinct(session, Study.stations)
    return [
        value
        for value in known[:DISTINCT]
        if any(begins_word(station, beginning) for station in _fold_stations(value))
    ]


@lru_cache(maxsize=DISTINCT)
def _fold_stations(value: str) -> list[str]:
    return [fold(station) or "" for station in value.split("\\")]


def _begin(
    is_postgresql: bool, columns: Sequence[InstrumentedAttribute[Any]], prefix: str | None
) -> Condition | None:
    """Return the condition that any of the key columns begins with `prefix`."""
    if not prefix:
        return None
    prefix = prefix[:KEY_LENGTH]
    return Condition(
        or_(*(func.substr(column, 1, len(prefix)) == prefix for column in columns)),
        keys=[Key(_in_key_range(is_postgresql, column, prefix)) for column in columns],
        implied=True,
    )


def _in_key_range(
    is_postgresql: bool, column: InstrumentedAttribute[Any], prefix: str
) -> ColumnElement[bool]:
    """Return the range of keys that begin with `prefix`, by code point under any collation."""
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
    last = (now() + timedelta(days=1)) if end is None else end.astimezone(UTC)
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
    return None if count > RANGES else [f"{first + timedelta(days=day):%Y%m%d}" for day in range(count)]


def _match(
    session: Session, column: InstrumentedAttribute[Any], patterns: Collection[str]
) -> Condition | None:
    """Return the condition that any of the column's values, separated by backslashes, matches a pattern."""
    if not patterns or "*" in patterns:
        return None
    known = _list_distinct(session, column)
    if len(known) > DISTINCT:
        padded = literal_column("'\\'").concat(_read(column)).concat(literal_column("'\\'"))
        return Condition(or_(*(padded.like(_to_like(pattern), escape="!") for pattern in patterns)))
    fits = compile_patterns(patterns)
    values = [value for value in known if any(fits(part) for part in value.split("\\"))]
    return Condition(_read(column).in_(values), column, values)


def compile_patterns(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Return a matcher of `patterns`: `*` is any text, `?` any character (PS3.4 C.2.2.2.4)."""
    expression = re.compile("|".join(map(_to_expression, patterns)), re.DOTALL)
    return lambda value: expression.fullmatch(value) is not None


def _to_expression(pattern: str) -> str:
    first, *others = [
        "".join("." if character == "?" else re.escape(character) for character in piece)
        for piece in pattern.split("*")
    ]
    if not others:
        return first
    # Atomic groups take the first match of each piece and never backtrack, so that no pattern takes long.
    return first + "".join(f"(?>.*?{piece})" for piece in others[:-1]) + ".*" + others[-1]


def _to_like(pattern: str) -> str:
    escaped = re.sub(r"([!%_])", r"!\1", pattern).replace("*", "%").replace("?", "_")
    return f"%\\{escaped}\\%"


def _list_distinct(session: Session, column: InstrumentedAttribute[Any]) -> list[str]:
    """Return the column's distinct values, up to `DISTINCT` + 1, by one index step each."""
    return list(session.scalars(_select_distinct(column)))


@cache  # building the statement takes longer than running it
def _select_distinct(column: InstrumentedAttribute[Any]) -> Select[str]:
    first = select(func.min(column).label("value")).where(column > "").cte("known", recursive=True)
    following = select(func.min(column)).where(column > first.c.value).scalar_subquery()
    known = first.union_all(select(following).where(first.c.value.is_not(None)))
    return select(known.c.value).where(known.c.value.is_not(None)).limit(DISTINCT + 1)
