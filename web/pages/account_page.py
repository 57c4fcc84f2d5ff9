"""The page on which users change their own passwords and choose their language."""

from __future__ import annotations

from datetime import timedelta

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from db.accounts import login_attempts, users
from db.database import Database
from domain.errors import PermanentError
from domain.languages.language import LANGUAGES
from domain.languages.sentence import say
from web.access import passwords
from web.access.audit import AuditTrail, find_address
from web.access.authentication import Visit
from web.access.login import count_seconds, count_subjects
from web.pages.pages import Pages

LOG = structlog.get_logger(__name__)


class AccountPage:
    """The page `/account`."""

    def __init__(self, database: Database, pages: Pages, audit: AuditTrail) -> None:
        self.database = database
        self.pages = pages
        self.audit = audit

    def show(self, visit: Visit) -> Response:
        """Show the user and the form."""
        return self._show(visit, None, 200)

    def change_password(self, visit: Visit) -> Response:
        """Change the password; all other sessions of the user end."""
        name, form = visit.user.name, visit.form
        new = form.get("new", "")
        try:
            passwords.check_strength(new, name)
        except PermanentError as error:
            return self._show(visit, say("Not changed: {reason}.", reason=str(error)), 422)
        if new != form.get("again", ""):
            return self._show(visit, say("Not changed: the new password was not typed twice the same."), 422)
        answer = self._try(visit, form.get("old", ""))
        if isinstance(answer, timedelta):
            wait = count_seconds(answer)
            text = say("Not changed: too many wrong passwords. Try again in {seconds} seconds.", seconds=wait)
            return self._show(visit, text, 429, {"Retry-After": str(wait)})
        if not answer:
            return self._show(visit, say("Not changed: the present password is another one."), 403)
        hashed = passwords.hash_password(new)
        with self.database.write() as session:
            users.set_password(session, name, hashed, keep_session=visit.token_hash)
        LOG.info("password changed", user=name)
        self.audit.record_password_change(name, find_address(visit.request), is_right=True)
        return self._show(visit, say("The password is changed. All other sessions are over."), 200)

    def choose_language(self, visit: Visit) -> Response:
        """Store the language that the user chose for the pages; an empty field forgets the choice."""
        chosen = visit.form.get("language", "")
        if chosen and chosen not in LANGUAGES:
            raise HTTPException(400, say("There is no such language."))
        with self.database.write() as session:
            users.set_language(session, visit.user.name, chosen or None)
        return RedirectResponse("/account", 303)

    def _try(self, visit: Visit, password: str) -> bool | timedelta:
        """Return True for the right password, False for a wrong one, or the time to wait.

        Failed attempts are limited, since an open browser may be in the wrong hands.
        """
        address = find_address(visit.request)
        subjects = count_subjects(visit.user.name, address)
        with self.database.write() as session:
            pause = login_attempts.begin(session, subjects)
            credentials = users.find_credentials(session, visit.user.name)
        if pause is not None:
            LOG.warning("password not changed: too many failures", user=visit.user.name, address=address)
            self.audit.record_password_change(visit.user.name, address, is_right=False)
            return pause
        if credentials is None or not passwords.verify(password, credentials.password_hash):
            LOG.warning("password not changed: wrong", user=visit.user.name, address=address)
            self.audit.record_password_change(visit.user.name, address, is_right=False)
            return False
        with self.database.write() as session:
            login_attempts.succeed(session, subjects[0].key, subjects[1].key)
        return True

    def _show(
        self, visit: Visit, message: str | None, status: int, headers: dict[str, str] | None = None
    ) -> Response:
        context = {"user": visit.user, "csrf": visit.csrf, "message": message, "good": status == 200}
        return self.pages.render(visit.request, "account.html", context, status, headers)
