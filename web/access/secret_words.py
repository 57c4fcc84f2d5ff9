"""What a browser or a program shows to be let in: random words, of which the database holds the hash."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

TOKEN_PREFIX: Final = "tbs_"  # noqa: S105  by which people and secret scanners know it
RANDOM_BYTES: Final = 32


def make_secret(prefix: str = "") -> str:
    """Return a new random word of 256 bits, in letters that cookies and headers take."""
    return prefix + secrets.token_urlsafe(RANDOM_BYTES)


def hash_secret(secret: str) -> str:
    """Return the SHA-256, hexadecimal. A random word of 256 bits needs neither salt nor time."""
    return hashlib.sha256(secret.encode()).hexdigest()


def derive_csrf(secret: str) -> str:
    """Return the word that a form must carry beside the cookie with `secret`: others cannot know it."""
    return hmac.new(secret.encode(), b"tbscreen form", hashlib.sha256).hexdigest()


def is_same(one: str, other: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())
