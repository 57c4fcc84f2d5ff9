"""Events of which receivers are told: each is one row, however often it is recorded."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, exists, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.clock import now
from db.database import is_sqlite
from db.entries import make_entry
from db.states import DeliveryState
from db.tables import Instance, NoticeEvent, NoticeRow
from domain.codes import NoticedEvent

SUBJECT_LENGTH: Final = 256

_ADD: Final = {
    True: sqlite.insert(NoticeEvent).on_conflict_do_nothing(index_elements=["event_key"]),
    False: postgresql.insert(NoticeEvent).on_conflict_do_nothing(index_elements=["event_key"]),
}
"""The statement of `record` on SQLite (True) and PostgreSQL (False)."""


@dataclass(frozen=True)
class EventEntry:
    """An event that is to be told."""

    event_id: int
    event_key: str
    kind: str
    subject: str
    detail: Mapping[str, Any]
    occurred_at: datetime
    instance_id: int | None


def record(
    session: Session,
    kind: NoticedEvent,
    subject: str,
    occasion: str,
    detail: Mapping[str, Any] | None = None,
    instance_id: int | None = None,
) -> None:
    """Record an event; nothing happens if it is there already.

    Args:
        session: one that writes.
        kind: of the event.
        subject: peer, receiver or station; empty for a film.
        occasion: distinguishes this event from others of the same subject.
        detail: figures, without patient data.
        instance_id: the film.
    """
    key = hashlib.sha256("\0".join([kind.value, subject, occasion]).encode("utf-8", "replace")).hexdigest()
    session.execute(
        _ADD[is_sqlite(session)],
        {
            "event_key": key,
            "kind": kind.value,
            "subject": subject[:SUBJECT_LENGTH],
            "detail": dict(detail or {}),
            "occurred_at": now(),
            "instance_id": instance_id,
        },
    )


def record_high_finding(session: Session, screening_id: int, film: Instance) -> None:
    """Record a HIGH finding, in the transaction of the result.

    The film names the event, too: after an erasure or a restore SQLite gives the screening's number again,
    and receivers leave out what comes under an identifier that they know.
    """
    occasion = f"{screening_id} {film.sop_instance_uid} {film.dataset_sha256}"
    record(session, NoticedEvent.HIGH_FINDING, "", occasion, instance_id=film.id)


def record_parked(session: Session, role: str, name: str) -> None:
    """Record that something for a receiver was parked, in that transaction: once a day (UTC) for each.

    Args:
        session: one that writes.
        role: `peer`, `HL7 receiver` or `outbox`.
        name: of the receiver, or of the outbox whose report cannot be built.
    """
    day = f"{now():%Y-%m-%d}"
    record(session, NoticedEvent.PARKED_DELIVERY, name, f"{role} {day}", {"role": role})


def has_untold(session: Session) -> bool:
    """True when an event is to be told."""
    return session.scalar(select(NoticeEvent.id).where(NoticeEvent.told_at.is_(None)).limit(1)) is not None


def take_untold(session: Session, limit: int) -> list[EventEntry]:
    """Return up to `limit` events that are to be told, oldest first, and record that they are told.

    The caller stores their notices in the same transaction.
    """
    rows = session.scalars(
        select(NoticeEvent)
        .where(NoticeEvent.told_at.is_(None))
        .order_by(NoticeEvent.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        row.told_at = now()
    return [make_entry(EventEntry, row, event_id=row.id) for row in rows]


def clear(session: Session) -> None:
    """Delete the events that are to be told where the settings name no receiver."""
    session.execute(delete(NoticeEvent).where(NoticeEvent.told_at.is_(None)))


def purge(session: Session, age: timedelta) -> None:
    """Delete told events of this age or older with their notices; those with a notice on its way stay."""
    old = select(NoticeEvent.id).where(
        NoticeEvent.told_at <= now() - age,
        ~exists().where(NoticeRow.event_id == NoticeEvent.id, NoticeRow.state == DeliveryState.PENDING),
    )
    numbers: Sequence[int] = session.scalars(old.order_by(NoticeEvent.id).limit(1000)).all()
    if numbers:
        session.execute(delete(NoticeRow).where(NoticeRow.event_id.in_(numbers)))
        session.execute(delete(NoticeEvent).where(NoticeEvent.id.in_(numbers)))


def count_untold(session: Session) -> int:
    """Return the number of events that are to be told."""
    query = select(func.count()).select_from(NoticeEvent).where(NoticeEvent.told_at.is_(None))
    return session.scalar(query) or 0
