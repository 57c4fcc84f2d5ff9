"""UIDs of tbscreen and of its objects, derived from their sources: the same result has the same UID."""

from __future__ import annotations

import hashlib
import uuid
from importlib.metadata import version
from typing import Final


def derive_uid(*parts: str) -> str:
    """Return a UID that depends on `parts` alone.

    UUID-derived (PS3.5 B.2): `2.25.` and the decimal value of a version 5 style UUID, computed
    from the SHA-256 of the parts.
    """
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=5).int}"


IMPLEMENTATION_CLASS_UID: Final = derive_uid("tbscreen", "implementation class")
"""Of tbscreen as an application entity (PS3.7 D.3.3.2.1)."""
IMPLEMENTATION_VERSION_NAME: Final = "TBSCREEN_" + version("tbscreen").partition(".dev")[0][:7]
"""At most 16 characters (PS3.7 D.3.3.2.3)."""
