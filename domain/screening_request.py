"""The message from a gateway to the workers: one array to be screened. No DICOM, no Celery.

It is serialised with msgpack and has a version; a worker accepts its own version and the previous one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeGuard

import numpy as np

from domain.array.normalization import SPEC, FilmArray
from domain.errors import PermanentError, TransientError

TASK_NAME: Final = "worker.tasks.screen"
"""Name of the Celery task that takes this message."""

QUEUE: Final = "screening"
"""Name of the queue for this message."""

URGENT, NORMAL = 0, 3
"""Priorities of messages; a worker takes the lowest first. Both are default steps of kombu's Redis transport,
so that workers of every version accept them."""

MESSAGE_VERSION: Final = 1

ACCEPTED_VERSIONS: Final = frozenset({MESSAGE_VERSION})
"""Versions that this code reads: its own and the previous one, which version 1 lacks."""


FIRST_CANARY: Final = 2_000_000_000
"""Number from which on canary films are counted in messages. No film has such a number, so that a worker of a
version without canary films finds nothing to do, and no film gets the strike of a canary film."""

MOST_CHARACTERS: Final = 256
"""Longest text in a message, characters."""


class UnknownMessageVersionError(TransientError):
    """A message of a version that this code does not know. Transient: another worker may know it."""


class MalformedMessageError(PermanentError):
    """A message that does not match its version. Permanent."""


@dataclass(frozen=True)
class ScreeningRequest:
    """One film to be screened."""

    instance_id: int
    """Row of the film revision in db."""
    film_key: str
    """Correlation id of the film in every log line; derived from its UID, which it does not reveal."""
    normalization_version: str
    array: FilmArray
    """float32 (256, 256), 0..1."""

    @property
    def canary(self) -> int | None:
        """Row of a canary film in db; None for a film."""
        return self.instance_id - FIRST_CANARY if self.instance_id > FIRST_CANARY else None

    def to_message(self) -> dict[str, Any]:
        """Return the message to serialise: plain values, and the array as little-endian bytes."""
        return {
            "version": MESSAGE_VERSION,
            "instance_id": self.instance_id,
            "film_key": self.film_key,
            "normalization_version": self.normalization_version,
            "array": np.ascontiguousarray(self.array, dtype="<f4").tobytes(),
        }

    @classmethod
    def from_message(cls, message: object) -> ScreeningRequest:
        """Read a message, with a check of every field.

        Raises:
            UnknownMessageVersionError: when its version is not one of `ACCEPTED_VERSIONS`.
            MalformedMessageError: when a field is missing, or of the wrong type, size or range.
        """
        if not isinstance(message, dict):
            raise MalformedMessageError("a screening request is a map")
        version = message.get("version")
        if type(version) is not int or version not in ACCEPTED_VERSIONS:
            raise UnknownMessageVersionError(f"screening request of version {version!r}")
        instance_id = message.get("instance_id")
        film_key = message.get("film_key")
        normalization_version = message.get("normalization_version")
        content = message.get("array")
        if type(instance_id) is not int or not 0 < instance_id < 2**63:
            raise MalformedMessageError("instance_id is a positive number of a row")
        if not _is_name(film_key) or not _is_name(normalization_version):
            raise MalformedMessageError("film_key and normalization_version are text of one line")
        expected = SPEC.rows * SPEC.columns * 4
        if not isinstance(content, bytes) or len(content) != expected:
            raise MalformedMessageError(f"array is {expected} bytes of float32")
        array = np.frombuffer(content, dtype="<f4").reshape(SPEC.rows, SPEC.columns)
        if not bool(np.all((array >= 0.0) & (array <= 1.0))):
            raise MalformedMessageError("array values are 0..1")
        return cls(instance_id, film_key, normalization_version, array.astype(np.float32))


def identify_film(message: object) -> tuple[int, str] | None:
    """Return row and key of the film that a message names, malformed or not; None if it names none."""
    if not isinstance(message, dict):
        return None
    instance_id, film_key = message.get("instance_id"), message.get("film_key")
    if type(instance_id) is int and 0 < instance_id < 2**63 and _is_name(film_key):
        return instance_id, film_key
    return None


def _is_name(value: object) -> TypeGuard[str]:
    """True for text that a log line may hold."""
    return isinstance(value, str) and len(value) <= MOST_CHARACTERS and value.isprintable()
