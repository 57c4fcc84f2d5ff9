"""The page."""

from __future__ import annotations

from pathlib import Path

from dicom_gateway.audit.audit_settings import audit_directory
from tbscreen import __version__
from tbscreen.administration.local_installation import LocalInstallation
from tbscreen.monitoring.monitor import monitored
from tbscreen.processes.page_audit import PageAudit
from tbscreen.processes.process_life import announce_ready, open_database
from tbscreen.processes.report_page import build_report_page
from tbscreen.processes.settings_audit import record_settings
from tbscreen.settings import Settings


def run_web(settings: Settings, ready_file: Path | None) -> None:
    """Serve the page until SIGTERM."""
    from web.application import build_application
    from web.server import serve

    database = open_database(settings)
    report = build_report_page(database, settings.reports, __version__)
    audit = PageAudit(settings.audit, audit_directory(settings.data_directory), settings.gateway.ae_title)
    checks = {"database": database.find_trouble}
    application = build_application(
        database, __version__, settings.web, report, audit, checks, LocalInstallation(settings, database)
    )
    audit.record_start()
    record_settings(audit, settings)
    try:
        with monitored(settings.monitoring, "web", checks):
            serve(application, settings.web, lambda port: announce_ready(ready_file, str(port)))
    finally:
        audit.record_stop()
        audit.close()
        database.close()
