"""The pace at which a pull requests films from a peer."""

from __future__ import annotations

import threading
import time


class Pace:
    """Spreads the films that all threads of a pull request evenly over time.

    Args:
        films_per_minute: most films requested in a minute; 0 sets no limit.
    """

    def __init__(self, films_per_minute: float) -> None:
        self._seconds_per_film = 60 / films_per_minute if films_per_minute else 0.0
        self._free_at = 0.0
        self._lock = threading.Lock()

    def reserve(self, films: int) -> float:
        """Reserve time for a number of films; return the seconds to wait before requesting them."""
        with self._lock:
            moment = time.monotonic()
            begin = max(moment, self._free_at)
            self._free_at = begin + films * self._seconds_per_film
            return begin - moment
