"""The worklist as a page."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.responses import Response

from db.clock import now
from db.database import Database
from db.worklist import claims
from db.worklist.worklist import InvalidCursorError, Page
from db.worklist.worklist_filter import STUDY_STATES, WorklistFilter
from db.worklist.worklist_totals import Total, count_studies
from domain.codes import UNREPORTED, Finding, Notice, Priority, Refusal
from domain.languages.sentence import Sentence, say
from web.access.audit import AuditTrail, find_address
from web.access.authentication import Visit
from web.access.recent_views import RecentViews
from web.pages.history import VERDICTS
from web.pages.pages import Pages
from web.rest.worklist_query import find_page, read_query
from web.settings import WebSettings

ROWS: Final = 50

ALL_DAYS: Final = "all"
"""Value of the parameter `days` that shows read studies of any age."""

TURNING: Final = ("after", "at")
"""Parameters of pages after the first: a cursor, and the place of the page's first study in the list."""


class WorklistPage:
    """The page `/`."""

    def __init__(self, database: Database, settings: WebSettings, pages: Pages, audit: AuditTrail) -> None:
        self.database = database
        self.settings = settings
        self.pages = pages
        self.audit = audit
        self._views = RecentViews()

    def show(self, visit: Visit) -> Response:
        """Show the most urgent studies that match the filter, or the page after a given one."""
        given = visit.request.query_params
        asked = read_query(given, ROWS)
        since = self._find_window(given, asked.wanted)
        asked = replace(asked, wanted=replace(asked.wanted, read_since=since))
        hidden_from = self.settings.find_blinded(visit.user)
        try:
            page = find_page(self.database, asked, hidden_from)
        except InvalidCursorError as error:
            raise HTTPException(400, say("{reason}.", reason=str(error))) from None
        is_new = self._views.is_new(visit.token_hash, visit.request.url.query)
        if is_new or not visit.is_by_itself:
            address = find_address(visit.request)
            self.audit.record_search(visit.user.name, address, visit.request.url.query)
        with self.database.read() as session:
            total = count_studies(session, asked.wanted)
        filters = [(name, value) for name, value in given.multi_items() if value and name not in TURNING]
        at = _read_place(given) if asked.after else 1
        following = [*filters, ("after", page.following), ("at", at + len(page.studies))]
        without_window = [(name, value) for name, value in filters if name != "days"]
        return self.pages.render(
            visit.request,
            "worklist.html",
            {
                "user": visit.user,
                "csrf": visit.csrf,
                "studies": page.studies,
                "following": page.following and "/?" + urlencode(following),
                "place": describe_place(page, at, total),
                "since": since,
                "days": self.settings.worklist_days,
                "shows_all_days": given.get("days") == ALL_DAYS,
                "all_days": "/?" + urlencode([*without_window, ("days", ALL_DAYS)]),
                "window": "/?" + urlencode(without_window),
                "blinded": hidden_from is not None,
                "first": "/?" + urlencode(filters) if asked.after else None,
                "chosen": dict(filters),
                "verdicts": VERDICTS,
                "find_holder": claims.find_holder,
                "states": [state.value for state in STUDY_STATES],
                "priorities": [priority.value for priority in Priority],
                "findings": [finding.value for finding in Finding],
                "notices": [notice.value for notice in Notice],
                "refusals": [refusal.value for refusal in Refusal if refusal not in UNREPORTED],
            },
        )

    def _find_window(self, given: QueryParams, wanted: WorklistFilter) -> datetime | None:
        """Return the time since which read studies are shown; None where all are."""
        asks_for_any_age = (
            self.settings.worklist_days == 0,
            given.get("days") == ALL_DAYS,
            wanted.text is not None,
            wanted.study_date_from is not None or wanted.study_date_to is not None,
            wanted.readers_differ,
            wanted.read is False,
        )
        if any(asks_for_any_age):
            return None
        today = now().replace(hour=0, minute=0, second=0, microsecond=0)
        return today - timedelta(days=self.settings.worklist_days)


def describe_place(page: Page, at: int, total: Total) -> Sentence:
    """Return the place of a page in the list, as "101–150 of 2,340".

    Args:
        page: the page.
        at: place of its first study, from 1.
        total: of the list.
    """
    last = at + len(page.studies) - 1
    whole = last if page.following is None else max(total.studies, last + 1)
    if page.following is None or total.is_exact:
        return say("{first:,}–{last:,} of {whole:,}", first=at, last=last, whole=whole)
    most = max(total.studies, last)
    return say("{first:,}–{last:,} of more than {whole:,}", first=at, last=last, whole=most)


def _read_place(given: QueryParams) -> int:
    """Return the parameter `at`, 1 where it is no place."""
    text = given.get("at", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 and int(text) else 1
