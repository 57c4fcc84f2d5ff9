"""Names that stand for patients, films and sites in what leaves the hospital: keyed hashes.

Whoever has the key finds the same patient again under the same name, in this export and in the next; whoever
has not, cannot try identifiers until one fits (HMAC, RFC 2104).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

KEY_BYTES: Final = 32
FEWEST_CHARACTERS: Final = 32
LENGTH: Final = 24
"""Hexadecimal digits of a name: 96 bits, so that no two of many millions are alike."""


class KeyFileError(Exception):
    """The key cannot be used. Permanent: the text says what to do."""


class Pseudonyms:
    """Makes names with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @property
    def fingerprint(self) -> str:
        """What tells two keys apart without giving one away."""
        return self.name("key", "")[:8]

    def name(self, kind: str, *identifiers: str) -> str:
        """Return the name of what these identify together; `kind` keeps a film's from a patient's."""
        message = "\0".join((kind, *identifiers)).encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()[:LENGTH]


def load_key(path: Path) -> Pseudonyms:
    """Read the key, or make one where there is no file, readable for its user alone.

    Raises:
        KeyFileError: when others may read it, or it is too short.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read_key(path)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(KEY_BYTES) + "\n")
    return _read_key(path)


def _read_key(path: Path) -> Pseudonyms:
    if path.stat().st_mode & 0o077:
        raise KeyFileError(f"{path} can be read by others: chmod 600 {path}")
    key = path.read_bytes().strip()
    if len(key) < FEWEST_CHARACTERS:
        raise KeyFileError(
            f"{path} has {len(key)} characters, a key has {FEWEST_CHARACTERS} or more: "
            "give another file, or none, and one is made"
        )
    return Pseudonyms(key)
