"""Pseudonyms of patients, films and sites: keyed hashes (HMAC, RFC 2104).

With the same key, a patient has the same pseudonym in every export. Without the key, pseudonyms cannot be
found by trying identifiers.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

LENGTH: Final = 24
"""Hexadecimal digits of a pseudonym: 96 bits, so that no two of many millions are equal."""


class Pseudonyms:
    """Pseudonyms of one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @property
    def fingerprint(self) -> str:
        """Eight digits that distinguish keys without revealing them."""
        return self.name("key", "")[:8]

    def name(self, kind: str, *identifiers: str) -> str:
        """Return the pseudonym of an entity; `kind` keeps films, patients and sites apart."""
        message = "\0".join((kind, *identifiers)).encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()[:LENGTH]
