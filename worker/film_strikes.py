"""Strikes against films: the worker's parent process gives them, its predicting processes record them.

The parent process lives on when a predicting process dies or is killed at the time limit. It sees which film
the process was predicting just then, and judges with a `Witness` whether the film was the cause. A worker
that is killed as a whole leaves no witness, and no strike. The parent opens no database connection, because
its children are forked from it.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from domain.witness import Witness

SLOTS: Final = 4096
"""A process notes its film in the slot of its process id, modulo this."""
SLOT: Final = struct.Struct("=qqd")
"""Row of the film, number of the attempt and beginning (time.monotonic); zeros while no film is predicted."""
STRIKE: Final = struct.Struct("=q")

log = structlog.get_logger(__name__)


class FilmStrikes:
    """Films that predicting processes are at, and strikes on the way to the database; made before the fork.

    Args:
        quiet_s: how long nothing else may have gone wrong here before a failure is the film's, seconds.
    """

    def __init__(self, quiet_s: float) -> None:
        self._slots = mmap.mmap(-1, SLOTS * SLOT.size)
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._witness = Witness(quiet_s)
        self._judged: dict[int, tuple[int, int]] = {}

    @contextmanager
    def predicting(self, film: int, attempt: int) -> Iterator[None]:
        """Mark inside the block that this process predicts a film: its end now may be the film's doing."""
        place = os.getpid() % SLOTS * SLOT.size
        SLOT.pack_into(self._slots, place, film, attempt, time.monotonic())
        try:
            yield
        finally:
            SLOT.pack_into(self._slots, place, 0, 0, 0.0)

    def take(self) -> list[int]:
        """Return the films that got a strike since the last call in any process of this worker."""
        films: list[int] = []
        try:
            while content := os.read(self._reader, STRIKE.size):
                films.extend(STRIKE.unpack(content))
        except BlockingIOError:
            pass
        return films

    def note_end(self, pid: int) -> None:
        """Note in the parent process that a predicting process ended."""
        self._witness.note(self._find(pid)[0] or None)

    def judge(self, pid: int | None, hung_s: float = 0.0) -> bool | None:
        """Give the film of a process that died or reached its time limit a strike, if the film was the cause.

        Args:
            pid: of the predicting process, alive or not; None if none had taken the film.
            hung_s: shortest time of the prediction, in seconds; one that began later did not hang: the task
                waited before it.

        Returns:
            True for a strike; None when the process was not predicting.
        """
        film, attempt, began = self._find(pid) if pid is not None else (0, 0, 0.0)
        if pid is None or not film or time.monotonic() - began < hung_s:
            return None
        if self._judged.get(pid) == (film, attempt):  # the time limit has a first and a last warning
            return False
        self._judged[pid] = (film, attempt)
        self._witness.note(film)
        if not self._witness.blames(film):
            return False
        try:
            os.write(self._writer, STRIKE.pack(film))
        except BlockingIOError:  # thousands of strikes that no process took: this one is forgotten
            log.error("a strike was not recorded: no predicting process takes them")
        return True

    def _find(self, pid: int) -> tuple[int, int, float]:
        film, attempt, began = SLOT.unpack_from(self._slots, pid % SLOTS * SLOT.size)
        return int(film), int(attempt), float(began)

    def close(self) -> None:
        """Close its pipe."""
        os.close(self._reader)
        os.close(self._writer)
