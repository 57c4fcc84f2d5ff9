"""The gateway: receives, judges, normalizes and dispatches films."""

from __future__ import annotations

from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from db.database import Database
from tbscreen.monitoring.monitor import monitored
from tbscreen.monitoring.readiness import check_broker, check_disk
from tbscreen.monitoring.tracing import traced
from tbscreen.processes.process_life import announce_ready, count_for_monitor, open_database
from tbscreen.processes.process_signals import end_on_signal
from tbscreen.settings import Settings

log = structlog.get_logger(__name__)


def run_gateway(settings: Settings, ready_file: Path | None) -> None:
    """Receive, judge, normalize and dispatch films until SIGTERM."""
    count_for_monitor(settings, "gateway")
    from dicom_gateway.canary.canary_schedule import CanarySchedule
    from dicom_gateway.dispatch import Dispatcher
    from dicom_gateway.library_settings import configure_dicom_libraries
    from dicom_gateway.preparation.preparation_loop import PreparationLoop
    from dicom_gateway.reception.open_ports import open_ports
    from dicom_gateway.reception.port_watch import LOOK_EVERY_S, PortWatch
    from dicom_gateway.reception.retention import Retention
    from dicom_gateway.reception.storage_scp import StorageScp
    from dicom_gateway.settings import spool_directory
    from dicom_gateway.spool import Spool
    from dicom_gateway.tiles.tile_loop import TileLoop
    from tbscreen.monitoring.gateway_metrics import GatewayMetrics
    from tbscreen.processes.audit_trail import open_audit_trail
    from tbscreen.processes.listeners import ListenerProcesses
    from tbscreen.processes.pull_parts import build_gateway, build_schedules
    from tbscreen.processes.settings_audit import record_settings

    ending = end_on_signal()
    database = open_database(settings)
    spool = Spool(spool_directory(settings.data_directory))
    configure_dicom_libraries(spool.incoming)
    spool.lock()
    spool.sweep()
    left_behind = list(spool.list_files())
    _end_leases(database, settings.gateway.name)
    broker_url = settings.resolve_broker_url()
    dispatcher = Dispatcher(broker_url)
    loops = [
        PreparationLoop(database, spool, dispatcher, settings.gateway)
        for _ in range(settings.gateway.preparation_processes)
    ]

    retention = Retention(database, spool, settings.gateway, left_behind)
    tiles = TileLoop(database, spool, settings.gateway)

    def wake() -> None:
        for loop in loops:
            loop.wake()

    audit = open_audit_trail(settings, "gateway", settings.gateway.ae_title)
    ports = open_ports(settings.gateway)
    scp: StorageScp | ListenerProcesses
    if settings.gateway.listener_processes > 1:
        scp = ListenerProcesses(settings, ports, received=wake)
    else:
        scp = StorageScp(
            settings.gateway,
            database,
            spool,
            received=wake,
            ports=ports,
            audit=audit,
            peers=settings.peers,
            blinded_reading=settings.web.blinded_reading,
        )
    port = scp.start()
    for loop in loops:
        loop.start()
    retention.start()
    tiles.start()
    schedules = build_schedules(settings, build_gateway(settings, database, spool, wake, audit), audit)
    canary = CanarySchedule(settings.gateway, database, spool)
    canary.start()
    for schedule in schedules:
        schedule.start()
    audit.record_start()
    record_settings(audit, settings)
    checks = {
        "database": database.find_trouble,
        "broker": check_broker(broker_url),
        "disk": check_disk(spool.free_bytes, settings.gateway.reserved_disk_bytes),
    }
    with (
        monitored(settings.monitoring, "gateway", checks, [GatewayMetrics(spool, dispatcher)]),
        traced(settings.tracing, "gateway", settings.gateway.name),
    ):
        announce_ready(ready_file, str(port))
        watch = PortWatch(scp) if isinstance(scp, StorageScp) else None
        while not ending.wait(LOOK_EVERY_S):
            if watch is not None:
                watch.look()
    canary.end()
    for schedule in schedules:
        schedule.end()
    for schedule in schedules:
        schedule.join(timeout=15)
    canary.join(timeout=25)
    scp.stop()
    retention.end()
    tiles.end()
    for loop in loops:
        loop.end()
    for loop in loops:
        loop.join(timeout=settings.gateway.preparation_timeout_s)
    tiles.join(timeout=15)
    audit.record_stop()
    audit.close()
    database.close()


def _end_leases(database: Database, gateway: str) -> None:
    from db.films import films

    try:
        with database.write() as session:
            taken = films.end_leases(session, gateway)
    except SQLAlchemyError as error:  # they run out by themselves
        log.warning("the database is away; waiting for it", error=type(error).__name__)
        return
    if taken:
        log.info("films of an earlier process are taken up again", count=taken)
