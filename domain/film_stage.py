"""Stages of a film's processing: each binds the film's id to log lines and is recorded for tracing.

No DICOM, no Celery, no database. Without a recorder, a stage costs one reading of the clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from structlog.contextvars import bound_contextvars

FILM_ID_LENGTH: Final = 12
"""Hexadecimal digits of the film key that log lines carry as `film`: 48 bits."""

Attribute = str | int | float | bool


@dataclass
class Stage:
    """One stage of one film in one process, with its start and end. Holds no patient data."""

    name: str
    film_key: str
    """SHA-256 of the film's SOP Instance UID, hexadecimal; unchecked if it came in a message."""
    started_ns: int
    """Nanoseconds since 1970, UTC, of `time.time_ns`."""
    ended_ns: int = 0
    is_first: bool = False
    """True for the first reception of the film, the parent of all other stages."""
    failure: str | None = None
    """Reason of a failure, never with values of the header."""
    attributes: dict[str, Attribute] = field(default_factory=dict)

    def note(self, **attributes: Attribute) -> None:
        """Add attributes: codes, counts, names of peers and models."""
        self.attributes.update(attributes)


Recorder = Callable[[Stage], None]
"""Function that takes an ended stage. It must neither wait nor raise, because it runs in the film's way."""

_recorders: list[Recorder] = []


def record_into(recorder: Recorder | None) -> None:
    """Record all further stages of this process with `recorder`; None stops recording."""
    _recorders[:] = [] if recorder is None else [recorder]


def shorten_key(film_key: str) -> str:
    """Return the film's id in the logs."""
    return film_key[:FILM_ID_LENGTH]


@contextmanager
def stage(name: str, film_key: str, **attributes: Attribute) -> Iterator[Stage]:
    """Run the block as one stage of a film; the type of an exception that leaves it is its failure."""
    current = Stage(name, film_key, time.time_ns(), attributes=attributes)
    try:
        with bound_contextvars(film=shorten_key(film_key)):
            yield current
    except BaseException as error:
        current.failure = type(error).__name__
        raise
    finally:
        _tell(current)


def tell(
    name: str, film_key: str, started_ns: int, failure: str | None = None, **attributes: Attribute
) -> None:
    """Record a stage that ends now and was not run in one block.

    Args:
        name: name of the stage.
        film_key: key of the film.
        started_ns: start of the stage, nanoseconds since 1970, UTC.
        failure: reason of a failure.
        attributes: codes, counts, names of peers and models.
    """
    _tell(Stage(name, film_key, started_ns, failure=failure, attributes=attributes))


def _tell(current: Stage) -> None:
    if _recorders:
        current.ended_ns = time.time_ns()
        _recorders[0](current)
