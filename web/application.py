"""The Starlette application: routes, middleware and error handlers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from db.database import Database
from domain.languages.language import FONTS, LANGUAGES
from domain.roles import Permission
from http_server.request_framing import RequestFraming
from web.access.audit import AuditTrail, NoAuditTrail
from web.access.authentication import Gate, Page, Visit, refuse_role
from web.access.login import Login
from web.access.proxy_login import ProxyLogin
from web.administration.accounts_page import AccountsPage
from web.administration.deliveries_page import DeliveriesPage
from web.administration.erasures_page import ErasuresPage
from web.administration.installation import Installation
from web.administration.messages_page import MessagesPage
from web.administration.models_page import ModelsPage
from web.administration.notices_page import NoticesPage
from web.administration.record_pages import RecordPages
from web.administration.status_page import HERE, StatusPage
from web.calibration.study_pages import HERE as CALIBRATION
from web.calibration.study_pages import CalibrationPage
from web.health import HEALTH_PATHS, Check, answer_health
from web.pages.account_page import AccountPage
from web.pages.pages import STATIC, Pages
from web.pages.patients_page import PatientsPage
from web.pages.report_page import RenderReport, ReportPage
from web.pages.study_page import StudyPage
from web.pages.worklist_page import WorklistPage
from web.problems import Problems
from web.response_headers import ResponseHeaders
from web.rest.openapi import describe_api
from web.rest.rest import Rest
from web.settings import WebSettings


def build_application(
    database: Database,
    version: str,
    settings: WebSettings | None = None,
    render_report: RenderReport | None = None,
    audit: AuditTrail | None = None,
    checks: Mapping[str, Check] | None = None,
    installation: Installation | None = None,
) -> Starlette:
    """Build the application over an open database.

    Args:
        database: open.
        version: of tbscreen.
        settings: of the page; by default all defaults.
        render_report: renders the report for managers, for the page and for programs; None without one.
        audit: receives audit events; None discards them.
        checks: the checks of `/readyz`; by default, the database answers.
        installation: the installation, for the pages of administrators; None without these pages.
    """
    settings = settings or WebSettings()
    audit = audit or NoAuditTrail()
    proxy = None if settings.proxy_login is None else ProxyLogin(settings.proxy_login, database, audit)
    gate = Gate(database, settings, proxy)
    pages = Pages(version, render_report is not None, installation is not None, settings.language)
    problems = Problems(pages)
    return Starlette(
        routes=[
            *_route_pages(database, settings, pages, render_report, audit, gate),
            *_route_calibration(database, pages, audit, installation, gate),
            *_route_administration(database, settings, pages, audit, installation, gate),
            *Rest(database, settings, audit, render_report).routes(),
            *_route_description(gate, pages, version),
            *_route_health(checks or {"database": database.find_trouble}),
            *_route_fonts(),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[
            Middleware(ResponseHeaders),
            Middleware(RequestFraming),
            # A page of another site must not reach this one by a name of its own (DNS rebinding).
            Middleware(TrustedHostMiddleware, allowed_hosts=settings.served_names, www_redirect=False),
        ],
        exception_handlers={
            SQLAlchemyError: problems.say_that_the_database_is_away,
            HTTPException: problems.show,
        },
    )


def _route_pages(
    database: Database,
    settings: WebSettings,
    pages: Pages,
    render_report: RenderReport | None,
    audit: AuditTrail,
    gate: Gate,
) -> list[BaseRoute]:
    login = Login(database, settings, pages, audit, gate.proxy)
    study = StudyPage(database, settings, pages, audit)
    account = AccountPage(database, pages, audit)
    report = ReportPage(database, pages, render_report)
    see, read, count = Permission.WORKLIST, Permission.READ, Permission.REPORT
    film = "/studies/{uid}/films/{film:int}"
    return [
        Route("/login", login.show),
        Route("/login", login.enter, methods=["POST"]),
        Route("/logout", gate.guard(login.leave), methods=["POST"]),
        Route("/", gate.guard(_choose_first(WorklistPage(database, settings, pages, audit).show))),
        Route("/studies/ahead", gate.guard(study.look_ahead, see)),
        Route("/studies/{uid}", gate.guard(study.show, see)),
        Route("/studies/{uid}/reads", gate.guard(study.take_read, read), methods=["POST"]),
        Route("/studies/{uid}/reads/{read:int}/undo", gate.guard(study.undo_read, read), methods=["POST"]),
        Route(f"{film}/film.jpg", gate.guard(study.send_film, see)),
        Route(f"{film}/tile.jpg", gate.guard(study.send_tile, see)),
        Route(f"{film}/heat.json", gate.guard(study.send_heat, see)),
        Route("/account", gate.guard(account.show)),
        Route("/account", gate.guard(account.change_password), methods=["POST"]),
        Route("/account/language", gate.guard(account.choose_language), methods=["POST"]),
        *_route_patients(gate, PatientsPage(database, pages, audit)),
        Route("/report", gate.guard(report.show, count)),
        Route("/report/document", gate.guard(report.send_document, count)),
        Route("/report/disagreements", gate.guard(report.list_disagreements, count)),
    ]


def _choose_first(worklist: Page) -> Page:
    """Return the first page after a login: the worklist, or the report for users who see figures alone."""

    def show(visit: Visit) -> Response:
        if visit.user.may(Permission.WORKLIST):
            return worklist(visit)
        if visit.user.may(Permission.REPORT):
            return RedirectResponse("/report", 303)
        raise HTTPException(403, refuse_role(visit.user.role))

    return show


def _route_patients(gate: Gate, page: PatientsPage) -> list[BaseRoute]:
    posted = {
        "/patients/conflicts/{conflict:int}": page.resolve,
        "/patients/proposed": page.accept,
        "/patients/merge": page.merge,
        "/patients/move": page.move,
        "/patients/split": page.split,
        "/patients/corrections/{correction:int}/end": page.end,
    }
    permission = Permission.RECONCILE
    return [
        Route("/patients", gate.guard(page.show, permission)),
        *(Route(path, gate.guard(decide, permission), methods=["POST"]) for path, decide in posted.items()),
    ]


def _route_calibration(
    database: Database,
    pages: Pages,
    audit: AuditTrail,
    installation: Installation | None,
    gate: Gate,
) -> list[BaseRoute]:
    if installation is None:
        return []
    page = CalibrationPage(database, pages, audit, installation.studies)
    count, administer, enter = Permission.REPORT, Permission.ADMINISTER, Permission.RESULTS
    study = f"{CALIBRATION}/{{study:int}}"
    return [
        Route(CALIBRATION, gate.guard(page.show, count)),
        Route(f"{CALIBRATION}/plan", gate.guard(page.show_plan, administer)),
        Route(f"{CALIBRATION}/start", gate.guard(page.start, administer), methods=["POST"]),
        Route(study, gate.guard(page.show_study, count)),
        Route(f"{study}/tests", gate.guard(page.list_tests, count)),
        Route(f"{study}/results", gate.guard(page.take_result, enter), methods=["POST"]),
        Route(f"{study}/analysis", gate.guard(page.show_analysis, count)),
        Route(f"{study}/document", gate.guard(page.send_document, count)),
        Route(f"{study}/close", gate.guard(page.close, administer), methods=["POST"]),
        Route(f"{study}/drop", gate.guard(page.drop, administer), methods=["POST"]),
    ]


def _route_administration(
    database: Database,
    settings: WebSettings,
    pages: Pages,
    audit: AuditTrail,
    installation: Installation | None,
    gate: Gate,
) -> list[BaseRoute]:
    if installation is None:
        return []
    administer = Permission.ADMINISTER
    status = StatusPage(database, pages, installation)
    deliveries = DeliveriesPage(database, pages, audit, installation)
    messages = MessagesPage(database, pages, audit, installation)
    notices = NoticesPage(database, pages, audit, installation)
    accounts = AccountsPage(database, settings, pages, audit)
    models = ModelsPage(database, pages, audit, installation)
    erasing = ErasuresPage(database, pages, audit, installation)
    records = RecordPages(database, pages, audit, installation)
    shown: dict[str, Page] = {
        "": status.show,
        "/deliveries": deliveries.show,
        "/deliveries/{delivery:int}": deliveries.show_delivery,
        "/messages": messages.show,
        "/messages/{message:int}": messages.show_message,
        "/erasures": erasing.show,
        "/notices": notices.show,
        "/notices/{notice:int}": notices.show_notice,
        "/audit": records.show_audit,
        "/settings": records.show_settings,
        "/models": models.show,
        "/models/{digest}": models.show_model,
        "/thresholds/{threshold:int}": models.show_threshold,
        "/users": accounts.show,
        "/users/{name}": accounts.show_user,
    }
    posted: dict[str, Page] = {
        "/checks": status.examine,
        "/deliveries/replay": deliveries.replay,
        "/deliveries/unbuilt": deliveries.build_again,
        "/deliveries/{delivery:int}/replay": deliveries.replay_delivery,
        "/messages/replay": messages.replay,
        "/notices/replay": notices.replay,
        "/models/rollback": models.roll_back,
        "/models/shadow/end": models.end_shadow,
        "/models/{digest}/activate": models.activate,
        "/models/{digest}/shadow": models.put_in_shadow,
        "/models/{digest}/threshold/rollback": models.roll_back_threshold,
        "/thresholds/{threshold:int}/use": models.use_threshold,
        "/erasures": erasing.erase,
        "/users": accounts.add,
        "/users/{name}/role": accounts.set_role,
        "/users/{name}/blinded": accounts.set_blinded,
        "/users/{name}/password": accounts.set_password,
        "/users/{name}/logout": accounts.end_sessions,
        "/users/{name}/disabled": accounts.set_disabled,
        "/users/{name}/tokens": accounts.issue_token,
        "/tokens/{token:int}/revoke": accounts.revoke_token,
    }
    return [
        *(Route(HERE + path, gate.guard(page, administer)) for path, page in shown.items()),
        *(
            Route(HERE + path, gate.guard(page, administer), methods=["POST"])
            for path, page in posted.items()
        ),
    ]


def _route_description(gate: Gate, pages: Pages, version: str) -> list[BaseRoute]:
    api = describe_api(version)

    async def send_description(_: Request) -> Response:
        return JSONResponse(api)

    def show_description(visit: Visit) -> Response:
        context = {"user": visit.user, "csrf": visit.csrf, "api": api}
        return pages.render(visit.request, "api.html", context)

    return [
        Route("/api/v1/openapi.json", send_description),
        Route("/api/docs", gate.guard(show_description)),
    ]


def _route_fonts() -> list[BaseRoute]:
    """Return a route for each font; a font never changes under its name, so that browsers keep it."""

    def serve(path: Path) -> BaseRoute:
        async def send_font(_: Request) -> Response:
            headers = {"Cache-Control": "public, max-age=31536000, immutable"}
            return FileResponse(path, media_type="font/ttf", headers=headers)

        return Route(f"/fonts/{path.name}", send_font)

    return [serve(FONTS / language.font) for language in LANGUAGES.values() if language.font]


def _route_health(checks: Mapping[str, Check]) -> list[BaseRoute]:
    async def show_health(request: Request) -> Response:
        status, text = await run_in_threadpool(answer_health, request.url.path, checks)
        return PlainTextResponse(text, status)

    return [Route(path, show_health) for path in HEALTH_PATHS]
