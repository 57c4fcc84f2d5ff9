"""Long work that a page starts: one at a time, in a thread; the page shows how it ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar

import structlog

from db.clock import now
from domain.errors import PermanentError, TransientError
from domain.languages.sentence import say

LOG = structlog.get_logger(__name__)

Result = TypeVar("Result")


@dataclass(frozen=True)
class Work(Generic[Result]):
    """One piece of work, running or ended."""

    name: str
    by: str
    began_at: datetime
    ended_at: datetime | None = None
    result: Result | None = None
    trouble: str | None = None
    """The reason in words where it failed."""

    @property
    def is_running(self) -> bool:
        """True until it has ended."""
        return self.ended_at is None


class Background(Generic[Result]):
    """Runs one piece of work at a time and keeps the newest in memory, until the process ends."""

    def __init__(self) -> None:
        self._newest: Work[Result] | None = None
        self._lock = threading.Lock()

    @property
    def newest(self) -> Work[Result] | None:
        """The work that runs or ended last; None before the first."""
        return self._newest

    def start(self, name: str, by: str, work: Callable[[], Result]) -> bool:
        """Start `work` in a thread and return True, or return False while another one runs.

        Args:
            name: the work in a few words.
            by: the user.
            work: raises `PermanentError` or `TransientError` with a text for people.
        """
        with self._lock:
            if self._newest is not None and self._newest.is_running:
                return False
            begun: Work[Result] = Work(name, by, now())
            self._newest = begun
        threading.Thread(target=self._run, args=(begun, work), name=name, daemon=True).start()
        return True

    def _run(self, begun: Work[Result], work: Callable[[], Result]) -> None:
        try:
            ended = replace(begun, result=work())
        except (PermanentError, TransientError) as error:
            ended = replace(begun, trouble=str(error))
        except Exception as error:  # noqa: BLE001  else the page would show for ever that it runs
            LOG.error("background work failed", work=begun.name, error=type(error).__name__)
            ended = replace(begun, trouble=say("an unexpected error, {error}", error=type(error).__name__))
        self._newest = replace(ended, ended_at=now())
