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
    """Complete before this pull began, or without a chest film."""
    left: int = 0
    """Another pull is at them, or they failed and wait."""
    complete: int = 0
    unwanted: int = 0
    failed: int = 0
    films: int = 0
    """Films that came."""
    day: date | None = None
    """The study date that is asked for, while studies are looked for."""
    waiting_for: str = ""
    """Reason why nothing comes at the moment."""
    stopped: bool = False
    """Asked to stop before everything was here."""

    @property
    def done(self) -> int:
        """Studies with which the pull is done, well or not."""
        return self.here + self.left + self.complete + self.unwanted + self.failed

    @property
    def is_complete(self) -> bool:
        """True when every study that was found is here."""
        return not self.stopped and self.here + self.complete + self.unwanted == self.found


class ProgressBoard:
    """The record in which the threads of a pull note their work.

    Args:
        report: told each time, one at a time.
    """

    def __init__(self, report: Callable[[PullProgress], None]) -> None:
        self._report = report
        self._lock = threading.Lock()
        self._progress = PullProgress()

    @property
    def progress(self) -> PullProgress:
        """The progress noted so far."""
        return self._progress

    def add(self, **numbers: int) -> None:
        """Add to the numbers of these names."""
        with self._lock:
            sums = {name: getattr(self._progress, name) + number for name, number in numbers.items()}
            self._show(replace(self._progress, **sums))

    def ask_for(self, day: date | None) -> None:
        """Say the studies of which day are asked for, None when all are found."""
        with self._lock:
            self._show(replace(self._progress, day=day))

    def wait_for(self, reason: str) -> None:
        """Say why nothing comes, "" when that is over."""
        with self._lock:
            if reason != self._progress.waiting_for:
                self._show(replace(self._progress, waiting_for=reason))

    def end(self, *, stopped: bool) -> PullProgress:
        """Say that nothing more comes, and return what did."""
        with self._lock:
            self._show(replace(self._progress, day=None, waiting_for="", stopped=stopped))
            return self._progress

    def _show(self, progress: PullProgress) -> None:
        self._progress = progress
        self._report(progress)
