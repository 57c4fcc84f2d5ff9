"""A secret key in a file that its user alone may read; made if missing."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from domain.errors import PermanentError
from domain.languages.sentence import say

KEY_BYTES: Final = 32
FEWEST_CHARACTERS: Final = 32


def load_key(path: Path) -> bytes:
    """Read the key; make the file, mode 0600, if it is missing.

    Raises:
        PermanentError: when others may read it, or it is too short.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read_key(path)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(KEY_BYTES) + "\n")
    return _read_key(path)


def _read_key(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise PermanentError(say("{path} can be read by others: chmod 600 {path}", path=path))
    key = path.read_bytes().strip()
    if len(key) < FEWEST_CHARACTERS:
        raise PermanentError(
            say(
                "{path} has {number} characters, a key has {fewest} or more: name another file, or let "
                "tbscreen make one",
                path=path,
                number=len(key),
                fewest=FEWEST_CHARACTERS,
            )
        )
    return key
