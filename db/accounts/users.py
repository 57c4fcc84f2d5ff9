"""Users of the page: added, listed, disabled, their roles and passwords."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from db.clock import now
from db.tables.accounts import User, WebSession
from domain.errors import PermanentError
from domain.roles import PERMISSIONS, Permission, Role

NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
"""Pattern of a user's name, in lower case."""


@dataclass(frozen=True)
class UserEntry:
    """One user."""

    id: int
    name: str
    role: Role
    disabled: bool
    created_at: datetime
    password_changed_at: datetime
    blinded: bool | None = None
    """True for a user who reads blinded; None: as the site's setting says."""
    language: str | None = None
    """Code of the language that the user chose for the page; None: as site and browser say."""

    def is_blinded(self, by_default: bool) -> bool:
        """True when results are hidden from this user until the user has read the study.

        Only users of the role reader read blinded.

        Args:
            by_default: the site's setting.
        """
        return self.role is Role.READER and (by_default if self.blinded is None else self.blinded)

    def may(self, permission: Permission) -> bool:
        """True when the user's role has this permission."""
        return not self.disabled and permission in PERMISSIONS[self.role]


@dataclass(frozen=True)
class Credentials:
    """A user and the hash of the password. Never log it."""

    user: UserEntry
    password_hash: str


def normalize_name(text: str) -> str:
    """Return a user's name as it is stored: without surrounding space, in lower case."""
    return text.strip().lower()


def add(
    session: Session, name: str, role: Role, password_hash: str, blinded: bool | None = None
) -> UserEntry:
    """Add a user.

    Raises:
        PermanentError: when the name is taken or invalid, or the role cannot read blinded.
    """
    _check_blinded(role, blinded)
    name = normalize_name(name)
    if not NAME.fullmatch(name):
        raise PermanentError(
            "a user's name is 1 to 64 of the letters a to z, digits, '.', '_', '-' and '@', "
            "and begins with a letter or digit"
        )
    if _find(session, name) is not None:
        raise PermanentError(f"there is a user {name} already")
    moment = now()
    row = User(
        name=name,
        role=role.value,
        password_hash=password_hash,
        disabled=False,
        blinded=blinded,
        created_at=moment,
        password_changed_at=moment,
    )
    session.add(row)
    session.flush()
    return describe(row)


def count(session: Session) -> int:
    """Return the number of users."""
    return session.scalar(select(func.count()).select_from(User)) or 0


def list_users(session: Session) -> Sequence[UserEntry]:
    """Return all users by name."""
    return [describe(row) for row in session.scalars(select(User).order_by(User.name))]


def find_credentials(session: Session, name: str) -> Credentials | None:
    """Return a user, even a disabled one, with the password's hash; None for an unknown name."""
    name = normalize_name(name)
    row = _find(session, name) if NAME.fullmatch(name) else None
    return None if row is None else Credentials(describe(row), row.password_hash)


def set_password(session: Session, name: str, password_hash: str, keep_session: str | None = None) -> None:
    """Change the password, and end all sessions of the user except the one with the hash `keep_session`.

    Raises:
        PermanentError: when the name is unknown.
    """
    row = _get(session, name)
    row.password_hash = password_hash
    row.password_changed_at = now()
    _end_sessions(session, row, keep_session)


def refresh_hash(session: Session, user_id: int, password_hash: str) -> None:
    """Replace the hash of an unchanged password by a hash with newer parameters."""
    session.get_one(User, user_id).password_hash = password_hash


def set_role(session: Session, name: str, role: Role) -> None:
    """Change a user's role, with effect from the next request.

    Raises:
        PermanentError: when the name is unknown.
    """
    _get(session, name).role = role.value


def set_blinded(session: Session, name: str, blinded: bool | None) -> None:
    """Set whether a user reads blinded, with effect from the next request; None: as the site's setting says.

    Raises:
        PermanentError: when the name is unknown, or the user's role cannot read blinded.
    """
    row = _get(session, name)
    _check_blinded(Role(row.role), blinded)
    row.blinded = blinded


def set_language(session: Session, name: str, language: str | None) -> None:
    """Set the language of the page for a user; None: as site and browser say.

    Raises:
        PermanentError: when the name is unknown.
    """
    _get(session, name).language = language


def set_disabled(session: Session, name: str, disabled: bool) -> None:
    """Disable a user with all sessions and tokens, or enable the user again; reads keep the name.

    Raises:
        PermanentError: when the name is unknown.
    """
    row = _get(session, name)
    row.disabled = disabled
    if disabled:
        _end_sessions(session, row, None)


def end_sessions(session: Session, name: str) -> None:
    """End all sessions of a user in browsers.

    Raises:
        PermanentError: when the name is unknown.
    """
    _end_sessions(session, _get(session, name), None)


def describe(row: User) -> UserEntry:
    """Return a user's row without the password's hash."""
    return UserEntry(
        row.id,
        row.name,
        Role(row.role),
        row.disabled,
        row.created_at,
        row.password_changed_at,
        row.blinded,
        row.language,
    )


def _check_blinded(role: Role, blinded: bool | None) -> None:
    if blinded and role is not Role.READER:
        raise PermanentError(f"the role {role.value} sees all results: only a reader reads blinded")


def _find(session: Session, name: str) -> User | None:
    return session.scalar(select(User).where(User.name == name))


def _get(session: Session, name: str) -> User:
    row = _find(session, normalize_name(name))
    if row is None:
        raise PermanentError("there is no such user: 'tbscreen users list' shows all")
    return row


def _end_sessions(session: Session, row: User, keep: str | None) -> None:
    session.execute(
        delete(WebSession).where(WebSession.user_id == row.id, WebSession.token_hash != (keep or ""))
    )
