"""How many requests one asker may make: a bucket that fills again evenly (token bucket)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

MOST_BUCKETS: Final = 10_000


class RateLimit:
    """Counts the requests of each asker, in this process.

    Args:
        per_minute: so many may come evenly, and as many at once after a minute's rest.
        clock: seconds, never going back.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.capacity = float(per_minute)
        self.per_second = per_minute / 60.0
        self.clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, asker: str) -> float | None:
        """Count one request; returns None, or how many seconds the asker must wait, and then counts none."""
        with self._lock:
            moment = self.clock()
            level = self._level(asker, moment)
            if level < 1.0:
                return (1.0 - level) / self.per_second
            if len(self._buckets) >= MOST_BUCKETS:
                self._forget_full(moment)
            self._buckets[asker] = (level - 1.0, moment)
            return None

    def _level(self, asker: str, moment: float) -> float:
        level, at = self._buckets.get(asker, (self.capacity, moment))
        return min(self.capacity, level + (moment - at) * self.per_second)

    def _forget_full(self, moment: float) -> None:
        """A full bucket says no more than one that is not there; were none full, the oldest would go."""
        for asker in [bucket for bucket in self._buckets if self._level(bucket, moment) >= self.capacity]:
            del self._buckets[asker]
        while len(self._buckets) >= MOST_BUCKETS:
            del self._buckets[min(self._buckets, key=lambda bucket: self._buckets[bucket][1])]
