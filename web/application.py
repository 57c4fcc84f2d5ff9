"""The Starlette application: which path leads where, and what is said when something goes wrong."""

from __future__ import annotations

from http import HTTPStatus

from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from db.database import Database, DatabaseAwayError
from db.roles import Permission
from web.account_page import AccountPage
from web.login import Login
from web.pages import STATIC, Pages
from web.report_page import RenderReport, ReportPage
from web.response_headers import ResponseHeaders
from web.settings import WebSettings
from web.study_page import StudyPage
from web.visits import Gate
from web.worklist_page import WorklistPage


def build_application(
    database: Database,
    version: str,
    settings: WebSettings | None = None,
    render_report: RenderReport | None = None,
) -> Starlette:
    """Make the application over an open database.

    Args:
        database: open.
        version: of tbscreen.
        settings: of the page; by default all defaults.
        render_report: makes the managers' report; None where there is none.
    """
    settings = settings or WebSettings()
    pages = Pages(version, has_report=render_report is not None)
    return Starlette(
        routes=[
            *_route_pages(database, settings, pages, render_report),
            *_route_health(database),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[
            Middleware(ResponseHeaders),
            # A page of another site must not reach this one by a name of its own (DNS rebinding).
            Middleware(TrustedHostMiddleware, allowed_hosts=settings.served_names, www_redirect=False),
        ],
        exception_handlers={
            SQLAlchemyError: _say_that_the_database_is_away,
            HTTPException: _Problems(pages).show,
        },
    )


def _route_pages(
    database: Database, settings: WebSettings, pages: Pages, render_report: RenderReport | None
) -> list[BaseRoute]:
    gate = Gate(database, settings)
    login = Login(database, settings, pages)
    study = StudyPage(database, pages)
    account = AccountPage(database, pages)
    report = ReportPage(pages, render_report)
    see, read, count = Permission.WORKLIST, Permission.READ, Permission.REPORT
    film = "/studies/{uid}/films/{film:int}"
    return [
        Route("/login", login.show),
        Route("/login", login.enter, methods=["POST"]),
        Route("/logout", gate.guard(login.leave), methods=["POST"]),
        Route("/", gate.guard(WorklistPage(database, pages).show, see)),
        Route("/studies/{uid}", gate.guard(study.show, see)),
        Route("/studies/{uid}/reads", gate.guard(study.take_read, read), methods=["POST"]),
        Route(f"{film}/film.jpg", gate.guard(study.send_film, see)),
        Route(f"{film}/heat.json", gate.guard(study.send_heat, see)),
        Route("/account", gate.guard(account.show)),
        Route("/account", gate.guard(account.change_password), methods=["POST"]),
        Route("/report", gate.guard(report.show, count)),
        Route("/report/document", gate.guard(report.send_document, count)),
    ]


def _route_health(database: Database) -> list[BaseRoute]:
    async def show_health(_: Request) -> Response:
        return PlainTextResponse("ok")

    async def show_readiness(_: Request) -> Response:
        try:
            await run_in_threadpool(database.check)
        except DatabaseAwayError:
            return PlainTextResponse("the database does not answer", status_code=503)
        return PlainTextResponse("ok")

    return [Route("/healthz", show_health), Route("/readyz", show_readiness)]


async def _say_that_the_database_is_away(_: Request, __: Exception) -> Response:
    return PlainTextResponse("the database does not answer", status_code=503)


class _Problems:
    """Says what went wrong, as a page."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages

    async def show(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        title = HTTPStatus(error.status_code).phrase
        if "text/html" not in request.headers.get("accept", ""):
            return PlainTextResponse(error.detail, error.status_code, error.headers)
        context = {"user": None, "csrf": "", "title": title, "detail": error.detail}
        return self.pages.render(request, "problem.html", context, error.status_code, error.headers)
