"""Authentication of browsers: from a session cookie to a user and the permissions of its role."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final
from urllib.parse import parse_qsl, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from db.accounts import web_sessions
from db.accounts.users import UserEntry
from db.database import Database
from domain.languages.sentence import Sentence, say, say_value
from domain.roles import Permission, Role
from domain.secret_words import derive_csrf, hash_secret, is_same
from web.access.proxy_login import ProxyLogin
from web.settings import WebSettings

SAFE_METHODS: Final = ("GET", "HEAD")
LARGEST_FORM: Final = 64 * 1024
BY_ITSELF: Final = "x-by-itself"
"""Header of requests that the page makes by itself. They do not extend a session, unless it says `ACTIVE`:
the user has typed or used the mouse since the last one."""
ACTIVE: Final = "active"
CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "x-csrf-token"


@dataclass(frozen=True)
class Visit:
    """One request of a user who is logged in.

    Attributes:
        request: as it came.
        user: the user who is logged in.
        csrf: the CSRF token for forms in the answer.
        token_hash: hash of the session.
        secret: of the session, from its cookie; never sent in a page.
        form: the fields of a posted form.
    """

    request: Request
    user: UserEntry
    csrf: str
    token_hash: str
    secret: str = field(repr=False)
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_by_itself(self) -> bool:
        """True for a request that the page makes by itself."""
        return BY_ITSELF in self.request.headers


def refuse_role(role: Role) -> Sentence:
    """Return the reason for which a page is refused to a role."""
    return say("Your role, {role}, does not allow this.", role=say_value(role.value))


Endpoint = Callable[[Request], Awaitable[Response]]
Page = Callable[[Visit], Response]


class Gate:
    """Admits requests of logged-in users with the permission and, for a change, with a CSRF token."""

    def __init__(self, database: Database, settings: WebSettings, proxy: ProxyLogin | None = None) -> None:
        self.database = database
        self.proxy = proxy
        self.idle = timedelta(minutes=settings.session_idle_minutes)

    def guard(self, page: Page, permission: Permission | None = None) -> Endpoint:
        """Return an endpoint that calls `page`, in a thread, with the visit.

        Args:
            page: returns the answer.
            permission: the permission that the user's role must have; None admits every logged-in user.
        """

        async def endpoint(request: Request) -> Response:
            visit = await run_in_threadpool(self._identify, request)
            if visit is None:
                return _ask_to_log_in(request)
            if permission is not None and not visit.user.may(permission):
                raise HTTPException(403, refuse_role(visit.user.role))
            if request.method not in SAFE_METHODS:
                visit = replace(visit, form=await read_form(request))
                check_intent(request, visit.form, visit.csrf)
            return await run_in_threadpool(page, visit)

        return endpoint

    def _identify(self, request: Request) -> Visit | None:
        secret = request.cookies.get(name_cookie(request))
        if not secret:
            return None
        token_hash = hash_secret(secret)
        with self.database.read() as session:
            found = web_sessions.find(session, token_hash, self.idle)
        if found is None:
            return None
        verified = None if self.proxy is None else self.proxy.read(request)
        if verified is not None and verified.name != found.user.name:  # another person at the same browser
            with self.database.write() as session:
                web_sessions.end(session, token_hash)
            return None
        if found.is_stale and request.headers.get(BY_ITSELF) in (None, ACTIVE):
            with self.database.write() as session:
                web_sessions.touch(session, token_hash)
        request.state.language = found.user.language
        return Visit(request, found.user, derive_csrf(secret), token_hash, secret)


def name_cookie(request: Request, purpose: str = "session") -> str:
    """Return the name of a cookie. With TLS, browsers hold `__Host-` cookies to this host (RFC 6265bis)."""
    return f"{'__Host-' if request.url.scheme == 'https' else ''}tbscreen-{purpose}"


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a URL-encoded body; of a repeated name, the last field counts.

    Raises:
        HTTPException: 413 for a body over `LARGEST_FORM`, 415 for another type, 400 for a malformed form.
    """
    body = await read_body(request, LARGEST_FORM)
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if body and kind != "application/x-www-form-urlencoded":
        raise HTTPException(415, say("A form is application/x-www-form-urlencoded."))
    try:
        form = dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=50))
    except ValueError:
        raise HTTPException(400, say("The form cannot be read.")) from None
    if any("\0" in value for value in form.values()):  # PostgreSQL stores no text with NUL
        raise HTTPException(400, say("The form cannot be read."))
    return form


async def read_body(request: Request, largest: int) -> bytes:
    """Return the body, of at most `largest` bytes.

    Raises:
        HTTPException: 413 for a larger body, 400 when the client disconnects.
    """
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > largest:
                raise HTTPException(413, say("At most {largest} bytes are taken.", largest=largest))
    except ClientDisconnect:  # the client is gone; this is not an error of the server
        raise HTTPException(400, say("The request ended before its body was complete.")) from None
    return body


def check_intent(request: Request, form: Mapping[str, str], csrf: str) -> None:
    """Check the CSRF token and the site of origin of a request that changes something.

    Raises:
        HTTPException: 403.
    """
    given = request.headers.get(CSRF_HEADER) or form.get(CSRF_FIELD, "")
    site = request.headers.get("sec-fetch-site", "same-origin")
    if site not in ("same-origin", "none") or not is_same(given, csrf):
        raise HTTPException(403, say("This form is out of date: load the page again."))


def _ask_to_log_in(request: Request) -> Response:
    if request.method not in SAFE_METHODS or request.headers.get("sec-fetch-mode") in ("cors", "same-origin"):
        return PlainTextResponse("log in first", status_code=401)
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    query = {"next": wanted} if wanted != "/" else {}
    if request.cookies.get(name_cookie(request)):
        query["ended"] = "yes"
    return RedirectResponse("/login" + (f"?{urlencode(query, safe='')}" if query else ""), 303)
