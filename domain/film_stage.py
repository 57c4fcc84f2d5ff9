"""One stage of a film's way: its id in every log line written meanwhile, and told to whoever traces films.

Pure: no DICOM, no Celery, no database. While nobody traces, a stage costs one look at the clock.
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
    """What one process did for one film, from when to when. Holds no patient data."""

    name: str
    film_key: str
    """SHA-256 of the film's SOP Instance UID, hexadecimal; from a message perhaps anything."""
    started_ns: int
    """Nanoseconds since 1970, UTC, as `time.time_ns` gives them."""
    ended_ns: int = 0
    is_first: bool = False
    """True for the reception that began the film's way; all else that is done for the film hangs on it."""
    failure: str | None = None
    """Why it did not do what it should; never with values of the header in it."""
    attributes: dict[str, Attribute] = field(default_factory=dict)

    def note(self, **attributes: Attribute) -> None:
        """Add what is known by now: codes, counts, names of peers and models."""
        self.attributes.update(attributes)


Recorder = Callable[[Stage], None]
"""Takes a stage that ended. Must neither wait nor raise: a film does not wait for its trace."""

_recorders: list[Recorder] = []


def record_into(recorder: Recorder | None) -> None:
    """Have every stage of this process told to `recorder` from now on; None ends that."""
    _recorders[:] = [] if recorder is None else [recorder]


def shorten_key(film_key: str) -> str:
    """Return how a film is called in the logs."""
    return film_key[:FILM_ID_LENGTH]


@contextmanager
def stage(name: str, film_key: str, **attributes: Attribute) -> Iterator[Stage]:
    """Run one stage of a film inside the block; an exception that leaves it is its failure, by its type."""
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
    """Tell of a stage that ends now and was not run in one block.

    Args:
        name: which.
        film_key: whose.
        started_ns: when it began, nanoseconds since 1970, UTC.
        failure: why it did not do what it should.
        attributes: codes, counts, names of peers and models.
    """
    _tell(Stage(name, film_key, started_ns, failure=failure, attributes=attributes))


def _tell(current: Stage) -> None:
    if _recorders:
        current.ended_ns = time.time_ns()
        _recorders[0](current)
