"""Every setting with its default and meaning, as Markdown. `docs/administrator/settings.md` is its output."""

from __future__ import annotations

from enum import Enum
from typing import get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from tbscreen.settings import Settings, find_model

INTRODUCTION = """\
# Settings

Made by `tbscreen settings`. One TOML file, `tbscreen.toml` in the folder where tbscreen starts or the file
that `TBSCREEN_CONFIG` names, and environment variables, which win: `gateway.port` is
`TBSCREEN_GATEWAY__PORT`. Lists are JSON in the environment. Secrets (a URL with a password) belong into the
environment, the file, or a file of their own that `TBSCREEN_DATABASE_URL_FILE` or `TBSCREEN_BROKER_URL_FILE`
names, never on a command line. Everything is checked at start.
"""


def write_reference() -> str:
    """Return the reference, one table for the top level and one for each section."""
    top = [(name, field) for name, field in Settings.model_fields.items() if not find_model(field.annotation)]
    parts = [INTRODUCTION, _write_table("Top level", top)]
    for name, field in Settings.model_fields.items():
        parts += _write_sections(name, field)
    return "\n".join(parts)


def _write_sections(name: str, field: FieldInfo) -> list[str]:
    """Return a section's table, and those of the sections in it."""
    model = find_model(field.annotation)
    if model is None:
        return []
    title = f"`[[{name}]]`" if get_origin(field.annotation) is tuple else f"`[{name}]`"
    about = (model.__doc__ or "").strip().splitlines()[0]
    inner = [
        table
        for key, nested in model.model_fields.items()
        for table in _write_sections(f"{name}.{key}", nested)
    ]
    return [_write_table(f"{title}: {about}", list(model.model_fields.items())), *inner]


def _write_table(title: str, fields: list[tuple[str, FieldInfo]]) -> str:
    lines = [f"## {title}", "", "| key | default | meaning |", "|---|---|---|"]
    for name, field in fields:
        meaning = " ".join((field.description or "").split())
        lines.append(f"| `{name}` | {_write_default(field)} | {meaning} |")
    return "\n".join(lines) + "\n"


def _write_default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "this host's name"
    if field.default is PydanticUndefined:
        return "required"
    if field.default is None:
        return "none"
    if isinstance(field.default, BaseModel):
        return "its defaults"
    value = [*map(_name, field.default)] if isinstance(field.default, tuple) else field.default
    if value == "":
        return '`""`'
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _name(value: object) -> object:
    return value.value if isinstance(value, Enum) else value
