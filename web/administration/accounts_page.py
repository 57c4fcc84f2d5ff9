"""The pages on users and tokens: added, changed, shut out, revoked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response

from db.accounts import api_tokens, users, web_sessions
from db.database import Database
from domain.errors import PermanentError
from domain.languages.sentence import say, say_value
from domain.roles import Blinded, Permission, Role
from web.access import account_changes
from web.access.audit import AuditTrail, ChangeKind, find_address
from web.access.authentication import Visit
from web.administration.question import ask_first
from web.pages.form_values import read_number, take_choice, take_number
from web.pages.pages import Pages
from web.settings import WebSettings

LOG = structlog.get_logger(__name__)

HERE: Final = "/administration/users"
LONGEST_DAYS: Final = 36_500
DAYS: Final = 365
"""Days until a token expires, by default."""
FOR_PROGRAMS: Final = tuple(sorted(set(Permission) - account_changes.PAGE_ONLY))


class AccountsPage:
    """The pages under `/administration/users`."""

    def __init__(self, database: Database, settings: WebSettings, pages: Pages, audit: AuditTrail) -> None:
        self.database = database
        self.idle = timedelta(minutes=settings.session_idle_minutes)
        self.blinded_by_default = settings.blinded_reading
        self.pages = pages
        self.audit = audit

    def show(self, visit: Visit) -> Response:
        """Show all users and tokens."""
        return self._show(visit)

    def show_user(self, visit: Visit) -> Response:
        """Show one user, and what can be changed."""
        return self._show_user(visit, _take_name(visit))

    def add(self, visit: Visit) -> Response:
        """Add a user with a first password, which the user changes."""
        form = visit.form
        role = take_choice(form, "role", Role) or Role.READER
        blinded = take_choice(form, "blinded", Blinded) or Blinded.SITE
        name, password = form.get("name", ""), _take_password(visit)
        trouble = self._change(
            visit,
            ChangeKind.ACCOUNT,
            lambda: account_changes.add_user(self.database, name, role, password, blinded),
        )
        return self._show(
            visit,
            trouble,
            say("{name} may log in as {role}.", name=users.normalize_name(name), role=say_value(role)),
        )

    def set_role(self, visit: Visit) -> Response:
        """Give a user another role."""
        name, role = _take_name(visit), take_choice(visit.form, "role", Role)
        if role is None:
            raise HTTPException(
                400, say("{field} is one of {choices}.", field="role", choices=", ".join(Role))
            )
        _spare_oneself(visit, name)
        question = say("{name} becomes {role}, from the next click on.", name=name, role=say_value(role))
        asked = self._ask(visit, name, question, say("Change role"))
        if asked:
            return asked
        trouble = self._change(
            visit, ChangeKind.ROLE, lambda: account_changes.set_role(self.database, name, role)
        )
        return self._show_user(
            visit, name, trouble, say("{name} is {role} now.", name=name, role=say_value(role))
        )

    def set_blinded(self, visit: Visit) -> Response:
        """Set whether a reader reads blinded."""
        name = _take_name(visit)
        blinded = take_choice(visit.form, "blinded", Blinded) or Blinded.SITE
        trouble = self._change(
            visit, ChangeKind.ACCOUNT, lambda: account_changes.set_blinded(self.database, name, blinded)
        )
        return self._show_user(
            visit, name, trouble, say("{name} reads blinded: {choice}.", name=name, choice=say_value(blinded))
        )

    def set_password(self, visit: Visit) -> Response:
        """Set a user's password, which ends all sessions of the user."""
        name, password = _take_name(visit), _take_password(visit)
        _spare_oneself(visit, name)
        trouble = self._change(
            visit, ChangeKind.ACCOUNT, lambda: account_changes.set_password(self.database, name, password)
        )
        return self._show_user(
            visit, name, trouble, say("{name} has a new password. All sessions are over.", name=name)
        )

    def end_sessions(self, visit: Visit) -> Response:
        """End all sessions of a user."""
        name = _take_name(visit)
        question = say("All sessions of {name} end; what is not saved is lost. Tokens stay.", name=name)
        asked = self._ask(visit, name, question, say("End sessions"))
        if asked:
            return asked
        trouble = self._change(
            visit, ChangeKind.ACCOUNT, lambda: account_changes.end_sessions(self.database, name)
        )
        return self._show_user(visit, name, trouble, say("All sessions of {name} are over.", name=name))

    def set_disabled(self, visit: Visit) -> Response:
        """Shut a user out, or let the user in again."""
        name, disabled = _take_name(visit), visit.form.get("disabled") != "no"
        _spare_oneself(visit, name)
        question = say(
            "{name} is shut out at once, with all sessions and tokens. What {name} read stays.", name=name
        )
        asked = disabled and self._ask(visit, name, question, say("Shut out"))
        if asked:
            return asked
        trouble = self._change(
            visit, ChangeKind.ACCOUNT, lambda: account_changes.set_disabled(self.database, name, disabled)
        )
        done = (
            say("{name} is shut out.", name=name) if disabled else say("{name} may log in again.", name=name)
        )
        return self._show_user(visit, name, trouble, done)

    def issue_token(self, visit: Visit) -> Response:
        """Make a token and show its secret, once."""
        name, form = _take_name(visit), visit.form
        label, days = form.get("label", "").strip(), read_number(form.get("days", str(DAYS)))
        if not label or days is None or days > LONGEST_DAYS:
            raise HTTPException(400, say("A token has a purpose, and 0 to {most:,} days.", most=LONGEST_DAYS))
        scopes = [scope for scope in FOR_PROGRAMS if form.get(f"scope-{scope}")]
        if not scopes:
            raise HTTPException(400, say("A token allows something: choose at least one permission."))
        secrets = []

        def issue() -> str:
            secret, change = account_changes.issue_token(self.database, name, label, scopes, days)
            secrets.append(secret)
            return change

        trouble = self._change(visit, ChangeKind.ACCOUNT, issue)
        done = say("The token is shown this once: keep it where the program finds it.")
        return self._show_user(visit, name, trouble, done, secrets[0] if secrets else None)

    def revoke_token(self, visit: Visit) -> Response:
        """Revoke a token."""
        number = take_number(visit, "token")
        question = say("Token {number} opens nothing from now on; its program is refused.", number=number)
        asked = ask_first(self.pages, visit, question, say("Revoke"), HERE)
        if asked:
            return asked
        trouble = self._change(
            visit, ChangeKind.ACCOUNT, lambda: account_changes.revoke_token(self.database, number)
        )
        return self._show(visit, trouble, say("Token {number} is revoked.", number=number))

    def _change(self, visit: Visit, kind: ChangeKind, change: Callable[[], str]) -> str | None:
        """Make a change and record it; returns the reason in words where it is not made."""
        try:
            told = change()
        except PermanentError as error:
            return say("Not done: {reason}.", reason=str(error))
        self.audit.record_change(visit.user.name, find_address(visit.request), kind, told)
        LOG.info("account changed", change=told, by=visit.user.name)
        return None

    def _ask(self, visit: Visit, name: str, question: str, button: str) -> Response | None:
        return ask_first(self.pages, visit, question, button, f"{HERE}/{name}")

    def _show(self, visit: Visit, trouble: str | None = None, done: str | None = None) -> Response:
        with self.database.read() as session:
            entries = users.list_users(session)
            sessions = web_sessions.count_by_user(session, self.idle)
            tokens = api_tokens.list_tokens(session)
        context = {"entries": entries, "sessions": sessions, "tokens": tokens}
        return self._render(visit, "users", context, trouble, done)

    def _show_user(
        self,
        visit: Visit,
        name: str,
        trouble: str | None = None,
        done: str | None = None,
        secret: str | None = None,
    ) -> Response:
        with self.database.read() as session:
            credentials = users.find_credentials(session, name)
            sessions = web_sessions.count_by_user(session, self.idle)
            tokens = api_tokens.list_tokens(session)
        if credentials is None:
            raise HTTPException(404, say("There is no such user."))
        entry = credentials.user
        context = {
            "entry": entry,
            "sessions": sessions.get(entry.id, 0),
            "tokens": [token for token in tokens if token.user.id == entry.id],
            "scopes": [scope for scope in FOR_PROGRAMS if entry.may(scope)],
            "secret": secret,
            "days": DAYS,
            "is_oneself": entry.name == visit.user.name,
        }
        return self._render(visit, "user", context, trouble, done)

    def _render(
        self, visit: Visit, template: str, context: dict[str, Any], trouble: str | None, done: str | None
    ) -> Response:
        context |= {
            "user": visit.user,
            "csrf": visit.csrf,
            "message": trouble or done,
            "is_problem": trouble is not None,
            "roles": list(Role),
            "choices": list(Blinded),
            "blinded_by_default": self.blinded_by_default,
        }
        status = 200 if trouble is None else 422
        return self.pages.render(visit.request, f"administration/{template}.html", context, status)


def _take_name(visit: Visit) -> str:
    return users.normalize_name(str(visit.request.path_params["name"]))


def _take_password(visit: Visit) -> str:
    password = visit.form.get("password", "")
    if password != visit.form.get("again", ""):
        raise HTTPException(422, say("Not done: the password was not typed twice the same."))
    return password


def _spare_oneself(visit: Visit, name: str) -> None:
    """Refuse a change by which administrators would shut themselves out, so that there is always one left."""
    if name == visit.user.name:
        raise HTTPException(
            422,
            say("Not done: another administrator changes this of yours; your password, the page Account."),
        )
