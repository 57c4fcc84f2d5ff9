"""The key of a film, which names it in files and logs without its UID."""

from __future__ import annotations

import hashlib


def film_key(sop_instance_uid: str) -> str:
    """Return the SHA-256 of a film's SOP Instance UID, hexadecimal."""
    return hashlib.sha256(sop_instance_uid.encode("utf-8", "surrogateescape")).hexdigest()
