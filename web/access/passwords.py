"""Passwords, by Argon2id (RFC 9106)."""

from __future__ import annotations

import threading
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from domain.errors import PermanentError
from domain.languages.sentence import say

SHORTEST: Final = 12
LONGEST: Final = 256
FEWEST_DIFFERENT: Final = 5

MOST_AT_ONCE: Final = 2
"""Each hash takes 64 MiB and a core for a moment; many logins at once must not exhaust the machine."""

_HASHER: Final = PasswordHasher()
_SLOTS: Final = threading.BoundedSemaphore(MOST_AT_ONCE)


def check_strength(password: str, name: str) -> None:
    """Raise `PermanentError` when a password is not good enough for the user `name`."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise PermanentError(
            say(
                "a password has {shortest} to {longest} characters: a few words are good",
                shortest=SHORTEST,
                longest=LONGEST,
            )
        )
    if len(set(password)) < FEWEST_DIFFERENT:
        raise PermanentError(
            say("a password has at least {number} different characters", number=FEWEST_DIFFERENT)
        )
    if name and name.lower() in password.lower() and len(password) < len(name) + SHORTEST:
        raise PermanentError(say("a password is not the user's name with a little around it"))


def hash_password(password: str) -> str:
    """Return the encoded Argon2id hash with its parameters and salt."""
    with _SLOTS:
        return _HASHER.hash(password)


UNKNOWN_USER: Final = hash_password("no user has this password")
"""The hash that the password of an unknown user is compared with, so that both answers take the same time."""


def verify(password: str, password_hash: str | None) -> bool:
    """True when the password matches the hash; None stands for the hash of an unknown user."""
    with _SLOTS:
        try:
            same = _HASHER.verify(password_hash or UNKNOWN_USER, password[: LONGEST + 1])
        except (VerificationError, InvalidHashError):
            return False
    return same and password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """True when the hash was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(password_hash)
