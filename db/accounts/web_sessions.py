"""Sessions of browsers. The row is the session: a cookie without a row opens nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session, joinedload

from db.accounts.users import UserEntry, describe
from db.clock import now
from db.tables.accounts import WebSession

USED_WITHIN: Final = timedelta(seconds=30)
"""Precision of the time of last use, because not every request writes it."""


@dataclass(frozen=True)
class SessionEntry:
    """A session that has not ended, with its user."""

    user: UserEntry
    used_at: datetime

    @property
    def is_stale(self) -> bool:
        """True when the time of last use should be written again."""
        return now() - self.used_at > USED_WITHIN


def begin(session: Session, token_hash: str, user_id: int, lifetime: timedelta) -> None:
    """Begin a session, and delete those that have ended."""
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
    """Return the session with this hash.

    Returns:
        None when it is unknown, expired or unused for longer than `idle`, or its user is disabled.
    """
    row = session.scalar(
        select(WebSession).where(WebSession.token_hash == token_hash).options(joinedload(WebSession.user))
    )
    moment = now()
    if row is None or row.expires_at <= moment or row.used_at + idle <= moment or row.user.disabled:
        return None
    return SessionEntry(describe(row.user), row.used_at)


def count_by_user(session: Session, idle: timedelta) -> dict[int, int]:
    """Return the number of sessions that have not ended, by user.

    Args:
        session: for reading.
        idle: time without activity after which a session has ended.
    """
    moment = now()
    rows = session.execute(
        select(WebSession.user_id, func.count())
        .where(WebSession.expires_at > moment, WebSession.used_at > moment - idle)
        .group_by(WebSession.user_id)
    )
    return dict(rows.tuples().all())


def touch(session: Session, token_hash: str) -> None:
    """Record the use of a session."""
    session.execute(update(WebSession).where(WebSession.token_hash == token_hash).values(used_at=now()))


def end(session: Session, token_hash: str) -> None:
    """End a session."""
    session.execute(delete(WebSession).where(WebSession.token_hash == token_hash))
