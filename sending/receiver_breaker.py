"""A circuit breaker for a receiver in trouble: pauses sending to it, longer each time."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable


class ReceiverBreaker:
    """One receiver's circuit breaker: closed until it fails, then open for a while, then one probe.

    Args:
        first_s: seconds of the pause after the first failure; doubled after each further failure in a row.
        most_s: longest pause in seconds.
        clock: a monotonic clock, in seconds.
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
        """True while sending to the receiver is paused."""
        return self._clock() < self._open_until

    @property
    def is_probing(self) -> bool:
        """True from a failure until the next success; a single entry then probes the receiver."""
        return self._failures > 0

    def record_failure(self) -> float:
        """Record a failure of the receiver itself; return the seconds for which sending pauses."""
        with self._lock:
            self._failures += 1
            pause = jittered_pause(self._failures, self._first_s, self._most_s)
            self._open_until = self._clock() + pause
            return pause

    def record_success(self) -> bool:
        """Record a success; return True when the receiver was in trouble before."""
        with self._lock:
            was_in_trouble = self._failures > 0
            self._failures = 0
            self._open_until = 0.0
            return was_in_trouble


def jittered_pause(attempts: int, first_s: float, most_s: float) -> float:
    """Return a pause in seconds: exponential backoff with jitter, so that retries do not all come at once.

    Args:
        attempts: number of failed attempts, 1 or more.
        first_s: pause after the first failed attempt; doubled after each further attempt.
        most_s: longest pause, before a jitter of up to 25 %.
    """
    longest = first_s * 2.0 ** min(max(attempts, 1) - 1, 30)
    return min(longest, most_s) * random.uniform(0.75, 1.25)
