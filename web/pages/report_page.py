"""The report for managers; the front door passes in the function that renders it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final

from markupsafe import escape
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from db.counts import unread_studies
from db.counts.report_counts import Grouping
from db.database import Database
from domain.errors import TransientError
from domain.languages.language import ENGLISH
from domain.languages.sentence import say
from domain.roles import Permission
from web.access.authentication import Visit
from web.pages.pages import Pages
from web.response_headers import DOCUMENT_POLICY

RenderReport = Callable[[date | None, date | None, str | None, str, str], str | bytes]
"""First and last day, both included, grouping, form: html (one self-contained file), json, csv or pdf; and
the code of the language of html and pdf.

Raises ValueError, with a text for people, for a period or grouping without a report, and `ReportBusyError`
while another report is made.
"""

BUSY_S: Final = 10
"""Seconds after which a client should ask again for a report."""

DAYS: Final = 30
"""Days of a report up to today, by default."""

PARTIES: Final = {
    "reads": say("reader"),
    "bacteriology": say("bacteriology"),
    "both": say("bacteriology or radiologist"),
}
"""Those with whom the AI may disagree, by the truth of a report."""

FORMS: Final[Mapping[str, str]] = {
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
}
"""The forms of a report, with their media types."""


DOCUMENT_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": DOCUMENT_POLICY,
    "X-Frame-Options": "SAMEORIGIN",
}
"""Headers of a document that a page of ours shows in a frame."""


class ReportBusyError(TransientError):
    """Another report is being made. Transient."""


class ReportPage:
    """The pages `/report`, `/report/document` and `/report/disagreements`."""

    def __init__(self, database: Database, pages: Pages, render_report: RenderReport | None) -> None:
        self.database = database
        self.pages = pages
        self.render_report = render_report

    def show(self, visit: Visit) -> Response:
        """Show the report of a period in a frame."""
        first, last, by = self._read_wish(visit)
        with self.database.read() as session:
            unread = unread_studies.count_unread(session)
        context = {
            "unread": unread,
            "user": visit.user,
            "csrf": visit.csrf,
            "first": first,
            "last": last,
            "by": by or "",
            "groupings": list(Grouping),
            "forms": [form for form in FORMS if form != "html"],
        }
        return self.pages.render(visit.request, "report.html", context)

    def send_document(self, visit: Visit) -> Response:
        """Send the report as a document without scripts, which the page shows in a frame, or as a file."""
        first, last, by = self._read_wish(visit)
        assert self.render_report is not None
        given = visit.request.query_params
        form = given.get("form") or "html"
        catalogue = self.pages.find_catalogue(visit.request)
        tell = catalogue.translate
        if form not in FORMS:
            raise HTTPException(400, say("form is one of {forms}.", forms=", ".join(FORMS)))
        headers = dict(DOCUMENT_HEADERS)
        try:
            document = self.render_report(first, last, by, form, catalogue.language.code)
        except ValueError as error:
            return refuse_document(tell(str(error)), 400)
        except ReportBusyError as error:
            busy = explain_busy(error)
            return refuse_document(tell(busy.detail), busy.status_code, busy.headers)
        if form != "html" or "download" in given:
            headers["Content-Disposition"] = f'attachment; filename="tbscreen-{first}-{last}.{form}"'
        return Response(document, headers=headers, media_type=FORMS[form])

    def list_disagreements(self, visit: Visit) -> Response:
        """Show the studies of a period on which AI and readers disagree, with links to them."""
        if not visit.user.may(Permission.WORKLIST):
            raise HTTPException(403, say("Your role sees figures alone, no studies."))
        first, last, _ = self._read_wish(visit)
        assert self.render_report is not None
        try:
            report = json.loads(self.render_report(first, last, None, "json", ENGLISH.code))
        except ValueError as error:
            raise HTTPException(400, say("{reason}.", reason=str(error))) from None
        except ReportBusyError as error:
            raise explain_busy(error) from None
        context = {
            "user": visit.user,
            "csrf": visit.csrf,
            "first": first,
            "last": last,
            "party": PARTIES[report["truth"]],
            "studies": report["disagreements"],
            "in_all": report["disagreements_in_all"],
        }
        return self.pages.render(visit.request, "disagreements.html", context)

    def _read_wish(self, visit: Visit) -> tuple[date, date, str | None]:
        if self.render_report is None:
            raise HTTPException(404, say("There is no report here."))
        return read_wish(visit.request.query_params)


def refuse_document(text: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """Return a document that says why there is none."""
    words = f"<!doctype html><p>{escape(text)}</p>"
    return HTMLResponse(words, status, {**DOCUMENT_HEADERS, **(headers or {})})


def explain_busy(error: ReportBusyError) -> HTTPException:
    """Return the answer to a request for a report while another report is made."""
    return HTTPException(429, say("{reason}.", reason=str(error)), {"Retry-After": str(BUSY_S)})


def read_wish(given: QueryParams) -> tuple[date, date, str | None]:
    """Return first day, last day and grouping of the report that a URL asks for.

    Raises:
        HTTPException: 400 for an invalid day.
    """
    today = datetime.now(UTC).date()
    try:
        last = date.fromisoformat(given.get("to") or today.isoformat())
        first = date.fromisoformat(given.get("from") or (last - timedelta(days=DAYS - 1)).isoformat())
    except (ValueError, OverflowError):
        raise HTTPException(400, say("A day is written YYYY-MM-DD.")) from None
    return first, last, given.get("by") or None
