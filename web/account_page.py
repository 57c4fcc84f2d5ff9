"""Users change their own passwords."""

from __future__ import annotations

import structlog
from starlette.responses import Response

from db import login_attempts, users
from db.database import Database
from web import passwords
from web.login import count_subjects
from web.pages import Pages
from web.passwords import WeakPasswordError
from web.visits import Visit
from web.witness import find_address

LOG = structlog.get_logger(__name__)


class AccountPage:
    """The page `/account`."""

    def __init__(self, database: Database, pages: Pages) -> None:
        self.database = database
        self.pages = pages

    def show(self, visit: Visit) -> Response:
        """Show who is logged in, and the form."""
        return self._show(visit, None, 200)

    def change_password(self, visit: Visit) -> Response:
        """Take the old and the new password; all other sessions of the user end."""
        name, form = visit.user.name, visit.form
        new = form.get("new", "")
        try:
            passwords.check_strength(new, name)
        except WeakPasswordError as error:
            return self._show(visit, f"Not changed: {error}.", 422)
        if new != form.get("again", ""):
            return self._show(visit, "Not changed: the new password was not typed twice the same.", 422)
        if not self._knows(visit, form.get("old", "")):
            return self._show(visit, "Not changed: the present password is another one.", 403)
        hashed = passwords.hash_password(new)
        with self.database.write() as session:
            users.set_password(session, name, hashed, keep_session=visit.token_hash)
        LOG.info("password changed", user=name)
        return self._show(visit, "The password is changed. All other sessions are over.", 200)

    def _knows(self, visit: Visit, password: str) -> bool:
        """True for the right password; who has found an open browser may not try for ever."""
        subjects = count_subjects(visit.user.name, find_address(visit.request))
        with self.database.write() as session:
            if login_attempts.begin(session, subjects) is not None:
                return False
            credentials = users.find_credentials(session, visit.user.name)
        if credentials is None or not passwords.verify(password, credentials.password_hash):
            return False
        with self.database.write() as session:
            login_attempts.succeed(session, subjects[0].key, subjects[1].key)
        return True

    def _show(self, visit: Visit, message: str | None, status: int) -> Response:
        context = {"user": visit.user, "csrf": visit.csrf, "message": message, "good": status == 200}
        return self.pages.render(visit.request, "account.html", context, status)
