"""The progress of a pull."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date


@dataclass(frozen=True)
class PullProgress:
    """Progress of a pull, in studies."""

    found: int = 0
    here: int = 0
    """Studies that were complete before this pull began, or have no chest film."""
    left: int = 0
    """Studies that another pull fetches, or that failed and wait."""
    complete: int = 0
    unwanted: int = 0
    """Studies in which no chest film was found."""
    failed: int = 0
    films: int = 0
    """Films received."""
    day: date | None = None
    """Newest study date that is being queried; None when all days are done."""
    days_left: int = 0
    """Days that are not searched yet."""
    waiting_for: str = ""
    """Reason why the pull waits; empty when it does not wait."""
    stopped: bool = False
    """True when the pull was stopped before every study was here."""

    @property
    def done(self) -> int:
        """Number of studies that the pull has finished, failed ones included."""
        return self.here + self.left + self.complete + self.unwanted + self.failed

    @property
    def is_complete(self) -> bool:
        """True when every study that was found is here."""
        return not self.stopped and self.here + self.complete + self.unwanted == self.found


class ProgressBoard:
    """The record to which the threads of a pull add their progress.

    Args:
        report: receives each new progress; calls do not overlap.
    """

    def __init__(self, report: Callable[[PullProgress], None]) -> None:
        self._report = report
        self._lock = threading.Lock()
        self._progress = PullProgress()

    @property
    def progress(self) -> PullProgress:
        """The progress so far."""
        return self._progress

    def add(self, **numbers: int) -> None:
        """Add to the counts of these names."""
        with self._lock:
            sums = {name: getattr(self._progress, name) + number for name, number in numbers.items()}
            self._show(replace(self._progress, **sums))

    def ask_for(self, day: date | None, days_left: int = 0) -> None:
        """Set the newest study date that is being queried, and the days left; None when all days are done."""
        with self._lock:
            self._show(replace(self._progress, day=day, days_left=days_left))

    def wait_for(self, reason: str) -> None:
        """Set the reason why the pull waits; "" ends the wait."""
        with self._lock:
            if reason != self._progress.waiting_for:
                self._show(replace(self._progress, waiting_for=reason))

    def end(self, *, stopped: bool) -> PullProgress:
        """Close the record and return the final progress."""
        with self._lock:
            self._show(replace(self._progress, day=None, waiting_for="", stopped=stopped))
            return self._progress

    def _show(self, progress: PullProgress) -> None:
        self._progress = progress
        self._report(progress)
