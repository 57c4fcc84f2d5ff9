"""The main function of each kind of process. Each imports its own room only."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from db import schema
from db.database import Database
from reports.settings import ReportSettings
from tbscreen import __version__
from tbscreen.settings import Settings

log = structlog.get_logger(__name__)


def run_gateway(settings: Settings, ready_file: Path | None) -> None:
    """Receive, judge, normalize and dispatch films until SIGTERM."""
    from dicom_gateway.dispatch import Dispatcher
    from dicom_gateway.open_ports import open_ports
    from dicom_gateway.preparation import PreparationLoop
    from dicom_gateway.retention import Retention
    from dicom_gateway.settings import spool_directory
    from dicom_gateway.spool import Spool
    from dicom_gateway.storage_scp import StorageScp
    from dicom_gateway.tls_context import TlsFileError
    from tbscreen.auditing import open_audit_trail
    from tbscreen.listener_processes import ListenerProcesses
    from tbscreen.pulling import build_gateway, build_schedules

    ending = _end_on_signal()
    database = _open_database(settings)
    spool = Spool(spool_directory(settings.data_directory))
    spool.lock()
    spool.sweep()
    _end_leases(database, settings.gateway.name)
    loops = [
        PreparationLoop(
            database,
            spool,
            Dispatcher(settings.resolve_broker_url(), settings.gateway.maximum_queue_length),
            settings.gateway,
        )
        for _ in range(settings.gateway.preparation_processes)
    ]

    retention = Retention(database, spool, settings.gateway)

    def wake() -> None:
        for loop in loops:
            loop.wake()

    audit = open_audit_trail(settings, "gateway", settings.gateway.ae_title)
    try:
        ports = open_ports(settings.gateway)
        scp: StorageScp | ListenerProcesses
        if settings.gateway.listener_processes > 1:
            scp = ListenerProcesses(settings, ports, received=wake)
        else:
            scp = StorageScp(settings.gateway, database, spool, received=wake, ports=ports, audit=audit)
        port = scp.start()
    except OSError as error:
        where = f"{settings.gateway.host}:{settings.gateway.port}"
        raise PortError(f"cannot listen on {where} ({error.strerror}): set gateway.port") from None
    except TlsFileError as error:
        raise CertificateError(str(error)) from None
    for loop in loops:
        loop.start()
    retention.start()
    schedules = build_schedules(settings, build_gateway(settings, database, spool, wake, audit), audit)
    for schedule in schedules:
        schedule.start()
    audit.record_start()
    _announce(ready_file, str(port))
    ending.wait()
    for schedule in schedules:
        schedule.end()
    for schedule in schedules:
        schedule.join(timeout=15)
    scp.stop()
    retention.end()
    for loop in loops:
        loop.end()
    for loop in loops:
        loop.join(timeout=settings.gateway.preparation_timeout_s)
    audit.record_stop()
    audit.close()
    database.close()


def run_worker(settings: Settings, ready_file: Path | None) -> None:
    """Screen films until SIGTERM."""
    import warnings

    from celery.platforms import SecurityWarning

    from worker.app import build_app, run
    from worker.screener import ScreenerSettings
    from worker.settings import bundle_cache_directory

    screener_settings = ScreenerSettings(
        settings.database_settings(),
        settings.worker,
        bundle_cache_directory(settings.data_directory),
    )

    # Celery warns root of pickled messages; this worker takes none.
    warnings.simplefilter("ignore", SecurityWarning)
    app = build_app(
        settings.resolve_broker_url(),
        screener_settings,
        process_ready=lambda: _announce(ready_file, "ready"),
    )
    run(app, settings.worker)


def run_courier(settings: Settings, ready_file: Path | None) -> None:
    """Report and deliver until SIGTERM."""
    from dicom_gateway.courier import Courier
    from tbscreen.auditing import open_audit_trail

    ending = _end_on_signal()
    database = _open_database(settings)
    audit = open_audit_trail(settings, "courier", settings.courier.ae_title)
    courier = Courier(database, settings.peers, settings.courier, settings.commitment, __version__, audit)
    audit.record_start()
    _announce(ready_file, "ready")
    courier.run(ending)
    audit.record_stop()
    audit.close()
    database.close()


def make_report_page(database: Database, site: ReportSettings) -> Callable[[date, date], str]:
    """Return what makes the managers' report on the page: the one of `tbscreen report --format html`."""

    def render(first: date, last: date) -> str:
        # Drawing takes a while to import and memory to hold: not before somebody asks.
        from reports.composition import Request, compose_report
        from reports.html_form import render_html
        from reports.period import choose_period

        period = choose_period(first, last, site.timezone)
        with database.read() as session:
            return render_html(compose_report(session, Request(period), site, __version__))

    return render


def run_web(settings: Settings, ready_file: Path | None) -> None:
    """Serve the page until SIGTERM."""
    from web.application import build_application
    from web.server import PageError, serve

    database = _open_database(settings)
    report = make_report_page(database, settings.reports)
    application = build_application(database, __version__, settings.web, report)
    try:
        serve(application, settings.web, lambda port: _announce(ready_file, str(port)))
    except PageError as error:
        raise PortError(str(error)) from None
    finally:
        database.close()


class ProcessError(Exception):
    """Root of this module's errors."""


class PortError(ProcessError):
    """Another program listens there."""


class CertificateError(ProcessError):
    """A certificate or key of the gateway's port for TLS cannot be used."""


class SchemaError(ProcessError):
    """The database lacks migrations that this version needs."""


def _open_database(settings: Settings) -> Database:
    """Open the database; one that is away may come back, one that is behind will not mend itself."""
    database = Database.open(settings.database_settings())
    try:
        if schema.is_behind(database):
            raise SchemaError("the database is not up to date: run 'tbscreen db upgrade' first")
    except SQLAlchemyError as error:
        log.warning("the database is away; waiting for it", error=type(error).__name__)
    return database


def _end_leases(database: Database, gateway: str) -> None:
    from db import films

    try:
        with database.write() as session:
            taken = films.end_leases(session, gateway)
    except SQLAlchemyError as error:  # they run out by themselves
        log.warning("the database is away; waiting for it", error=type(error).__name__)
        return
    if taken:
        log.info("films of an earlier process are taken up again", count=taken)


def _end_on_signal() -> threading.Event:
    ending = threading.Event()

    def end(_number: int, _frame: object) -> None:
        ending.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    return ending


def _announce(ready_file: Path | None, text: str) -> None:
    """Tell the supervisor that this process does its work, atomically."""
    if ready_file is not None:
        staging = ready_file.with_suffix(".new")
        staging.write_text(text, "utf-8")
        staging.rename(ready_file)
