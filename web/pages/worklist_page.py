"""The worklist as a page."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import Response

from db.database import Database
from db.worklist import claims
from db.worklist.worklist import InvalidCursorError
from db.worklist.worklist_filter import STUDY_STATES
from domain.codes import UNREPORTED, Finding, Notice, Priority, Refusal
from web.access.audit import AuditTrail, find_address
from web.access.authentication import Visit
from web.access.recent_views import RecentViews
from web.pages.history import VERDICTS
from web.pages.pages import Pages
from web.rest.worklist_query import find_page, read_query
from web.settings import WebSettings

ROWS: Final = 50


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
        hidden_from = self.settings.find_blinded(visit.user)
        try:
            page = find_page(self.database, asked, hidden_from)
        except InvalidCursorError as error:
            raise HTTPException(400, f"{error}.") from None
        is_new = self._views.is_new(visit.token_hash, visit.request.url.query)
        if is_new or not visit.is_by_itself:
            address = find_address(visit.request)
            self.audit.record_search(visit.user.name, address, visit.request.url.query)
        filters = [(name, value) for name, value in given.multi_items() if value and name != "after"]
        return self.pages.render(
            visit.request,
            "worklist.html",
            {
                "user": visit.user,
                "csrf": visit.csrf,
                "studies": page.studies,
                "following": page.following and "/?" + urlencode([*filters, ("after", page.following)]),
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
