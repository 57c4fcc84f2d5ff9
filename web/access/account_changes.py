"""Changes of accounts, for `tbscreen users` and the page; each returns its words for the record."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from db.accounts import api_tokens, users
from db.database import Database
from domain.errors import PermanentError
from domain.roles import PERMISSIONS, Blinded, Permission, Role
from domain.secret_words import TOKEN_PREFIX, hash_secret, make_secret
from web.access.passwords import check_strength, hash_password

PAGE_ONLY = frozenset({Permission.RECONCILE, Permission.ADMINISTER})
"""Permissions that open nothing to a program."""
NAMED_ONLY = PAGE_ONLY | {Permission.STORE, Permission.RESULTS}
"""Permissions that a token gets only when they are named: pages of the version before do not know them."""


def add_user(
    database: Database, name: str, role: Role, password: str, blinded: Blinded = Blinded.SITE
) -> str:
    """Add a user.

    Raises:
        PermanentError: when the password is weak, the name is taken or invalid, or the role cannot read
            blinded.
    """
    check_strength(password, name)
    hashed = hash_password(password)
    with database.write() as session:
        user = users.add(session, name, role, hashed, blinded.value_stored)
    change = f"user {user.name} added as {user.role.value}"
    return change if blinded is Blinded.SITE else f"{change}, reads blinded: {blinded.value}"


def set_disabled(database: Database, name: str, disabled: bool) -> str:
    """Shut a user out with all sessions and tokens, or let the user in again.

    Raises:
        PermanentError: when the name is unknown.
    """
    with database.write() as session:
        users.set_disabled(session, name, disabled)
    return f"user {users.normalize_name(name)} {'disabled' if disabled else 'enabled'}"


def set_role(database: Database, name: str, role: Role) -> str:
    """Give a user another role.

    Raises:
        PermanentError: when the name is unknown.
    """
    with database.write() as session:
        users.set_role(session, name, role)
    return f"role of user {users.normalize_name(name)} set to {role.value}"


def set_blinded(database: Database, name: str, blinded: Blinded) -> str:
    """Set whether a reader reads blinded.

    Raises:
        PermanentError: when the name is unknown, or the user's role cannot read blinded.
    """
    with database.write() as session:
        users.set_blinded(session, name, blinded.value_stored)
    return f"blinded reading of user {users.normalize_name(name)} set to {blinded.value}"


def set_password(database: Database, name: str, password: str) -> str:
    """Set a user's password and end all sessions of the user.

    Raises:
        PermanentError: when the password is weak or the name unknown.
    """
    check_strength(password, name)
    hashed = hash_password(password)
    with database.write() as session:
        users.set_password(session, name, hashed)
    return f"password of user {users.normalize_name(name)} set"


def end_sessions(database: Database, name: str) -> str:
    """End all sessions of a user in browsers; tokens stay.

    Raises:
        PermanentError: when the name is unknown.
    """
    with database.write() as session:
        users.end_sessions(session, name)
    return f"sessions of user {users.normalize_name(name)} ended"


def issue_token(
    database: Database, name: str, label: str, scopes: Collection[Permission], days: int
) -> tuple[str, str]:
    """Make a token with which a program asks in a user's name; returns secret and change.

    Args:
        database: open.
        name: of the user.
        label: its purpose.
        scopes: its permissions; none for all that its user may by REST.
        days: days until it expires; 0 for never.

    Raises:
        PermanentError: when the name is unknown, or a scope is beyond the user's role.
    """
    secret = make_secret(TOKEN_PREFIX)
    with database.write() as session:
        credentials = users.find_credentials(session, name)
        if credentials is None:
            raise PermanentError("there is no such user: 'tbscreen users list' shows all")
        user = credentials.user
        given = sorted(scopes or PERMISSIONS[user.role] - NAMED_ONLY)
        lifetime = timedelta(days=days) if days else None
        api_tokens.issue(session, user, label, hash_secret(secret), given, lifetime)
    return secret, f"token {label!r} issued for user {user.name}: {', '.join(given)}"


def revoke_token(database: Database, number: int) -> str:
    """Revoke a token.

    Raises:
        PermanentError: when it is unknown.
    """
    with database.write() as session:
        api_tokens.revoke(session, number)
    return f"token {number} revoked"
