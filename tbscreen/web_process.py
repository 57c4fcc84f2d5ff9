"""The page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

from db.database import Database
from reports.settings import ReportSettings
from tbscreen import __version__
from tbscreen.monitor import monitored
from tbscreen.process_life import PortError, announce_ready, open_database
from tbscreen.readiness import check_database
from tbscreen.settings import Settings


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

    database = open_database(settings)
    report = make_report_page(database, settings.reports)
    application = build_application(database, __version__, settings.web, report)
    try:
        with monitored(settings.monitoring, "web", {"database": check_database(database)}):
            serve(application, settings.web, lambda port: announce_ready(ready_file, str(port)))
    except PageError as error:
        raise PortError(str(error)) from None
    finally:
        database.close()
