"""A circuit breaker for a peer in trouble: pauses deliveries to it, longer each time."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable


class PeerBreaker:
    """One peer's circuit breaker: closed until it fails, then open for a while, then one probe.

    Args:
        first_s: pause after the first failure in a row; doubled after each.
        most_s: longest pause.
        clock: seconds that only grow.
    """

    def __init__(self, first_s: float, most_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._clock = clock
        self._failures = 0
        self._open_until = 0.0
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        """True while the peer is left in peace."""
        return self._clock() < self._open_until

    @property
    def is_probing(self) -> bool:
        """True after a failure until the next success: one object is enough to see how it is."""
        return self._failures > 0

    def record_failure(self) -> float:
        """The peer itself is in trouble; returns for how many seconds it is left in peace."""
        with self._lock:
            self._failures += 1
            pause = jittered_pause(self._failures, self._first_s, self._most_s)
            self._open_until = self._clock() + pause
            return pause

    def record_success(self) -> bool:
        """The peer does its work; True when it was in trouble before."""
        with self._lock:
            was_in_trouble = self._failures > 0
            self._failures = 0
            self._open_until = 0.0
            return was_in_trouble


def jittered_pause(attempts: int, first_s: float, most_s: float) -> float:
    """Exponential backoff with jitter, so that a PACS that comes back is not met by all at once.

    Args:
        attempts: failed ones, 1 or more.
        first_s: seconds after the first; doubled after each.
        most_s: longest, before the jitter of a quarter.
    """
    longest = first_s * 2.0 ** min(max(attempts, 1) - 1, 30)
    return min(longest, most_s) * random.uniform(0.75, 1.25)
