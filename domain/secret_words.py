"""Random secrets of cookies, tokens and forms; the database holds their hashes alone."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

TOKEN_PREFIX: Final = "tbs_"  # noqa: S105  a prefix for people and secret scanners
RANDOM_BYTES: Final = 32


def make_secret(prefix: str = "") -> str:
    """Return a new random secret of 256 bits in URL-safe characters."""
    return prefix + secrets.token_urlsafe(RANDOM_BYTES)


def hash_secret(secret: str) -> str:
    """Return the SHA-256, hexadecimal. A random secret of 256 bits needs no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def derive_csrf(secret: str) -> str:
    """Return the CSRF token of the session with `secret`; without the cookie it cannot be computed."""
    return hmac.new(secret.encode(), b"tbscreen form", hashlib.sha256).hexdigest()


def derive_film_token(secret: str, study_instance_uid: str, instance_id: int) -> str:
    """Return the token of a study's film in the session with `secret`; only its cookie gives it."""
    text = f"tbscreen film {instance_id} {study_instance_uid}".encode("utf-8", "surrogatepass")
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def is_same(given: str, expected: str) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(given.encode(), expected.encode())
