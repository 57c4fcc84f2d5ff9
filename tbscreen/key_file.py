"""A secret key in a file that its user alone may read; made if missing."""

from __future__ import annotations

import os
import secrets
import tempfile
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
    if not path.exists():
        _make_key(path)
    return _read_key(path)


def _make_key(path: Path) -> None:
    """Write a key that is whole on the disk before it has its name."""
    descriptor, name = tempfile.mkstemp(".partial", f".{path.name}-", path.parent)
    partial = Path(name)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(partial)
        except FileExistsError:  # another process made it meanwhile
            pass
        except OSError:  # a file system without links, such as a Windows share
            partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)


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
