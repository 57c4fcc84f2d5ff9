"""Error answers: a page for people, RFC 9457 for programs."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from domain.languages.sentence import say
from http_server.problem import describe_problem
from web.pages.pages import Pages

LOG = structlog.get_logger(__name__)

AWAY: Final = say("the database does not answer")


class Problems:
    """Handlers of the exceptions that endpoints raise."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages

    async def show(self, request: Request, error: Exception) -> Response:
        """Answer an `HTTPException`."""
        assert isinstance(error, HTTPException)
        if is_for_programs(request):
            return describe_problem(error.status_code, error.detail, error.headers)
        if "text/html" not in request.headers.get("accept", ""):
            text = self.pages.find_catalogue(request).translate(error.detail)
            return PlainTextResponse(text, error.status_code, error.headers)
        context = {
            "user": None,
            "csrf": "",
            "title": say(HTTPStatus(error.status_code).phrase),
            "detail": error.detail,
        }
        return self.pages.render(request, "problem.html", context, error.status_code, error.headers)

    async def say_that_the_database_is_away(self, request: Request, error: Exception) -> Response:
        """Answer a database error. Its text may hold patient data and is not logged."""
        LOG.error("the database does not answer", error=type(error).__name__)
        away = HTTPException(503, AWAY, {"Retry-After": "5"})
        return await self.show(request, away)


def is_for_programs(request: Request) -> bool:
    """True for a path of the REST interface."""
    return request.url.path.startswith("/api/") and request.url.path != "/api/docs"
