"""Pseudonyms of patients, films and sites: keyed hashes (HMAC, RFC 2104).

With one key a patient has the same name in every export. Without the key, trying identifiers finds no name.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

LENGTH: Final = 24
"""Hexadecimal digits of a name: 96 bits, so that no two of many millions are alike."""


class Pseudonyms:
    """Pseudonyms of one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @property
    def fingerprint(self) -> str:
        """Eight digits that tell two keys apart without giving either away."""
        return self.name("key", "")[:8]

    def name(self, kind: str, *identifiers: str) -> str:
        """Return the pseudonym of an entity; `kind` keeps films, patients and sites apart."""
        message = "\0".join((kind, *identifiers)).encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()[:LENGTH]
