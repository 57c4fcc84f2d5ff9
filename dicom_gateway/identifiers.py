"""UIDs of tbscreen's objects, derived from their sources, so that the same result has the same UID."""

from __future__ import annotations

import hashlib
import uuid


def derive_uid(*parts: str) -> str:
    """Return a UID that depends on `parts` alone.

    UUID-derived (PS3.5 B.2): `2.25.` and the decimal value of a version 5 style UUID, computed
    from the SHA-256 of the parts.
    """
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=5).int}"
