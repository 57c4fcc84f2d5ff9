"""Watchdog: ends a predicting process that shows no sign of life, and a worker that does not end.

Celery's time limit runs from the moment at which a process says that it has taken a film. One that hangs
before that (stopped, or stuck in a driver with Python's lock held) would keep its worker idle for ever.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import struct
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import psutil
import structlog
from celery import bootsteps

BEAT_S: Final = 1.0
SLOTS: Final = 4096
"""A process beats in the slot of its process id, modulo this."""
HAND_BACK_S: Final = 5.0
"""Time for a worker to leave the broker after its children were killed."""
SLOT: Final = struct.Struct("=d")

log = structlog.get_logger(__name__)


class Heartbeats:
    """Shared memory in which predicting processes show that they live. Make it before they are forked."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, SLOTS * SLOT.size)

    def start(self) -> None:
        """Beat from now on, in a thread of this process."""
        threading.Thread(target=self._beat_for_ever, name="heartbeat", daemon=True).start()

    def beat(self) -> None:
        """Say once that this process lives."""
        SLOT.pack_into(self._memory, os.getpid() % SLOTS * SLOT.size, time.monotonic())

    def last(self, pid: int) -> float:
        """Return the time of a process's last beat (time.monotonic), 0 if it never beat."""
        (at,) = SLOT.unpack_from(self._memory, pid % SLOTS * SLOT.size)
        return float(at)

    def _beat_for_ever(self) -> None:
        while True:
            self.beat()
            time.sleep(BEAT_S)


class Watchdog:
    """Kills the children of this process that have been silent for too long.

    Args:
        heartbeats: of the children.
        silent_s: how long one may be silent.
        ended: called with the process id of each child that is gone.
    """

    def __init__(
        self, heartbeats: Heartbeats, silent_s: float, ended: Callable[[int], None] = lambda pid: None
    ) -> None:
        self._ended = ended
        self._heartbeats = heartbeats
        self._silent_s = silent_s
        self._first_seen: dict[int, float] = {}

    def check(self) -> list[int]:
        """Look once; returns the process ids of those that were killed."""
        moment = time.monotonic()
        # One that is dead is Celery's to replace.
        pids = [child.pid for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]
        for pid in self._first_seen.keys() - set(pids):
            self._ended(pid)
        self._first_seen = {pid: self._first_seen.get(pid, moment) for pid in pids}
        killed = []
        for pid, first_seen in self._first_seen.items():
            silent_s = moment - max(first_seen, self._heartbeats.last(pid))
            if silent_s > self._silent_s:
                log.error("a predicting process hangs: replaced", pid=pid, seconds=round(silent_s, 1))
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
        return killed


def make_step(look: Callable[[], object]) -> type[bootsteps.StartStopStep]:
    """Return the watchdog as a part of a Celery worker: `look` each second, from the worker's own loop.

    A thread would do it, too, but processes are forked from here, and a fork takes no thread with it and
    every lock that one holds.
    """

    class WatchdogStep(bootsteps.StartStopStep):  # type: ignore[misc]
        requires = ("celery.worker.components:Timer",)

        def start(self, parent: Any) -> None:
            parent.timer.call_repeatedly(BEAT_S, look)

    return WatchdogStep


def end_in_time(limit_s: float) -> None:
    """Let this process and its children be gone soon after `limit_s`, whatever they hang in.

    A worker that was told to end waits for its predicting processes. What one of them had goes back to the
    broker, or is dispatched again by its gateway.
    """

    def end() -> None:
        log.error("predicting processes did not end in time: killed", seconds=limit_s)
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        time.sleep(HAND_BACK_S)
        os.kill(os.getpid(), signal.SIGKILL)

    timer = threading.Timer(limit_s, end)
    timer.daemon = True
    timer.start()
