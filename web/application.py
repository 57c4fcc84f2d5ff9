"""The Starlette application: the worklist as a page and as JSON, and whether the process is well."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

from db import worklist
from db.database import Database, DatabaseAwayError

TEMPLATES = Jinja2Templates(directory=Path(__file__).parent / "templates")

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def build_application(database: Database, version: str) -> Starlette:
    """Make the application over an open database.

    Routes: `/` the page, `/api/v1/worklist` the same as JSON, `/healthz` (the process answers),
    `/readyz` (the database answers too).
    """

    def read_worklist(request: Request) -> list[worklist.StudyEntry]:
        limit = min(max(_to_int(request.query_params.get("limit"), 100), 1), 1000)
        state = request.query_params.get("state") or None
        with database.read() as session:
            return worklist.query(session, state=state, limit=limit)

    async def show_page(request: Request) -> Response:
        entries = await run_in_threadpool(read_worklist, request)
        return TEMPLATES.TemplateResponse(
            request,
            "worklist.html",
            {
                "studies": entries,
                "version": version,
                "state": request.query_params.get("state", ""),
                "states": [one.value for one in worklist.STUDY_STATES],
            },
            headers=SECURITY_HEADERS,
        )

    async def show_json(request: Request) -> Response:
        entries = await run_in_threadpool(read_worklist, request)
        studies = [{**asdict(entry), "received_at": entry.received_at.isoformat()} for entry in entries]
        return JSONResponse(
            {"notice": "AI results, not verified by a physician. Research software.", "studies": studies},
            headers=SECURITY_HEADERS,
        )

    async def show_health(_: Request) -> Response:
        return PlainTextResponse("ok")

    async def show_readiness(_: Request) -> Response:
        try:
            await run_in_threadpool(database.check)
        except DatabaseAwayError:
            return PlainTextResponse("the database does not answer", status_code=503)
        return PlainTextResponse("ok")

    async def say_that_the_database_is_away(_: Request, __: Exception) -> Response:
        return PlainTextResponse("the database does not answer", status_code=503, headers=SECURITY_HEADERS)

    return Starlette(
        routes=[
            Route("/", show_page),
            Route("/api/v1/worklist", show_json),
            Route("/healthz", show_health),
            Route("/readyz", show_readiness),
        ],
        # A page of another site must not reach this one by a name of its own (DNS rebinding).
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost", "::1", "[::1]"])
        ],
        exception_handlers={SQLAlchemyError: say_that_the_database_is_away},
    )


def _to_int(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isdecimal() and len(text) < 10 else default
