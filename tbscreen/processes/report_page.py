"""The report for managers on the page, and for programs: made here, so that web need not know how."""

from __future__ import annotations

import threading
from datetime import date
from typing import TYPE_CHECKING

from db.counts.report_counts import Grouping
from db.database import Database
from reports.period import PeriodError, choose_period
from reports.settings import ReportSettings
from web.pages.report_page import ReportBusyError

if TYPE_CHECKING:
    from reports.figures import Report
    from web.pages.report_page import RenderReport


def build_report_page(database: Database, settings: ReportSettings, version: str) -> RenderReport:
    """Return the function that renders a report for the page.

    One report is made at a time. A further request is refused at once, because each one that waited would
    hold a thread of the page.
    """
    one_at_a_time = threading.Lock()

    def make(
        first: date | None, last: date | None, by: str | None, form: str, language: str = "en"
    ) -> str | bytes:
        from reports.composition import Request, compose_report

        if by is not None and by not in set(Grouping):
            raise PeriodError(f"a report is by {', '.join(Grouping)}, not by {by!r}")
        request = Request(choose_period(first, last, settings.timezone), Grouping(by) if by else None)
        if not one_at_a_time.acquire(blocking=False):
            raise ReportBusyError("another report is being made; ask again in a moment")
        try:
            with database.read(frozen=True) as session:
                return _render(compose_report(session, request, settings, version), form, language)
        finally:
            one_at_a_time.release()

    return make


def _render(report: Report, form: str, language: str) -> str | bytes:
    from reports.csv_form import render_csv
    from reports.html_form import render_html
    from reports.pdf_form import render_pdf

    if form == "json":
        return report.model_dump_json()
    if form == "csv":
        return render_csv(report)
    return render_pdf(report, language) if form == "pdf" else render_html(report, language)
