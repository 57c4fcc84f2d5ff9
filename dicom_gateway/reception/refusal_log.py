"""Refusals in the log: the first at once, further ones of the same kind counted, so that nobody floods it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

import structlog

EVERY_S: Final = 60.0
"""The same refusal is logged once in so many seconds, with how many there were since."""

MOST_KINDS: Final = 1000
"""Whoever invents AE titles fills no memory: beyond this all are one kind."""

log = structlog.get_logger(__name__)


class RefusalLog:
    """Logs refusals.

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
        self._kinds: dict[tuple[str, ...], tuple[float, int]] = {}
        """When it was logged last, and how many came since."""

    def note(self, event: str, **fields: str) -> int:
        """Log a refusal, or count it.

        Args:
            event: what was refused.
            fields: who and why; with the event they make the kind.

        Returns:
            How many of this kind the line that was written stands for; 0 when none was.
        """
        kind = (event, *fields.values())
        now = self._clock()
        with self._lock:
            if kind not in self._kinds and len(self._kinds) >= MOST_KINDS:
                self._forget(now)
                if len(self._kinds) >= MOST_KINDS:
                    kind, fields = (event,), {"reason": "many kinds at once"}
            logged_at, since = self._kinds.get(kind, (now - EVERY_S, 0))
            if now - logged_at < EVERY_S:
                self._kinds[kind] = (logged_at, since + 1)
                return 0
            self._kinds[kind] = (now, 0)
        log.warning(event, **fields, count=since + 1)
        if self._alert is not None:
            self._alert(event, fields, since + 1)
        return since + 1

    def _forget(self, now: float) -> None:
        old = [kind for kind, (logged_at, _) in self._kinds.items() if now - logged_at >= EVERY_S]
        for kind in old:
            del self._kinds[kind]
