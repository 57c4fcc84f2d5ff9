"""Secrets in files of their own, as containers and service managers hand them over."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from domain.errors import PermanentError

SUFFIX: Final = "_FILE"
MOST_BYTES: Final = 4096


def name_variable(prefix: str, key: str) -> str:
    """Return the variable that names the file of a setting."""
    return f"{prefix}{key.upper()}{SUFFIX}"


def read_secrets(prefix: str, keys: Iterable[str]) -> dict[str, str]:
    """Return what stands in the files that `PREFIX_KEY_FILE` variables name, by key.

    Args:
        prefix: of all variables.
        keys: settings that may be in files.

    Raises:
        PermanentError: when a file cannot be read or is empty, or when the setting has a variable, too.
    """
    found = {}
    for key in keys:
        variable = name_variable(prefix, key)
        named = os.environ.get(variable)
        if not named:
            continue
        if variable.removesuffix(SUFFIX) in os.environ:
            raise PermanentError(f"{variable} and {variable.removesuffix(SUFFIX)} do not go together")
        found[key] = _read(variable, Path(named))
    return found


def _read(variable: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise PermanentError(f"{variable} = {str(path)!r}: {error.strerror}") from None
    try:
        text = content.decode("utf-8").strip()
    except UnicodeDecodeError:
        text = ""
    if not text or len(content) > MOST_BYTES or not text.isprintable():
        raise PermanentError(f"{variable} = {str(path)!r}: the file holds one line, the URL")
    return text
