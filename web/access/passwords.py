"""Passwords, by Argon2id (RFC 9106)."""

from __future__ import annotations

import threading
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST: Final = 12
LONGEST: Final = 256
FEWEST_DIFFERENT: Final = 5

MOST_AT_ONCE: Final = 2
"""Each takes 64 MiB and a core for a moment: many logins at once must not take the machine."""

_HASHER: Final = PasswordHasher()
_SLOTS: Final = threading.BoundedSemaphore(MOST_AT_ONCE)


class WeakPasswordError(Exception):
    """The password will not do; the text says why. Permanent."""


def check_strength(password: str, name: str) -> None:
    """Raise `WeakPasswordError` when a password is not good enough for the user `name`."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise WeakPasswordError(f"a password has {SHORTEST} to {LONGEST} characters: a few words are good")
    if len(set(password)) < FEWEST_DIFFERENT:
        raise WeakPasswordError(f"a password has at least {FEWEST_DIFFERENT} different characters")
    if name and name.lower() in password.lower() and len(password) < len(name) + SHORTEST:
        raise WeakPasswordError("a password is not the user's name with a little around it")


def hash_password(password: str) -> str:
    """Return the encoded Argon2id hash: parameters, salt and all."""
    with _SLOTS:
        return _HASHER.hash(password)


NOBODY: Final = hash_password("nobody has this password")
"""An unknown user's password is compared with this one: the answer takes as long as a known user's."""


def verify(password: str, password_hash: str | None) -> bool:
    """True when the password is the one that was hashed; None stands for an unknown user's hash."""
    with _SLOTS:
        try:
            same = _HASHER.verify(password_hash or NOBODY, password[: LONGEST + 1])
        except (VerificationError, InvalidHashError):
            return False
    return same and password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """True when today's parameters are others than those of this hash."""
    return _HASHER.check_needs_rehash(password_hash)
