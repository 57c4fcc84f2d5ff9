"""The Celery task `worker.tasks.screen`."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from billiard.process import current_process
from celery import Celery, Task
from celery.exceptions import SoftTimeLimitExceeded
from celery.signals import worker_process_init
from sqlalchemy.exc import SQLAlchemyError

from domain.errors import PermanentError, TransientError
from domain.film_stage import shorten_key
from domain.screening_request import (
    TASK_NAME,
    MalformedMessageError,
    ScreeningRequest,
    UnknownMessageVersionError,
    identify_film,
)
from worker.celery_repairs.lost_process_log import FilmRequest
from worker.film_strikes import FilmStrikes
from worker.screener import Screener, ScreenerSettings
from worker.watchdog import Heartbeats

UNKNOWN_VERSION_PAUSE_S = 30
DATABASE_AWAY_PAUSE_S = 5
TOO_SLOW_PAUSE_S = 1

log = structlog.get_logger(__name__)


def register_tasks(
    app: Celery,
    settings: ScreenerSettings,
    process_ready: Callable[[], None],
    heartbeats: Heartbeats,
    strikes: FilmStrikes,
    devices: Sequence[str] = (),
) -> None:
    """Declare the tasks on `app`.

    Each predicting process makes its own screener after the fork, beats in `heartbeats`, loads the active
    bundle and calls `process_ready`. `devices` are the addresses of device processes, of which each
    predicting process uses one; without any it computes by itself.
    """
    screeners: list[Screener] = []

    def find_screener() -> Screener:
        if not screeners:
            device = devices[current_process().index % len(devices)] if devices else None
            screeners.append(Screener(settings, strikes, device))
        return screeners[0]

    @worker_process_init.connect(weak=False)  # type: ignore[untyped-decorator]
    def prepare_process(**_: Any) -> None:
        heartbeats.start()
        screeners.clear()  # what the parent process had is not this one's
        try:
            find_screener().load_active()
        except SQLAlchemyError as error:
            log.error("database away; the bundle is loaded with the first film", error=type(error).__name__)
        except Exception as error:  # noqa: BLE001  a process that ends here would be made again, for ever
            log.error(
                "the active bundle cannot be loaded",
                error=str(error) if isinstance(error, (PermanentError, OSError)) else type(error).__name__,
                help="tbscreen doctor",
            )
        process_ready()

    @app.task(  # type: ignore[untyped-decorator]
        name=TASK_NAME, bind=True, max_retries=None, shared=False, Request=FilmRequest, strikes=strikes
    )
    def screen(task: Task, message: object) -> str:
        """Screen the film of one message."""
        request = _read(task, message, find_screener)
        if request is None:
            return "malformed"
        film_log = log.bind(film=shorten_key(request.film_key))
        try:
            return find_screener().screen(request).value
        except (SQLAlchemyError, OSError, TransientError) as error:
            # The database, or the disk under the bundle cache: not the film's fault.
            film_log.error("trouble here: message handed back", error=type(error).__name__)
            raise task.retry(countdown=_jitter(DATABASE_AWAY_PAUSE_S)) from error
        except SoftTimeLimitExceeded as error:
            # Its attempt is counted. The parent process gives a strike if it was being predicted.
            film_log.error("film took too long: given up for now")
            raise task.retry(countdown=_jitter(TOO_SLOW_PAUSE_S)) from error
        except Exception as error:
            # The process lives on: nothing outside was the cause. The gateway dispatches the film again.
            film_log.error("prediction failed", error=type(error).__name__)
            find_screener().strike_for_error(request, error)
            raise


def _read(task: Task, message: object, find_screener: Callable[[], Screener]) -> ScreeningRequest | None:
    """Return the request of a message; None for one that is dropped, a strike of the film that it names."""
    try:
        return ScreeningRequest.from_message(message)
    except UnknownMessageVersionError as error:
        # A newer gateway sent it: handed back for a worker that knows it, never refused.
        log.warning("message handed back", reason=str(error))
        raise task.retry(countdown=_jitter(UNKNOWN_VERSION_PAUSE_S)) from error
    except MalformedMessageError as error:
        log.error("message dropped", reason=str(error))
        film = identify_film(message)
        if film is not None:
            find_screener().strike(*film, str(error))
        return None


def _jitter(seconds: float) -> float:
    """So that what was handed back together does not come back together."""
    return seconds * random.uniform(0.75, 1.25)
