"""The parts that the pages of administrators share."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from db.database import Database
from web.access.audit import AuditTrail
from web.access.authentication import Visit
from web.administration.installation import Installation
from web.pages.pages import Pages


class AdministrationPage:
    """A page of administrators, or several on one subject.

    Args:
        database: open.
        pages: renders the templates.
        audit: records views of patient data, and changes.
        installation: the parts that web cannot see itself.
    """

    def __init__(
        self, database: Database, pages: Pages, audit: AuditTrail, installation: Installation
    ) -> None:
        self.database = database
        self.pages = pages
        self.audit = audit
        self.installation = installation

    def render(self, visit: Visit, template: str, context: dict[str, Any], status: int = 200) -> Response:
        """Return a page by its template's name in `administration/`."""
        context |= {"user": visit.user, "csrf": visit.csrf}
        return self.pages.render(visit.request, f"administration/{template}.html", context, status)
