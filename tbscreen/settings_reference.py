"""Every setting with its default and meaning, as Markdown. `docs/settings.md` is its output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from tbscreen.settings import Settings

INTRODUCTION = """\
# Settings

Made by `tbscreen settings`. One TOML file, `tbscreen.toml` in the folder where tbscreen starts or the file
that `TBSCREEN_CONFIG` names, and environment variables, which win: `gateway.port` is
`TBSCREEN_GATEWAY__PORT`. Lists are JSON in the environment. Secrets (a URL with a password) belong into the
environment or the file, never on a command line. Everything is checked at start.
"""


def write_reference() -> str:
    """Return the reference, one table for the top level and one for each section."""
    top = [(name, field) for name, field in Settings.model_fields.items() if _find_model(field) is None]
    parts = [INTRODUCTION, _write_table("Top level", top)]
    for name, field in Settings.model_fields.items():
        model = _find_model(field)
        if model is not None:
            title = f"`[[{name}]]`" if name == "peers" else f"`[{name}]`"
            about = (model.__doc__ or "").strip().splitlines()[0]
            parts.append(_write_table(f"{title}: {about}", list(model.model_fields.items())))
            parts.extend(_write_lists(name, model))
    return "\n".join(parts)


def _write_lists(section: str, model: type[BaseModel]) -> Iterator[str]:
    """Yield a table for each list of tables within a section."""
    for name, field in model.model_fields.items():
        inner = _find_model(field)
        if inner is not None:
            about = (inner.__doc__ or "").strip().splitlines()[0]
            yield _write_table(f"`[[{section}.{name}]]`: {about}", list(inner.model_fields.items()))


def _find_model(field: FieldInfo) -> type[BaseModel] | None:
    for candidate in (field.annotation, *get_args(field.annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


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
    value = list(field.default) if isinstance(field.default, tuple) else field.default
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
