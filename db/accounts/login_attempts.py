"""Failed logins, and the pauses that follow, which double with each failure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.clock import now
from db.tables.accounts import LoginAttempt

FORGOTTEN_AFTER: Final = timedelta(hours=1)
"""Time without a failure after which earlier failures do not count."""


@dataclass(frozen=True)
class Subject:
    """A user's name or an address, whose failures are counted.

    Attributes:
        key: at most 80 characters.
        free: number of failures without a pause.
        longest: longest pause; the first is one second, and each is twice the previous one.
    """

    key: str
    free: int
    longest: timedelta


def begin(session: Session, subjects: Sequence[Subject]) -> timedelta | None:
    """Count an attempt as failed before it is made, so that parallel attempts gain nothing.

    Args:
        session: one that writes; commit it before the password is checked.
        subjects: always in the same order of kinds, because they are locked in it.

    Returns:
        None when the attempt may be made; else the remaining pause, and nothing is counted.
    """
    moment = now()
    rows = [_lock(session, subject.key, moment) for subject in subjects]
    paused = max((row.paused_until for row in rows if row.paused_until is not None), default=moment)
    if paused > moment:
        for row in rows:
            if not row.failures:  # else names typed during a pause would fill the table
                session.delete(row)
        return paused - moment
    for row, subject in zip(rows, subjects, strict=True):
        forgotten = row.failed_at < moment - FORGOTTEN_AFTER
        row.failures = 1 if forgotten else row.failures + 1
        row.failed_at = moment
        row.paused_until = moment + _measure_pause(row.failures, subject)
    session.flush()
    _sweep(session)
    return None


def succeed(session: Session, user_key: str, address_key: str) -> None:
    """Reset the user's failures after a successful attempt, and count one less for the address."""
    session.execute(delete(LoginAttempt).where(LoginAttempt.subject == user_key))
    _sweep(session)
    row = session.get(LoginAttempt, address_key, with_for_update=True)
    if row is not None:
        row.failures = max(0, row.failures - 1)
        row.paused_until = None


def _sweep(session: Session) -> None:
    """Delete the failures that do not count any more."""
    old = select(LoginAttempt.subject).where(LoginAttempt.failed_at < now() - FORGOTTEN_AFTER)
    # Skip locked rows: other transactions lock theirs in another order, and waiting could deadlock.
    session.execute(
        delete(LoginAttempt).where(LoginAttempt.subject.in_(old.with_for_update(skip_locked=True)))
    )


def _measure_pause(failures: int, subject: Subject) -> timedelta:
    if failures < subject.free:
        return timedelta(0)
    return min(timedelta(seconds=2.0 ** min(failures - subject.free, 30)), subject.longest)


def _lock(session: Session, key: str, moment: datetime) -> LoginAttempt:
    """Return the row of a key, made if it is new and locked until the transaction ends."""
    while True:
        found = session.get(LoginAttempt, key, with_for_update=True, populate_existing=True)
        if found is not None:
            return found
        row = LoginAttempt(subject=key, failures=0, failed_at=moment, paused_until=None)
        try:
            with session.begin_nested():
                session.add(row)
                session.flush()
            return row
        except IntegrityError:  # another transaction made it, and may have deleted it again
            continue
