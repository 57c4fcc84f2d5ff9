"""UIDs of canary films: UUID-derived (PS3.5 B.2), of UUIDs of version 8 (RFC 9562 5.8) with a mark.

The mark spares films a query: only under a UID with the mark is a canary film looked for.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Final

_DIGEST: Final = int.from_bytes(hashlib.sha256(b"tbscreen canary film").digest()[:8])
MARK: Final = _DIGEST & ~(0xF << 12) | 8 << 12
"""The upper 64 bits of the UUID; version 8 in bits 12 to 15."""
_FORM: Final = re.compile(r"2\.25\.([1-9][0-9]{30,38})")


def make_canary_uid() -> str:
    """Return a UID that nobody can guess: 62 random bits behind the mark."""
    return f"2.25.{MARK << 64 | 0b10 << 62 | secrets.randbits(62)}"


def is_canary_uid(uid: str) -> bool:
    """True for a UID with the mark, whoever made it."""
    found = _FORM.fullmatch(uid)
    return found is not None and int(found[1]) >> 64 == MARK
