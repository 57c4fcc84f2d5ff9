"""Refusals in the log: the first at once, then counts, so that callers cannot flood it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

EVERY_S: Final = 60.0
"""Shortest time between two lines of the same refusal; a line gives the count since the last."""

MOST_KINDS: Final = 1000
"""Most kinds in memory. Further refusals share one kind, so that invented AE titles cannot fill the
memory."""

log = structlog.get_logger(__name__)


@dataclass
class _Kind:
    event: str
    fields: dict[str, str]
    logged_at: float
    since: int = 0
    """Count of refusals that no line has reported yet."""


class RefusalLog:
    """Logs refusals, and counts each: `flush` reports those that no line has reported.

    Args:
        clock: a monotonic clock, in seconds.
        alert: called for each line with event, fields and count of refusals.
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
            event: the refused event.
            fields: caller and reason; with the event they make the kind.

        Returns:
            Count of refusals that the written line reports; 0 when no line was written.
        """
        now = self._clock()
        key = (event, *fields.values())
        if key not in self._kinds and len(self._kinds) >= MOST_KINDS:
            self._report_old(now - EVERY_S)
        with self._lock:
            if key not in self._kinds and len(self._kinds) >= MOST_KINDS:
                key, fields = (event,), {"reason": "many kinds at once"}
            kind = self._kinds.setdefault(key, _Kind(event, fields, now - EVERY_S))
            kind.since += 1
            if now - kind.logged_at < EVERY_S:
                return 0
            kind.logged_at, count, kind.since = now, kind.since, 0
        self._report(kind, count)
        return count

    def flush(self) -> None:
        """Report refusals counted for `EVERY_S` without a line, and forget old kinds. Call it often."""
        now = self._clock()
        if now >= self._next_flush:
            self._next_flush = now + EVERY_S / 10
            self._report_old(now - EVERY_S)

    def close(self) -> None:
        """Report all refusals that were counted without a line."""
        self._report_old(math.inf)

    def _report_old(self, logged_before: float) -> None:
        with self._lock:
            old = {key: kind for key, kind in self._kinds.items() if kind.logged_at <= logged_before}
            for key in old:
                del self._kinds[key]
        for kind in old.values():
            if kind.since:
                self._report(kind, kind.since)

    def _report(self, kind: _Kind, count: int) -> None:
        log.warning(kind.event, **kind.fields, count=count)
        if self._alert is not None:
            self._alert(kind.event, kind.fields, count)
