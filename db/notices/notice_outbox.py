"""Notices to receivers: stored as they are sent, leased, delivered, retried, parked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from db.clock import now
from db.database import is_sqlite
from db.entries import make_entry
from db.states import NOTICE, DeliveryState
from db.tables import NoticeRow


@dataclass(frozen=True)
class DueNotice:
    """A notice to send now."""

    number: int
    receiver: str
    attempts: int
    """Number of attempts, with the present one."""
    content: Mapping[str, Any]
    """It may hold patient data: never log it."""


def store(session: Session, event_id: int, receiver: str, content: Mapping[str, Any]) -> None:
    """Store the notice of an event that the caller has locked, due now."""
    moment, state = now(), DeliveryState.PENDING.value
    session.add(
        NoticeRow(
            event_id=event_id,
            receiver=receiver,
            content=dict(content),
            state=state,
            due_at=moment,
            created_at=moment,
        )
    )


def list_due_receivers(session: Session, receivers: Sequence[str]) -> list[str]:
    """Return those of `receivers` for which a notice is due, by one index lookup each."""
    due = select(NoticeRow.id).where(*_are_due())
    return [
        name
        for name in receivers
        if session.scalar(due.where(NoticeRow.receiver == name).limit(1)) is not None
    ]


def list_strangers(session: Session, receivers: Collection[str]) -> list[str]:
    """Return the receivers outside `receivers` for which a notice is due."""
    due = select(NoticeRow.receiver).where(*_are_due(), NoticeRow.receiver.not_in(receivers))
    return list(session.scalars(due.distinct()))


def lease_due(session: Session, lease: timedelta, limit: int, receiver: str) -> list[DueNotice]:
    """Take up to `limit` due notices to a receiver, oldest first; a lease that ends makes them due again."""
    moment = now()
    rows = session.scalars(
        select(NoticeRow)
        .where(NoticeRow.receiver == receiver, *_are_due())
        .order_by(NoticeRow.due_at, NoticeRow.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        row.due_at = moment + lease
        row.attempts += 1
    return [make_entry(DueNotice, row, number=row.id) for row in rows]


def hand_back(session: Session, numbers: Sequence[int]) -> None:
    """Make leased notices that were not tried due again, without counting an attempt."""
    query = select(NoticeRow).where(NoticeRow.id.in_(numbers), NoticeRow.state == DeliveryState.PENDING)
    for row in session.scalars(query.order_by(NoticeRow.id).with_for_update()):
        row.due_at = now()
        row.attempts = max(row.attempts - 1, 0)


def is_stored(session: Session, leased: DueNotice) -> bool:
    """True unless a leased notice was erased: SQLite gives its number to the next one."""
    content = select(NoticeRow.content).where(NoticeRow.id == leased.number)
    return not is_sqlite(session) or session.scalar(content) == leased.content


def mark_delivered(session: Session, number: int) -> None:
    """Record that the receiver has accepted the notice, if it was not erased meanwhile."""
    row = session.get(NoticeRow, number, with_for_update=True)
    if row is not None and row.state != DeliveryState.DELIVERED:
        NOTICE.move(session, row, DeliveryState.DELIVERED, delivered_at=now(), last_error=None)


def retry_later(session: Session, number: int, delay: timedelta, error: str) -> None:
    """Record a transient failure and make the notice due again after `delay`, if it was not erased."""
    row = session.get(NoticeRow, number, with_for_update=True)
    if row is not None and row.state == DeliveryState.PENDING:
        row.due_at, row.last_error = now() + delay, error


def park(session: Session, number: int, error: str) -> None:
    """Record a permanent failure; the notice is not sent again until it is replayed. It may be erased.

    Nobody is told of it by a notice, which might be parked as well.
    """
    row = session.get(NoticeRow, number, with_for_update=True)
    if row is not None and row.state == DeliveryState.PENDING:
        NOTICE.move(session, row, DeliveryState.PARKED, last_error=error)


def _are_due() -> tuple[ColumnElement[bool], ...]:
    return NoticeRow.state == DeliveryState.PENDING, NoticeRow.due_at <= now()
