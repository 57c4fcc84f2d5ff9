"""Login and logout."""

from __future__ import annotations

import ipaddress
import math
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from db.accounts import login_attempts, users, web_sessions
from db.accounts.login_attempts import Subject
from db.accounts.users import Credentials, UserEntry
from db.database import Database
from domain.languages.sentence import say
from domain.secret_words import derive_csrf, hash_secret, make_secret
from web.access import passwords
from web.access.audit import AuditTrail, find_address
from web.access.authentication import Visit, check_intent, name_cookie, read_form
from web.access.proxy_login import ProxyLogin
from web.pages.pages import Pages
from web.settings import WebSettings

LOG = structlog.get_logger(__name__)

FREE_FOR_USER: Final = 5
LONGEST_FOR_USER: Final = timedelta(minutes=1)
"""Short, since anyone who knows a user's name can lock that user out by failed logins."""
FREE_FOR_ADDRESS: Final = 20
"""More than for a user, since all clients behind one proxy share an address."""
LONGEST_FOR_ADDRESS: Final = timedelta(minutes=15)

WRONG: Final = say("The name or the password is wrong.")
REFUSED: Final = say("This name has no access here. An administrator adds it, or its group.")


class Login:
    """The pages `/login` and `/logout`."""

    def __init__(
        self,
        database: Database,
        settings: WebSettings,
        pages: Pages,
        audit: AuditTrail,
        proxy: ProxyLogin | None = None,
    ) -> None:
        self.database = database
        self.proxy = proxy
        self.lifetime = timedelta(hours=settings.session_hours)
        self.pages = pages
        self.audit = audit

    async def show(self, request: Request) -> Response:
        """Show the form."""
        given = request.query_params
        return self._show_form(request, None, given.get("next", ""), ended=bool(given.get("ended")))

    async def enter(self, request: Request) -> Response:
        """Check name and password; a correct pair begins a new session, whatever cookie came along."""
        form = await read_form(request)
        secret = request.cookies.get(name_cookie(request, "form"), "")
        check_intent(request, form, derive_csrf(secret) if secret else make_secret())
        name, wanted = users.normalize_name(form.get("name", "")), form.get("next", "")
        ended = bool(form.get("ended"))
        if form.get("by") == "proxy":
            secret_of_new = await run_in_threadpool(self._try_proxy, request)
            if secret_of_new is None:
                return self._show_form(request, REFUSED, wanted, status=401, ended=ended)
            return self._let_in(request, secret_of_new, wanted)
        answer = await run_in_threadpool(self._try, request, name, form.get("password", ""))
        if isinstance(answer, timedelta):
            wait = count_seconds(answer)
            text = say("Too many failed logins. Try again in {seconds} seconds.", seconds=wait)
            again = {"Retry-After": str(wait)}
            return self._show_form(request, text, wanted, status=429, headers=again, ended=ended)
        if answer is None:
            return self._show_form(request, WRONG, wanted, status=401, ended=ended)
        return self._let_in(request, answer, wanted)

    def _let_in(self, request: Request, secret: str, wanted: str) -> Response:
        response = RedirectResponse(choose_next(wanted), 303)
        _set_cookie(request, response, "session", secret, int(self.lifetime.total_seconds()))
        response.delete_cookie(name_cookie(request, "form"), path="/")
        return response

    def leave(self, visit: Visit) -> Response:
        """End the session here and in the browser."""
        with self.database.write() as session:
            web_sessions.end(session, visit.token_hash)
        LOG.info("logged out", user=visit.user.name)
        self.audit.record_logout(visit.user.name, find_address(visit.request))
        where = "/login"
        if self.proxy is not None and self.proxy.settings.logout_url and self.proxy.read(visit.request):
            where = self.proxy.settings.logout_url
        response = RedirectResponse(where, 303, headers={"Clear-Site-Data": '"cache"'})
        response.delete_cookie(name_cookie(visit.request), path="/")
        return response

    def _try(self, request: Request, name: str, password: str) -> str | timedelta | None:
        """Return the secret of a new session, the time to wait, or None for a wrong name or password."""
        address = find_address(request)
        of_user, of_address = count_subjects(name, address)
        with self.database.write() as session:
            pause = login_attempts.begin(session, (of_user, of_address))
        if pause is not None:
            LOG.warning("login refused: too many failures", address=address)
            self.audit.record_login("", address, is_right=False)
            return pause
        with self.database.read() as session:
            credentials = users.find_credentials(session, name)
        right = passwords.verify(password, None if credentials is None else credentials.password_hash)
        if credentials is None or not right or credentials.user.disabled:
            known = credentials.user.name if credentials else None  # the typed name may be a password
            LOG.warning("login failed", user=known, address=address)
            self.audit.record_login(known or "", address, is_right=False)
            return None
        secret = self._begin(request, credentials.user, of_user.key, of_address.key)
        self._renew_hash(credentials, password)
        LOG.info("logged in", user=credentials.user.name, address=address)
        self.audit.record_login(credentials.user.name, address, is_right=True)
        return secret

    def _begin(self, request: Request, user: UserEntry, *subjects: str) -> str:
        """Begin a session and return its secret; failures that counted against the subjects are forgotten."""
        secret = make_secret()
        with self.database.write() as session:
            if subjects:
                login_attempts.succeed(session, *subjects)
            self._end_former(session, request)
            web_sessions.begin(session, hash_secret(secret), user.id, self.lifetime)
        return secret

    def _try_proxy(self, request: Request) -> str | None:
        """Return the secret of a new session of the user whom the proxy names, or None."""
        address = find_address(request)
        verified = None if self.proxy is None else self.proxy.read(request)
        user = None
        if self.proxy is not None and verified is not None:
            user = self.proxy.admit(verified, address)
        if user is None:
            named = None if verified is None else verified.name
            LOG.warning("login by the proxy refused", user=named, address=address)
            self.audit.record_login(named or "", address, is_right=False)
            return None
        secret = self._begin(request, user)
        LOG.info("logged in by the proxy", user=user.name, address=address)
        self.audit.record_login(user.name, address, is_right=True)
        return secret

    def _end_former(self, session: Session, request: Request) -> None:
        former = request.cookies.get(name_cookie(request))
        if former:
            web_sessions.end(session, hash_secret(former))

    def _renew_hash(self, credentials: Credentials, password: str) -> None:
        if passwords.is_outdated(credentials.password_hash):
            renewed = passwords.hash_password(password)
            with self.database.write() as session:
                users.refresh_hash(session, credentials.user.id, renewed)

    def _show_form(
        self,
        request: Request,
        problem: str | None,
        wanted: str,
        status: int = 200,
        headers: dict[str, str] | None = None,
        *,
        ended: bool = False,
    ) -> Response:
        secret = request.cookies.get(name_cookie(request, "form")) or make_secret()
        verified = None if self.proxy is None else self.proxy.read(request)
        context = {
            "verified": verified and verified.name,
            "problem": problem,
            "next": wanted,
            "csrf": derive_csrf(secret),
            "user": None,
            "ended": ended,
        }
        response = self.pages.render(request, "login.html", context, status, headers)
        _set_cookie(request, response, "form", secret, None)
        return response


def count_subjects(name: str, address: str) -> tuple[Subject, Subject]:
    """Return the two subjects that failed logins count against: the name, known or not, and the address."""
    return (
        Subject(f"user:{hash_secret(name)}", FREE_FOR_USER, LONGEST_FOR_USER),
        Subject(f"address:{hash_secret(_find_network(address))}", FREE_FOR_ADDRESS, LONGEST_FOR_ADDRESS),
    )


def count_seconds(pause: timedelta) -> int:
    """Return the time to wait in whole seconds, at least 1."""
    return max(1, math.ceil(pause.total_seconds()))


def _find_network(address: str) -> str:
    """Return an IPv4 address as it is and an IPv6 address as its /64 network (RFC 4291 2.5.1)."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))


def choose_next(wanted: str) -> str:
    """Return the path to open after the login; never a path of another site."""
    plain = wanted.startswith("/") and not wanted.startswith("//") and "\\" not in wanted
    return wanted if plain and wanted.isprintable() and not wanted.startswith("/login") else "/"


def _set_cookie(request: Request, response: Response, purpose: str, value: str, age_s: int | None) -> None:
    response.set_cookie(
        name_cookie(request, purpose),
        value,
        max_age=age_s,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
