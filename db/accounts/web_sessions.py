"""Browsers that logged in. The row is the session: a cookie without one opens nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session, joinedload

from db.accounts.users import UserEntry, describe
from db.clock import now
from db.tables.accounts import WebSession

USED_WITHIN: Final = timedelta(seconds=30)
"""How exactly it is known when a session was last used: not every request writes."""


@dataclass(frozen=True)
class SessionEntry:
    """A session that is not over, and whose it is."""

    user: UserEntry
    used_at: datetime

    @property
    def is_stale(self) -> bool:
        """True when its last use should be written down again."""
        return now() - self.used_at > USED_WITHIN


def begin(session: Session, token_hash: str, user_id: int, lifetime: timedelta) -> None:
    """Begin a session, and sweep those that are over."""
    moment = now()
    over = select(WebSession.token_hash).where(WebSession.expires_at <= moment)
    session.execute(
        delete(WebSession).where(WebSession.token_hash.in_(over.with_for_update(skip_locked=True)))
    )
    session.add(
        WebSession(
            token_hash=token_hash,
            user_id=user_id,
            created_at=moment,
            used_at=moment,
            expires_at=moment + lifetime,
        )
    )


def find(session: Session, token_hash: str, idle: timedelta) -> SessionEntry | None:
    """Return the session with this hash, if it lives.

    It does not when it is unknown, older than it may be or unused for longer than `idle`, nor when its
    user is disabled.
    """
    row = session.scalar(
        select(WebSession).where(WebSession.token_hash == token_hash).options(joinedload(WebSession.user))
    )
    moment = now()
    if row is None or row.expires_at <= moment or row.used_at + idle <= moment or row.user.disabled:
        return None
    return SessionEntry(describe(row.user), row.used_at)


def touch(session: Session, token_hash: str) -> None:
    """Note that a session is in use."""
    session.execute(update(WebSession).where(WebSession.token_hash == token_hash).values(used_at=now()))


def end(session: Session, token_hash: str) -> None:
    """End a session."""
    session.execute(delete(WebSession).where(WebSession.token_hash == token_hash))
