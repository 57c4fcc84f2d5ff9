"""API tokens, with which programs act in a user's name: issued, found, revoked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from db.accounts.users import UserEntry, describe
from db.accounts.web_sessions import USED_WITHIN
from db.clock import now
from db.entries import make_entry
from db.tables.accounts import ApiToken
from domain.errors import PermanentError
from domain.roles import Permission


@dataclass(frozen=True)
class TokenEntry:
    """One API token, without its value."""

    id: int
    label: str
    user: UserEntry
    scopes: frozenset[Permission]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None

    def may(self, permission: Permission) -> bool:
        """True when both the token and its user's role have this permission."""
        return permission in self.scopes and self.user.may(permission)

    @property
    def is_stale(self) -> bool:
        """True when the time of last use should be written again."""
        return self.used_at is None or now() - self.used_at > USED_WITHIN


def issue(
    session: Session,
    user: UserEntry,
    label: str,
    token_hash: str,
    scopes: Collection[Permission],
    lifetime: timedelta | None,
) -> TokenEntry:
    """Store a new token.

    Args:
        session: one that writes.
        user: the user in whose name it acts.
        label: its purpose, for display.
        token_hash: SHA-256 of the token, hexadecimal.
        scopes: its permissions.
        lifetime: None for a token that does not expire.

    Raises:
        PermanentError: when it has no permission, or one that the user lacks.
    """
    excess = [scope.value for scope in scopes if not user.may(scope)]
    if excess or not scopes:
        raise PermanentError(f"{user.name} ({user.role}) may not do this: {', '.join(excess) or 'nothing'}")
    moment = now()
    row = ApiToken(
        user_id=user.id,
        label=label[:64],
        token_hash=token_hash,
        scopes=sorted(scope.value for scope in scopes),
        created_at=moment,
        expires_at=None if lifetime is None else moment + lifetime,
    )
    session.add(row)
    session.flush()
    return _describe(row, user)


def find(session: Session, token_hash: str) -> TokenEntry | None:
    """Return the token with this hash; None if it is unknown, revoked or expired, or its user is disabled."""
    row = session.scalar(
        select(ApiToken).where(ApiToken.token_hash == token_hash).options(joinedload(ApiToken.user))
    )
    if row is None or row.revoked_at is not None or row.user.disabled:
        return None
    if row.expires_at is not None and row.expires_at <= now():
        return None
    return _describe(row, describe(row.user))


def touch(session: Session, token_id: int) -> None:
    """Record the use of a token."""
    session.execute(update(ApiToken).where(ApiToken.id == token_id).values(used_at=now()))


def list_tokens(session: Session) -> Sequence[TokenEntry]:
    """Return all tokens, the newest first."""
    rows = session.scalars(select(ApiToken).options(joinedload(ApiToken.user)).order_by(ApiToken.id.desc()))
    return [_describe(row, describe(row.user)) for row in rows]


def revoke(session: Session, token_id: int) -> None:
    """Revoke a token.

    Raises:
        PermanentError: when the token is unknown.
    """
    row = session.get(ApiToken, token_id)
    if row is None:
        raise PermanentError(f"there is no token {token_id}: 'tbscreen users tokens' shows all")
    row.revoked_at = row.revoked_at or now()


def _describe(row: ApiToken, user: UserEntry) -> TokenEntry:
    scopes = frozenset(Permission(scope) for scope in row.scopes)
    return make_entry(TokenEntry, row, user=user, scopes=scopes)
