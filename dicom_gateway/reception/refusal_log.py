"""Refusals in the log: the first at once, further ones of the same kind counted, so that nobody floods it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

EVERY_S: Final = 60.0
"""The same refusal is logged once in so many seconds, with how many there were since."""

MOST_KINDS: Final = 1000
"""Whoever invents AE titles fills no memory: beyond this all are one kind."""

log = structlog.get_logger(__name__)


@dataclass
class _Kind:
    event: str
    fields: dict[str, str]
    logged_at: float
    since: int = 0
    """How many came that no line tells of yet."""


class RefusalLog:
    """Logs refusals. None is lost from the count: what a line did not tell of is told by `flush`.

    Args:
        clock: seconds that only grow.
        alert: told of each line: event, fields, and how many refusals it stands for.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        alert: Callable[[str, dict[str, str], int], None] | None = None,
    ) -> None:
        self._clock = clock
        self._alert = alert
        self._lock = threading.Lock()
        self._kinds: dict[tuple[str, ...], _Kind] = {}
        self._next_flush = -math.inf

    def note(self, event: str, **fields: str) -> int:
        """Log a refusal, or count it.

        Args:
            event: what was refused.
            fields: who and why; with the event they make the kind.

        Returns:
            How many of this kind the line that was written stands for; 0 when none was.
        """
        now = self._clock()
        key = (event, *fields.values())
        if key not in self._kinds and len(self._kinds) >= MOST_KINDS:
            self._tell_of_old(now - EVERY_S)
        with self._lock:
            if key not in self._kinds and len(self._kinds) >= MOST_KINDS:
                key, fields = (event,), {"reason": "many kinds at once"}
            kind = self._kinds.setdefault(key, _Kind(event, fields, now - EVERY_S))
            kind.since += 1
            if now - kind.logged_at < EVERY_S:
                return 0
            kind.logged_at, count, kind.since = now, kind.since, 0
        self._tell(kind, count)
        return count

    def flush(self) -> None:
        """Tell of what was counted and not told within `EVERY_S`, and forget what is over. Call it often."""
        now = self._clock()
        if now >= self._next_flush:
            self._next_flush = now + EVERY_S / 10
            self._tell_of_old(now - EVERY_S)

    def close(self) -> None:
        """Tell of all that was counted and not told."""
        self._tell_of_old(math.inf)

    def _tell_of_old(self, logged_before: float) -> None:
        with self._lock:
            old = {key: kind for key, kind in self._kinds.items() if kind.logged_at <= logged_before}
            for key in old:
                del self._kinds[key]
        for kind in old.values():
            if kind.since:
                self._tell(kind, kind.since)

    def _tell(self, kind: _Kind, count: int) -> None:
        log.warning(kind.event, **kind.fields, count=count)
        if self._alert is not None:
            self._alert(kind.event, kind.fields, count)
