"""Contractions between two versions of the tables: removals and new demands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, MetaData, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql


def find_contractions(before: MetaData, after: MetaData) -> list[str]:
    """Return, in words, all that a program written for `before` could stumble over in `after`.

    Args:
        before: reflected.
        after: reflected from the same kind of database.
    """
    found: list[str] = []
    for name, table in before.tables.items():
        if name not in after.tables:
            found.append(f"{name} is gone")
            continue
        newer = after.tables[name]
        found += _compare_columns(table, newer)
        found += _compare_rules(table, newer)
    return found


def _compare_columns(before: Table, after: Table) -> Iterator[str]:
    for column in before.columns:
        place = f"{before.name}.{column.name}"
        if column.name not in after.columns:
            yield f"{place} is gone"
            continue
        newer = after.columns[column.name]
        if not _holds_all_of(newer, column):
            yield f"{place} is {_spell(newer)}, was {_spell(column)}"
        if column.nullable and not newer.nullable:
            yield f"{place} may not be empty any more"
        if newer.nullable and not column.nullable:
            yield f"{place} may be empty, which it could not"
        if column.server_default is not None and newer.server_default is None:
            yield f"{place} has no default any more"
    for column in after.columns:
        is_given = column.nullable or column.server_default is not None or column.computed is not None
        if column.name not in before.columns and not is_given:
            yield f"{after.name}.{column.name} is new and has no default"


def _compare_rules(before: Table, after: Table) -> Iterator[str]:
    old, new = _list_unique(before), _list_unique(after)
    for columns in sorted(old - new):
        yield f"{before.name}: ({', '.join(columns)}) is not unique any more"
    for columns in sorted(new - old):
        added = [after.columns[name] for name in columns if name not in before.columns]
        if not any(column.nullable for column in added):  # an old program leaves those NULL, which differ
            yield f"{before.name}: ({', '.join(columns)}) must be unique"
    keys = _list_foreign_keys(before)
    for columns, target in sorted(_list_foreign_keys(after) - keys):
        if set(columns) & _list_names(before):
            yield f"{before.name}: ({', '.join(columns)}) must be in {target}"
    checks = _list_checks(before)
    for text in sorted(_list_checks(after) - checks):
        if any(re.search(rf"\b{re.escape(name)}\b", text) for name in _list_names(before)):
            yield f"{before.name}: must be {text}"


def _holds_all_of(newer: Column[Any], older: Column[Any]) -> bool:
    """True when every value of the older column fits into the newer one and comes back the same."""
    if _spell(newer) == _spell(older):
        return True
    length: int | None = getattr(older.type, "length", None)
    if type(newer.type) is not type(older.type) or length is None:
        return False
    newer_length: int | None = getattr(newer.type, "length", None)
    return newer_length is None or newer_length >= length


def _spell(column: Column[Any]) -> str:
    return column.type.compile(dialect=postgresql.dialect())  # type: ignore[no-untyped-call]


def _list_names(table: Table) -> set[str]:
    return {column.name for column in table.columns}


def _list_unique(table: Table) -> set[tuple[str, ...]]:
    """Return what must be unique, in the whole table or in the part that an index covers."""
    found = {tuple(sorted(column.name for column in table.primary_key.columns))}
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            found.add(tuple(sorted(column.name for column in constraint.columns)))
    for index in table.indexes:
        if index.unique:
            found.add(tuple(sorted(column.name for column in index.columns)))
    return found


def _list_foreign_keys(table: Table) -> set[tuple[tuple[str, ...], str]]:
    return {
        (tuple(constraint.column_keys), constraint.referred_table.name)
        for constraint in table.constraints
        if isinstance(constraint, ForeignKeyConstraint)
    }


def _list_checks(table: Table) -> set[str]:
    return {
        str(constraint.sqltext) for constraint in table.constraints if isinstance(constraint, CheckConstraint)
    }
