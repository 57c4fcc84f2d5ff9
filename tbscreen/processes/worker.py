"""The worker: screens films."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import structlog

from db.database import Database
from domain.errors import PermanentError
from tbscreen.monitoring.monitor import monitored
from tbscreen.monitoring.readiness import check_broker, check_file
from tbscreen.monitoring.tracing import traced
from tbscreen.processes.process_life import announce_ready, count_for_monitor
from tbscreen.settings import Settings


def run_worker(settings: Settings, ready_file: Path | None) -> None:
    """Screen films until SIGTERM."""
    if importlib.util.find_spec("keras") is None:
        raise PermanentError("Keras is not installed here: pip install 'tbscreen[worker]'")
    folder = count_for_monitor(settings, "worker")
    structlog.contextvars.bind_contextvars(worker=settings.worker.name)  # on which of many hosts
    import warnings

    from celery.platforms import SecurityWarning
    from celery.signals import worker_process_shutdown

    from worker.app import build_app, run
    from worker.screener import ScreenerSettings
    from worker.settings import bundle_cache_directory, graph_directory

    screener_settings = ScreenerSettings(
        settings.database_settings(),
        settings.worker,
        bundle_cache_directory(settings.data_directory),
        graph_directory(settings.worker, settings.data_directory),
    )

    # Celery warns root of pickled messages; this worker takes none.
    warnings.simplefilter("ignore", SecurityWarning)
    up = None if folder is None else folder / "up"

    def announce() -> None:
        announce_ready(up, "up")
        announce_ready(ready_file, "ready")

    broker_url = settings.resolve_broker_url()
    app = build_app(broker_url, screener_settings, process_ready=announce)
    checks = {
        "database": Database.open(settings.database_settings()).find_trouble,
        "broker": check_broker(broker_url),
        "model": check_file(up),
    }
    with (
        monitored(settings.monitoring, "worker", checks),
        traced(settings.tracing, "worker", settings.worker.name) as tracer,
    ):
        if tracer is not None:  # the end of a predicting process runs no other code of tbscreen
            worker_process_shutdown.connect(lambda **_: tracer.close(), weak=False)
        run(app, settings.worker)
