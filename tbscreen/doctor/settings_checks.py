"""Checks of the settings file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from dicom_gateway.association.certificates import find_readers
from tbscreen.doctor.check import Check, Health
from tbscreen.settings import SECRET_KEYS, find_file


def examine_settings_file() -> Iterator[Check]:
    """Yield where the settings come from, and whether others can read a password there."""
    file = find_file()
    yield Check("settings", Health.GOOD, f"read from {file}" if file else "defaults and environment")
    if file is None:
        return
    readers = find_readers(file)
    keys = _find_passwords(file) if readers else []
    if keys:
        health = Health.BAD if readers == "everyone" else Health.NOTE
        finding = f"{file} holds a password ({', '.join(keys)}) and can be read by {readers}"
        advice = f"chmod 600 {file}, and change the password; or use TBSCREEN_{keys[0].upper()}_FILE"
        yield Check("settings file", health, finding, advice)


def _find_passwords(file: Path) -> list[str]:
    """Return the keys of URLs with a password in a settings file that was read before."""
    content = tomllib.loads(file.read_text("utf-8"))
    return [key for key in SECRET_KEYS if _has_password(str(content.get(key, "")))]


def _has_password(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.password) or any("password" in name for name in parse_qs(parts.query))
