"""The conditions of a filter on rows of `studies`, each with the index ranges in which it holds.

Clauses and statements are made once for each kind of filter, because making one takes longer than running it:
values are named parameters (`Condition.parameters`), a clause that is used again is the same object, and
`prepared` finds a statement by its clauses.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, cast

from sqlalchemy import (
    BindParameter,
    ColumnClause,
    ColumnElement,
    Integer,
    Select,
    TableClause,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.orm import Session

from db.clock import now
from db.tables import Study, StudyKey
from db.worklist.search_keys import KEY_LENGTH, begins_word, fold, fold_name
from db.worklist.wildcards import compile_patterns, to_like
from db.worklist.worklist_filter import WorklistFilter

RANGES: Final = 64
"""Largest number of index ranges to merge; a condition with more is evaluated on the rows."""

DISTINCT: Final = 1000
"""Largest number of distinct stations, senders or modalities to compare with a wildcard."""

LEAST_OF_STATION: Final = 3
"""Characters of a text from which on it is compared with stations: `R` would find all of `ROOM1`."""

LISTED: Final = 500
"""Largest number of values in one index range."""

Column = ColumnClause[Any]

STUDIES: Final = cast(TableClause, Study.__table__).c
"""Columns of the table, not of the mapped class: statements of these take less time."""
_KEYS: Final = cast(TableClause, StudyKey.__table__).c

prepared: Final = lru_cache(maxsize=1024)
"""Keeps what a function makes from its arguments; clauses among them are compared by identity."""

NEVER: Final = literal_column("1") == 0


@dataclass(frozen=True, eq=False)
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
        return select(_KEYS.study_id if self.is_further else STUDIES.id).where(self.clause)

    def select_studies(self, *columns: ColumnElement[Any], most: int) -> Select[Any]:
        """Return the statement that reads columns of its studies, at most so many, some of them twice."""
        if not self.is_further:
            return select(*columns).where(self.clause).limit(most)
        # Between two limits PostgreSQL reads the range first; else it may read all studies in order.
        found = self.select_ids().limit(most).subquery()
        joined = select(*columns).select_from(found).join(Study.__table__, STUDIES.id == found.c.study_id)
        return joined.limit(most)


@dataclass(frozen=True, eq=False)
class Condition:
    """One condition of a filter.

    Attributes:
        holds: clause on a row that no index serves, so that the database keeps to the plan chosen here.
        column: first column of an index in the worklist's order, with `values` as its ranges.
        keys: the index ranges of all studies that meet it, not in the worklist's order.
        implied: True when every study in the ranges of `keys` meets the condition.
        parameters: values of the parameters of `holds`, `keys` and `find_ranges`.
    """

    holds: ColumnElement[bool]
    column: Column | None = None
    values: Sequence[str] = ()
    keys: Sequence[Key] = ()
    implied: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def find_ranges(self) -> Key | None:
        """Return the ranges of `column` as one key, or None for a condition without such a column."""
        return None if self.column is None else _find_listed(self.column, f"{self.column.name}_values")


def bind(conditions: Iterable[Condition]) -> dict[str, Any]:
    """Return the values of all parameters of conditions."""
    bound: dict[str, Any] = {}
    for condition in conditions:
        bound |= condition.parameters
    return bound


def list_conditions(session: Session, wanted: WorklistFilter) -> list[Condition]:
    """Return the conditions of a filter, those first that usually few studies meet."""
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    conditions = [
        _identify(STUDIES.study_instance_uid, wanted.study_instance_uids, STUDIES.study_instance_uid, str),
        _identify(STUDIES.accession_number, wanted.accession_numbers, STUDIES.accession_key, fold),
        _identify(STUDIES.patient_id, wanted.patient_ids, STUDIES.patient_id_key, fold),
        _begin(is_postgresql, fold_name(wanted.name_prefix)),
        _search(session, wanted.text),
        _receive(wanted.received_from, wanted.received_before),
        _date(session, wanted.study_date_from, wanted.study_date_to),
        _match(session, STUDIES.differing_verdicts, ["?*"] if wanted.readers_differ else []),
        _match(session, STUDIES.notices, wanted.notices),
        _choose(STUDIES.refusal, wanted.refusals),
        _match(session, STUDIES.stations, wanted.stations),
        _match(session, STUDIES.senders, wanted.senders),
        _choose(STUDIES.state, wanted.states),
        _match(session, STUDIES.modalities, wanted.modalities),
    ]
    if wanted.findings:
        findings = {"finding_values": list(wanted.findings)}
        conditions.append(Condition(_is_listed(STUDIES.finding, "finding_values"), parameters=findings))
    return [condition for condition in conditions if condition is not None]


def of_type(column: Column, name: str, *, many: bool = False) -> BindParameter[Any]:
    """Return a parameter with the column's type; `many` for a list."""
    return bindparam(name, type_=column.type, expanding=many)


def _read(column: Column) -> ColumnElement[str]:
    """Return the column's value in a form that no index serves."""
    return func.coalesce(column, "")


@prepared
def _is_listed(column: Column, name: str) -> ColumnElement[bool]:
    return _read(column).in_(of_type(column, name, many=True))


@prepared
def _find_listed(column: Column, name: str) -> Key:
    return Key(column.in_(of_type(column, name, many=True)))


def _identify(
    column: Column, values: Collection[str], key: Column, make_key: Callable[[str], str | None]
) -> Condition | None:
    if not values:
        return None
    name = f"{column.name}_values"
    made = sorted({made for value in values if (made := make_key(value))})
    lists = {f"{name}_{at}": made[at : at + LISTED] for at in range(0, len(made), LISTED)}
    keys = [_find_listed(key, listed) for listed in lists]
    return Condition(_is_listed(column, name), keys=keys, parameters={name: list(values), **lists})


def _begin(is_postgresql: bool, prefix: str | None) -> Condition | None:
    """Return the condition that the first component group of the name begins with `prefix`."""
    if not prefix:
        return None
    holds, keys = _make_beginning(is_postgresql, (STUDIES.name_key,), "prefix")
    return Condition(holds, keys=keys, implied=True, parameters=_bind_beginning("prefix", prefix))


def _search(session: Session, typed: str | None) -> Condition | None:
    if typed is None or not typed.strip():
        return None
    begun = {"name": fold_name(typed), "number": fold(typed)}
    beginnings = {name: beginning for name, beginning in begun.items() if beginning}
    if not beginnings:
        return Condition(NEVER)
    parameters: dict[str, Any] = {}
    for name, beginning in beginnings.items():
        parameters |= _bind_beginning(name, beginning)
    if stations := _find_stations(session, beginnings.get("number", "")):
        parameters["found_stations"] = stations
    distinct = {beginning: name for name, beginning in reversed(beginnings.items())}
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    holds, keys = _make_search(
        is_postgresql, tuple(beginnings), tuple(sorted(distinct.values())), has_stations=bool(stations)
    )
    return Condition(holds, keys=keys, implied=True, parameters=parameters)


@prepared
def _make_search(
    is_postgresql: bool, beginnings: Sequence[str], distinct: Sequence[str], *, has_stations: bool
) -> tuple[ColumnElement[bool], Sequence[Key]]:
    """Return clause and keys of a search for names and numbers that begin like parameters.

    Args:
        is_postgresql: False for SQLite.
        beginnings: `name`, `number` or both.
        distinct: those of them to compare with further keys.
        has_stations: whether studies of some stations are found too.
    """
    columns = {"name": (STUDIES.name_key,), "number": (STUDIES.patient_id_key, STUDIES.accession_key)}
    found = [_make_beginning(is_postgresql, columns[name], name) for name in beginnings]
    found += [_make_further(is_postgresql, name) for name in distinct]
    if has_stations:
        stations = _find_listed(STUDIES.stations, "found_stations")
        found.append((_is_listed(STUDIES.stations, "found_stations"), [stations]))
    return or_(*(holds for holds, _ in found)), [key for _, keys in found for key in keys]


def _make_further(is_postgresql: bool, name: str) -> tuple[ColumnElement[bool], Sequence[Key]]:
    """Return clause and key of the studies of which any further key begins with a parameter."""
    in_range = _in_key_range(is_postgresql, _KEYS.key, name)
    # No EXISTS: PostgreSQL would hash the keys of all studies for it.
    first = select(_KEYS.study_id).where(_KEYS.study_id == STUDIES.id, _begins(_KEYS.key, name)).limit(1)
    holds = first.correlate(Study.__table__).scalar_subquery().is_not(None)
    return holds, [Key(in_range, is_further=True)]


def _find_stations(session: Session, beginning: str) -> list[str]:
    """Return the values of `stations` of which a word begins so, where there are few enough to compare."""
    if len(beginning) < LEAST_OF_STATION:
        return []
    known = _list_distinct(session, STUDIES.stations)
    return [
        value
        for value in known[:DISTINCT]
        if any(begins_word(station, beginning) for station in _fold_stations(value))
    ]


@lru_cache(maxsize=DISTINCT)
def _fold_stations(value: str) -> list[str]:
    return [fold(station) or "" for station in value.split("\\")]


@prepared
def _make_beginning(
    is_postgresql: bool, columns: Sequence[Column], name: str
) -> tuple[ColumnElement[bool], Sequence[Key]]:
    """Return clause and keys of the studies of which any of the key columns begins with a parameter."""
    keys = [Key(_in_key_range(is_postgresql, column, name)) for column in columns]
    return or_(*(_begins(column, name) for column in columns)), keys


def _begins(column: Column, name: str) -> ColumnElement[bool]:
    return func.substr(column, 1, bindparam(f"{name}_length", type_=Integer)) == of_type(
        column, f"{name}_begin"
    )


def _in_key_range(is_postgresql: bool, column: Column, name: str) -> ColumnElement[bool]:
    """Return the range of keys that begin with a parameter, by code point under any collation."""
    begin, end = of_type(column, f"{name}_begin"), of_type(column, f"{name}_end")
    if is_postgresql:
        return and_(column.bool_op("~>=~")(begin), column.bool_op("~<~")(end))
    return and_(column >= begin, column < end)


def _bind_beginning(name: str, prefix: str) -> dict[str, Any]:
    prefix = prefix[:KEY_LENGTH]
    return {f"{name}_begin": prefix, f"{name}_end": prefix + "\U0010ffff", f"{name}_length": len(prefix)}


def _choose(column: Column, values: Collection[str]) -> Condition | None:
    return _list(column, sorted(set(values))) if values else None


def _list(column: Column, values: Sequence[str]) -> Condition:
    """Return the condition that a column has any of the values, of an index in the worklist's order."""
    name = f"{column.name}_values"
    return Condition(_is_listed(column, name), column, values, parameters={name: values})


def _receive(first: datetime | None, end: datetime | None) -> Condition | None:
    if first is None and end is None:
        return None
    bounds = {"received_from": first, "received_before": end}
    holds = _make_reception(has_first=first is not None, has_end=end is not None)
    if first is None:
        return Condition(holds, parameters=bounds)
    last = (now() + timedelta(days=1)) if end is None else end.astimezone(UTC)
    days = _list_days(first.astimezone(UTC).date(), last.date())
    return _bound_by_days(holds, STUDIES.received_day, days, bounds)


@prepared
def _make_reception(*, has_first: bool, has_end: bool) -> ColumnElement[bool]:
    received = STUDIES.received_at
    bounds = [received >= of_type(received, "received_from")] if has_first else []
    bounds += [received < of_type(received, "received_before")] if has_end else []
    return and_(*bounds)


def _date(session: Session, first: str | None, last: str | None) -> Condition | None:
    if first is None and last is None:
        return None
    bounds = {"study_date_from": first or "0", "study_date_to": last}
    holds = _make_dates(has_last=last is not None)
    if last is None:
        last = session.scalar(select(func.max(STUDIES.study_date)))
    if first is None or last is None or not last.isdecimal() or len(last) != 8:
        return Condition(holds, parameters=bounds)
    try:
        days = _list_days(_parse(first), _parse(last))
    except ValueError:
        days = None
    return _bound_by_days(holds, STUDIES.study_date, days, bounds)


@prepared
def _make_dates(*, has_last: bool) -> ColumnElement[bool]:
    value = _read(STUDIES.study_date)
    bounds = [value >= of_type(STUDIES.study_date, "study_date_from")]
    bounds += [value <= of_type(STUDIES.study_date, "study_date_to")] if has_last else []
    return and_(*bounds)


def _bound_by_days(
    holds: ColumnElement[bool], column: Column, days: Sequence[str] | None, bounds: dict[str, Any]
) -> Condition:
    if days is None:
        return Condition(holds, parameters=bounds)
    return Condition(holds, column, days, parameters={f"{column.name}_values": days, **bounds})


def _parse(day: str) -> date:
    return date(int(day[:4]), int(day[4:6]), int(day[6:]))


def _list_days(first: date, last: date) -> list[str] | None:
    """Return the days from `first` to `last` as YYYYMMDD, or None when they are more than `RANGES`."""
    count = (last - first).days + 1
    return None if count > RANGES else [f"{first + timedelta(days=day):%Y%m%d}" for day in range(count)]


def _match(session: Session, column: Column, patterns: Collection[str]) -> Condition | None:
    """Return the condition that any of the column's values, separated by backslashes, matches a pattern."""
    if not patterns or "*" in patterns:
        return None
    known = _list_distinct(session, column)
    if len(known) > DISTINCT:
        names = [f"{column.name}_pattern_{number}" for number in range(len(patterns))]
        holds = _make_likeness(column, tuple(names))
        return Condition(holds, parameters=dict(zip(names, map(to_like, patterns), strict=True)))
    fits = compile_patterns(patterns)
    return _list(column, [value for value in known if any(fits(part) for part in value.split("\\"))])


@prepared
def _make_likeness(column: Column, names: Sequence[str]) -> ColumnElement[bool]:
    padded = literal_column("'\\'").concat(_read(column)).concat(literal_column("'\\'"))
    return or_(*(padded.like(of_type(column, name), escape="!") for name in names))


def _list_distinct(session: Session, column: Column) -> list[str]:
    """Return the column's distinct values, up to `DISTINCT` + 1, by one index step each."""
    return list(session.scalars(_select_distinct(column)))


@prepared
def _select_distinct(column: Column) -> Select[str]:
    first = select(func.min(column).label("value")).where(column > "").cte("known", recursive=True)
    following = select(func.min(column)).where(column > first.c.value).scalar_subquery()
    known = first.union_all(select(following).where(first.c.value.is_not(None)))
    return select(known.c.value).where(known.c.value.is_not(None)).limit(DISTINCT + 1)
