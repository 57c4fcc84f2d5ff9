"""Entries: frozen dataclasses made from rows, for callers outside the transaction."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

Entry = TypeVar("Entry")


def make_entry(kind: type[Entry], row: object, /, **others: Any) -> Entry:
    """Return a dataclass with the row's columns of the same names, and with `others` for its other fields."""
    names = {field.name for field in fields(kind)} - others.keys()  # type: ignore[arg-type]
    return kind(**{name: getattr(row, name) for name in names}, **others)
