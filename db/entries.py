"""Entries: frozen dataclasses made from rows, for callers outside the transaction."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

Entry = TypeVar("Entry")


def make_entry(kind: type[Entry], /, *rows: object, **others: Any) -> Entry:
    """Return a dataclass of `others`; each further field is taken from the first row with such a column."""
    values = dict(others)
    for field in fields(kind):  # type: ignore[arg-type]
        if field.name not in others:
            row = next(row for row in rows if hasattr(row, field.name))
            values[field.name] = getattr(row, field.name)
    return kind(**values)
