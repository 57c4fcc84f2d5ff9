"""The settings in force, each with its meaning, without secrets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from tbscreen.processes.settings_audit import hide_all
from tbscreen.settings import Settings
from web.administration.installation import SettingInForce


def list_settings(settings: Settings) -> Sequence[SettingInForce]:
    """Return every setting by section, in the order of `docs/administrator/settings.md`."""
    return list(_list_fields(settings, ""))


def _list_fields(model: BaseModel, before: str) -> Iterator[SettingInForce]:
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        key = f"{before}{name}"
        if isinstance(value, BaseModel):
            yield from _list_fields(value, f"{key}.")
        else:
            default = field.get_default(call_default_factory=True, validated_data={})
            meaning = " ".join((field.description or "").split())
            yield SettingInForce(key, _write(model, name), value == default, meaning)


def _write(model: BaseModel, name: str) -> str:
    value: Any = model.model_dump(mode="json", include={name})[name]
    hidden = hide_all(value)
    if hidden is None:
        return "none"
    return hidden if isinstance(hidden, str) else json.dumps(hidden, ensure_ascii=False)
