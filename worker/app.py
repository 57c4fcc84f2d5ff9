"""The Celery application of a worker host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from celery import Celery
from celery.signals import setup_logging, worker_shutting_down
from celery.utils.log import get_multiprocessing_logger
from kombu.entity import Queue

from db.database import Database
from domain.screening_request import QUEUE
from domain.silent_links import SOCKET_OPTIONS
from worker.batches.device_keeper import DeviceKeeper
from worker.bundle_cache import BundleCache
from worker.celery_repairs.broker_channel import ForgivingAMQP
from worker.celery_repairs.task_message_flush import finish_writing
from worker.film_strikes import FilmStrikes
from worker.network_opener import NetworkOpener
from worker.screener import ScreenerSettings
from worker.settings import WorkerSettings, resolve_batch
from worker.tasks import register_tasks
from worker.watchdog import Heartbeats, Watchdog, end_in_time, make_step

VISIBILITY_TIMEOUT_S: Final = 3600
"""Redis gives a message to another worker when the one that took it is silent for so long. The gateway's
own redispatch is faster; this one only empties the broker's books."""

SOFT_SHARE: Final = 0.8
"""Of the time limit: after it an exception gives the film up, and the process lives on."""


BROKER_TIMEOUT_S: Final = 10.0
"""Longest wait for an answer of Redis, the wait for messages apart, which kombu watches over itself."""

LOST_WAIT_S: Final = 2.0
"""Pause after the end of a predicting process, for an answer on its way; then its film is handed back."""


def build_app(
    broker_url: str, settings: ScreenerSettings, process_ready: Callable[[], None] = lambda: None
) -> Celery:
    """Make the application: msgpack only, late acknowledgement, one film per process at a time.

    Where a device computes several films at once, each device has so many predicting processes.

    Args:
        broker_url: may hold a password: never log it.
        settings: handed to each predicting process.
        process_ready: called in each predicting process once it has loaded the active bundle.
    """
    app = Celery("tbscreen", broker=broker_url, amqp=ForgivingAMQP, set_as_current=False)
    app.conf.update(
        accept_content=["msgpack"],
        task_serializer="msgpack",
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_acks_on_failure_or_timeout=False,
        task_time_limit=settings.worker.time_limit_s,
        task_soft_time_limit=settings.worker.time_limit_s * SOFT_SHARE,
        task_queues=[Queue(QUEUE)],  # type: ignore[no-untyped-call]
        task_default_queue=QUEUE,
        worker_prefetch_multiplier=1,
        worker_concurrency=settings.worker.processes * resolve_batch(settings.worker),
        worker_send_task_events=False,
        # With remote control, a client of Redis could end the worker or change the limits of its tasks.
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_proc_alive_timeout=120,
        worker_lost_wait=LOST_WAIT_S,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "visibility_timeout": VISIBILITY_TIMEOUT_S,
            "socket_timeout": BROKER_TIMEOUT_S,
            "socket_connect_timeout": BROKER_TIMEOUT_S,
            "socket_keepalive": True,
            "socket_keepalive_options": SOCKET_OPTIONS,
        },
    )
    heartbeats, strikes = Heartbeats(), FilmStrikes(settings.worker.time_limit_s)
    keeper = _make_keeper(settings, heartbeats)

    def note_end(pid: int) -> None:
        if keeper is None or not keeper.has(pid):  # its end is told by the processes that asked it
            strikes.note_end(pid)

    watchdog = Watchdog(heartbeats, settings.worker.time_limit_s, note_end)

    def look() -> None:
        watchdog.check()
        if keeper is not None:
            keeper.keep()

    app.steps["worker"].add(make_step(look))
    addresses = [] if keeper is None else keeper.addresses
    register_tasks(app, settings, process_ready, heartbeats, strikes, addresses)
    app.device_keeper = keeper
    return app


def _make_keeper(settings: ScreenerSettings, heartbeats: Heartbeats) -> DeviceKeeper | None:
    """Return the keeper of device processes; None where each predicting process computes by itself."""
    host = settings.worker
    batch = resolve_batch(host)
    if batch == 1:
        return None

    def make_opener() -> NetworkOpener:
        database = Database.open(settings.database)
        cache = BundleCache(settings.cache_directory, database)
        return NetworkOpener(host, settings.graph_directory, cache, database)

    return DeviceKeeper(host.processes, batch, make_opener, heartbeats)


def _keep_log(**_: Any) -> None:
    """The log is set up: Celery gives no line a format of its own, nor those on processes that ended."""
    get_multiprocessing_logger().propagate = True


def run(app: Celery, settings: WorkerSettings) -> None:
    """Work until SIGTERM, then finish what is at hand: within the time limit, or it is handed back."""
    worker_shutting_down.connect(lambda **_: end_in_time(settings.time_limit_s), weak=False)
    setup_logging.connect(_keep_log, weak=False)
    worker = app.Worker(
        hostname=f"{settings.name}@%h",
        pool_cls="prefork",
        concurrency=settings.processes * resolve_batch(settings),
        loglevel="WARNING",
        without_gossip=True,
        without_mingle=True,
        quiet=True,
    )
    finish_writing(worker)
    keeper: DeviceKeeper | None = app.device_keeper
    try:
        if keeper is not None:
            keeper.keep()
        worker.start()
    finally:
        if keeper is not None:
            keeper.close()
