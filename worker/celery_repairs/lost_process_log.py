"""A Celery request that logs which film a predicting process was at when it was lost, and judges the film.

billiard and Celery log that a process ended, or was killed at the time limit, with its process id and the
task's name and id, none of which leads to the film. Reported as
https://github.com/celery/billiard/issues/296 (open).
`Request` is a documented attribute of a task; only the wrapped exception (`exc`) is billiard's own.
"""

from __future__ import annotations

from typing import Any, Final

import structlog
from celery.exceptions import WorkerLostError
from celery.worker.request import Request

from domain.film_stage import shorten_key

HUNG_SHARE: Final = 0.5
"""Of a time limit: a prediction that was shorter did not hang; the task waited before it."""

log = structlog.get_logger(__name__)


class FilmRequest(Request):  # type: ignore[misc]
    """Celery's request for one film."""

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> Any:
        """Say which film a process that died was at, then go on as Celery does."""
        ended = getattr(exc_info.exception, "exc", exc_info.exception)  # billiard wraps it with its traceback
        if isinstance(ended, WorkerLostError | SystemExit):
            log.error("predicting process died with a film", film=self._find_film(), cause=self._judge())
        return super().on_failure(exc_info, send_failed_event, return_ok)

    def on_timeout(self, soft: bool, timeout: float) -> Any:
        """Say which film a process was killed with, then go on as Celery does."""
        cause = self._judge(timeout * HUNG_SHARE)
        if not soft:
            log.error(
                "predicting process killed at the time limit",
                film=self._find_film(),
                seconds=timeout,
                cause=cause,
            )
        return super().on_timeout(soft, timeout)

    def _judge(self, hung_s: float = 0.0) -> str:
        """Give the film a strike if it was the cause (`worker.film_strikes`); return the cause."""
        strikes = getattr(self.task, "strikes", None)
        blamed = strikes.judge(self.worker_pid, hung_s) if strikes is not None else None
        return "unknown" if blamed is None else "film" if blamed else "perhaps outside"

    def _find_film(self) -> str:
        """Return the film's id in the logs, from a message that is not checked yet."""
        message = self.args[0] if self.args else None
        film_key = message.get("film_key") if isinstance(message, dict) else None
        return shorten_key(film_key) if isinstance(film_key, str) else "?"
