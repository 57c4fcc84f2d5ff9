"""The courier: reports results and delivers them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from tbscreen import __version__
from tbscreen.monitoring.monitor import monitored
from tbscreen.monitoring.tracing import traced
from tbscreen.processes.process_life import announce_ready, count_for_monitor, open_database
from tbscreen.processes.process_signals import end_on_signal
from tbscreen.settings import Settings

if TYPE_CHECKING:
    from db.database import Database
    from dicom_gateway.audit.audit_trail import AuditTrail
    from dicom_gateway.laboratory.result_listener import ResultListener


def run_courier(settings: Settings, ready_file: Path | None) -> None:
    """Report and deliver, to peers, to HL7 receivers and to those of notices, until SIGTERM."""
    count_for_monitor(settings, "courier")
    from dicom_gateway.delivery.courier import Courier
    from dicom_gateway.hl7.message_courier import MessageCourier
    from dicom_gateway.library_settings import configure_dicom_libraries
    from tbscreen.monitoring.database_metrics import DatabaseMetrics
    from tbscreen.processes.audit_trail import open_audit_trail
    from tbscreen.processes.notice_parts import build_notice_courier
    from tbscreen.processes.settings_audit import record_settings

    configure_dicom_libraries()
    ending = end_on_signal()
    database = open_database(settings)
    audit = open_audit_trail(settings, "courier", settings.courier.ae_title)
    courier = Courier(database, settings.peers, settings.courier, settings.commitment, __version__, audit)
    messages = MessageCourier(database, settings.hl7, settings.courier, audit)
    listener = _build_result_listener(settings, database, audit)
    notices = build_notice_courier(database, settings, audit)
    audit.record_start()
    record_settings(audit, settings)
    checks = {"database": database.find_trouble}
    with (
        monitored(
            settings.monitoring, "courier", checks, [DatabaseMetrics(database, settings.reports.prevalence)]
        ),
        traced(settings.tracing, "courier", settings.courier.ae_title),
    ):
        others = [
            threading.Thread(target=run, args=(ending,), name=name)
            for name, run in (("hl7", messages.run), ("notices", notices.run))
        ]
        for thread in others:
            thread.start()
        try:
            if listener is not None:
                listener.start()
            announce_ready(ready_file, "ready")
            courier.run(ending)
        finally:
            ending.set()
            for thread in others:
                thread.join()
            if listener is not None:
                listener.stop()
    audit.record_stop()
    audit.close()
    database.close()


def _build_result_listener(
    settings: Settings, database: Database, audit: AuditTrail
) -> ResultListener | None:
    """Return the port for results of laboratories; None where none is set."""
    if not settings.hl7.results.port:
        return None
    from dicom_gateway.association.tls_context import RenewedContext
    from dicom_gateway.laboratory.result_intake import ResultIntake
    from dicom_gateway.laboratory.result_listener import ResultListener
    from dicom_gateway.reception.refusal_log import RefusalLog

    own = settings.gateway.tls if settings.hl7.results.tls else None
    tls = None if own is None else RenewedContext(own)
    intake = ResultIntake(settings.hl7, database, audit)
    return ResultListener(settings.hl7, tls, intake, RefusalLog(alert=audit.record_alert))
