"""A rate limit for each client, by token buckets."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

MOST_BUCKETS: Final = 10_000


class RateLimit:
    """Counts the requests of each client, in this process.

    Args:
        per_minute: requests a minute; the same number may come at once after a minute without requests.
        clock: a monotonic clock, in seconds.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.capacity = float(per_minute)
        self.per_second = per_minute / 60.0
        self.clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, client: str) -> float | None:
        """Count one request and return None, or count none and return the seconds to wait."""
        with self._lock:
            moment = self.clock()
            level = self._level(client, moment)
            if level < 1.0:
                return (1.0 - level) / self.per_second
            if len(self._buckets) >= MOST_BUCKETS:
                self._forget_full(moment)
            self._buckets[client] = (level - 1.0, moment)
            return None

    def _level(self, client: str, moment: float) -> float:
        level, at = self._buckets.get(client, (self.capacity, moment))
        return min(self.capacity, level + (moment - at) * self.per_second)

    def _forget_full(self, moment: float) -> None:
        """Delete full buckets, which equal missing ones; where all are in use, delete the oldest."""
        for client in [name for name in self._buckets if self._level(name, moment) >= self.capacity]:
            del self._buckets[client]
        while len(self._buckets) >= MOST_BUCKETS:
            del self._buckets[min(self._buckets, key=lambda name: self._buckets[name][1])]
