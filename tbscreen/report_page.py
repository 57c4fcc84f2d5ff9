"""The report as the page shows it to managers: made here, so that web need not know how."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TypeAlias

from db.database import Database
from db.report_figures import Grouping
from reports.period import PeriodError, choose_period
from reports.settings import ReportSettings

ReportPage: TypeAlias = "Callable[[date | None, date | None, str | None], str]"
"""First day, last day (both included) and grouping, each or None, to one HTML page.

Raises ValueError, whose text is for people, for a period or grouping of which there is no report.
"""


def build_report_page(database: Database, settings: ReportSettings, version: str) -> ReportPage:
    """Return what the page calls for a report; it may be called from several threads."""

    def make(first: date | None, last: date | None, by: str | None) -> str:
        from reports.composition import Request, compose_report
        from reports.html_form import render_html

        if by is not None and by not in set(Grouping):
            raise PeriodError(f"a report is by {', '.join(Grouping)}, not by {by!r}")
        request = Request(choose_period(first, last, settings.timezone), Grouping(by) if by else None)
        with database.read(frozen=True) as session:
            return render_html(compose_report(session, request, settings, version))

    return make
