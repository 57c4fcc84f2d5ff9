"""Names that stand for patients, films and sites in what leaves the hospital: keyed hashes.

Whoever has the key finds the same patient again under the same name, in this export and in the next; whoever
has not, cannot try identifiers until one fits (HMAC, RFC 2104).
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

LENGTH: Final = 24
"""Hexadecimal digits of a name: 96 bits, so that no two of many millions are alike."""


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
