"""The report of the whole site, for managers: the front door says how it is made."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from web.pages import Pages
from web.response_headers import DOCUMENT_POLICY
from web.visits import Visit

RenderReport = Callable[[date, date], str]
"""Makes the report of the days from the first to the last, both included: one self-contained HTML file."""


class ReportPage:
    """The pages `/report` and `/report/document`."""

    def __init__(self, pages: Pages, render_report: RenderReport | None) -> None:
        self.pages = pages
        self.render_report = render_report

    def show(self, visit: Visit) -> Response:
        """Show the report of some days in a frame."""
        first, last = self._take_days(visit)
        context = {"user": visit.user, "csrf": visit.csrf, "first": first, "last": last}
        return self.pages.render(visit.request, "report.html", context)

    def send_document(self, visit: Visit) -> Response:
        """Send the report itself. It runs nothing, and its page may show it in a frame."""
        first, last = self._take_days(visit)
        assert self.render_report is not None
        headers = {"Content-Security-Policy": DOCUMENT_POLICY, "X-Frame-Options": "SAMEORIGIN"}
        if "download" in visit.request.query_params:
            headers["Content-Disposition"] = f'attachment; filename="tbscreen-{first}-{last}.html"'
        return HTMLResponse(self.render_report(first, last), headers=headers)

    def _take_days(self, visit: Visit) -> tuple[date, date]:
        if self.render_report is None:
            raise HTTPException(404, "There is no report here.")
        today = datetime.now(UTC).date()
        given = visit.request.query_params
        try:
            last = date.fromisoformat(given.get("to") or today.isoformat())
            first = date.fromisoformat(given.get("from") or (last - timedelta(days=29)).isoformat())
        except (ValueError, OverflowError):
            raise HTTPException(400, "A day is written YYYY-MM-DD.") from None
        if first > last:
            raise HTTPException(400, "The first day is after the last.")
        return first, last
