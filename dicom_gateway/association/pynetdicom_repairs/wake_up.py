"""Wake-ups of the two threads of an association, in place of polls.

Fault of pynetdicom 3.0: both threads look for work a thousand times a second (a TODO in `dul.py`). Each open
association costs about 3 % of a core and takes Python's lock from threads that work. Not reported upstream;
open an association, and look at the process's CPU.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import socket
import threading
from collections.abc import Callable
from typing import Any, Final

LONGEST_WAIT_S: Final = 0.1
"""Pause of an idle thread, after which it looks at its timers."""


class RingingQueue(queue.Queue[Any]):
    """A queue that calls a function with each entry.

    Args:
        ring: called while the queue is locked.
    """

    def __init__(self, ring: Callable[[], None]) -> None:
        super().__init__()
        self._ring = ring

    def _put(self, item: Any) -> None:
        super()._put(item)
        self._ring()


class Doorbell:
    """A pipe at which a thread waits beside its socket."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: tuple[int, int] | None = None

    def open(self) -> None:
        """Make the pipe; before, `ring` does nothing."""
        ends = os.pipe()
        for end in ends:
            os.set_blocking(end, False)
        with self._lock:
            self._ends = ends

    def close(self) -> None:
        """Close the pipe."""
        with self._lock:
            ends, self._ends = self._ends, None
        for end in ends or ():
            os.close(end)

    def ring(self) -> None:
        """Let `wait` return, at once or when it is called next; from any thread."""
        with self._lock:
            if self._ends is not None:
                with contextlib.suppress(BlockingIOError):  # it has been rung often
                    os.write(self._ends[1], b"\0")

    def wait(self, connection: socket.socket) -> None:
        """Wait until there are bytes to read from a connection, or a ring, or for `LONGEST_WAIT_S`."""
        if self._ends is None:
            return
        poll = select.poll()
        with contextlib.suppress(OSError, ValueError):  # the connection was closed meanwhile
            poll.register(connection, select.POLLIN)
            poll.register(self._ends[0], select.POLLIN)
            if any(end == self._ends[0] for end, _ in poll.poll(LONGEST_WAIT_S * 1000)):
                os.read(self._ends[0], 4096)
