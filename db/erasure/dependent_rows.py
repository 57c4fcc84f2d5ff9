"""Deletion of rows with all rows that refer to them, by the foreign keys of the tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, delete, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.tables import Record

AT_ONCE: Final = 500


def delete_with_dependents(
    session: Session, numbering: InstrumentedAttribute[int], numbers: Collection[int]
) -> Counter[str]:
    """Delete the rows of these numbers, and all rows that refer to them.

    Every table is found by its foreign keys, so a table that is added later is not forgotten.

    Args:
        session: one that writes.
        numbering: the primary key of a table.
        numbers: of its rows.

    Returns:
        The number of rows that went, by table.
    """
    return +_delete(session, numbering.property.columns[0], numbers)


def _delete(session: Session, column: ColumnElement[Any], values: Collection[Any]) -> Counter[str]:
    assert isinstance(column, Column)
    counts: Counter[str] = Counter()
    ordered = sorted(set(values))
    for first in range(0, len(ordered), AT_ONCE):
        rows = column.in_(ordered[first : first + AT_ONCE])
        for table in reversed(Record.metadata.sorted_tables):
            for key in table.foreign_keys:
                if key.column.table is column.table:
                    referred = session.scalars(select(key.column).where(rows)).all()
                    counts += _delete(session, key.parent, referred)
        gone = session.execute(delete(column.table).where(rows))
        counts[column.table.name] += gone.rowcount  # type: ignore[attr-defined]
    return counts
