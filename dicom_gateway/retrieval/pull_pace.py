"""The pace at which a pull requests films from a peer."""

from __future__ import annotations

import threading
import time


class Pace:
    """Spreads films evenly over time, whichever thread asks for them.

    Args:
        films_per_minute: 0 sets no limit.
    """

    def __init__(self, films_per_minute: float) -> None:
        self._seconds_per_film = 60 / films_per_minute if films_per_minute else 0.0
        self._free_at = 0.0
        self._lock = threading.Lock()

    def reserve(self, films: int) -> float:
        """Take the next place for a number of films; return the seconds until then."""
        with self._lock:
            moment = time.monotonic()
            place = max(moment, self._free_at)
            self._free_at = place + films * self._seconds_per_film
            return place - moment
