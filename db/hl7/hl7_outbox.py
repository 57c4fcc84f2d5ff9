"""The outbox of films of which HL7 receivers are to be told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import Insert, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.clock import now
from db.database import is_sqlite
from db.delivery import unbuilt_reports
from db.tables import Hl7OutboxEntry, Instance

_RENEWED: Final = ("due_at", "attempts", "parked_at", "last_error")


def _build_want(statement: sqlite.Insert | postgresql.Insert) -> Insert:
    renewed = {name: statement.excluded[name] for name in _RENEWED}
    return statement.on_conflict_do_update(index_elements=["instance_id"], set_=renewed)


_WANT: Final = {
    True: _build_want(sqlite.insert(Hl7OutboxEntry)),
    False: _build_want(postgresql.insert(Hl7OutboxEntry)),
}
"""The statement of `want` on SQLite (True) and PostgreSQL (False), made once: it runs for each film."""


def want(session: Session, instance_id: int) -> None:
    """Add a film to the outbox, in the transaction of its result, its refusal, or a decision on it."""
    values = {"due_at": now(), "attempts": 0, "parked_at": None, "last_error": None}
    session.execute(
        _WANT[is_sqlite(session)],
        {"instance_id": instance_id, **values},
        execution_options={"populate_existing": True},
    )


def list_due(session: Session, limit: int) -> Sequence[int]:
    """Return up to `limit` films that are due, the longest due first."""
    query = select(Hl7OutboxEntry.instance_id).where(Hl7OutboxEntry.due_at <= now())
    return session.scalars(query.order_by(Hl7OutboxEntry.due_at).limit(limit)).all()


def take(session: Session, instance_id: int) -> bool:
    """Remove a due film from the outbox; False when another courier has told of it meanwhile.

    The caller has locked the film (`db.films.films.lock_film`), as who adds it has.
    """
    entry = session.get(Hl7OutboxEntry, instance_id, with_for_update=True, populate_existing=True)
    if entry is None or entry.due_at > now():
        return False
    session.delete(entry)
    return True


def postpone(session: Session, instance_id: int, delay: timedelta, error: str, most_attempts: int) -> bool:
    """Count a failed attempt to make the messages of a film.

    Args:
        session: for writing.
        instance_id: the film.
        delay: until the next attempt.
        error: the reason.
        most_attempts: number of attempts after which the film is parked.

    Returns:
        True when it is parked now.
    """
    entry = session.get(Hl7OutboxEntry, instance_id, with_for_update=True)
    if entry is None:
        return False
    entry.attempts += 1
    if entry.attempts >= most_attempts:
        unbuilt_reports.park(session, entry, error)
        return True
    entry.due_at, entry.last_error = now() + delay, error
    return False


def find_waiting(session: Session, instance_id: int) -> tuple[int, str] | None:
    """Return the failed attempts to make the messages of a film, and its SOP Instance UID."""
    query = select(Hl7OutboxEntry.attempts, Instance.sop_instance_uid).join(Instance)
    return session.execute(query.where(Instance.id == instance_id)).tuples().first()


def count_failing(session: Session) -> int:
    """Return the number of films, parked ones apart, whose messages could not be made yet."""
    failing = Hl7OutboxEntry.last_error.is_not(None) & Hl7OutboxEntry.parked_at.is_(None)
    return session.scalar(select(func.count()).select_from(Hl7OutboxEntry).where(failing)) or 0


def clear(session: Session) -> None:
    """Empty the outbox where the settings name no receiver."""
    session.execute(delete(Hl7OutboxEntry))
