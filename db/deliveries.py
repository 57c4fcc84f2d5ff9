"""Reports on their way to peers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.states import DeliveryState, check_delivery_transition
from db.tables import CommitmentItem, Delivery, ReportObject, now


@dataclass(frozen=True)
class DueDelivery:
    """A report to send now."""

    delivery_id: int
    peer: str
    sop_instance_uid: str
    sop_class_uid: str
    attempts: int
    """Counting this one."""
    part10: bytes


@dataclass(frozen=True)
class DeliveryRow:
    """One line of `tbscreen deliveries`."""

    delivery_id: int
    peer: str
    state: str
    attempts: int
    sop_instance_uid: str
    kind: str
    created_at: datetime
    due_at: datetime
    delivered_at: datetime | None
    last_error: str | None
    commitment: str | None = None
    """State of its storage commitment, None where the peer is not asked for one."""


def list_due_peers(session: Session, peers: Sequence[str]) -> list[str]:
    """Return those of `peers` for which a report waits to be sent; each is one look into an index."""
    due = select(Delivery.id).where(Delivery.state == DeliveryState.PENDING, Delivery.due_at <= now())
    return [name for name in peers if session.scalar(due.where(Delivery.peer == name).limit(1)) is not None]


def list_other_due_peers(session: Session, peers: Sequence[str]) -> list[str]:
    """Return the peers beside `peers` for which a report waits to be sent."""
    due = select(Delivery.peer).where(Delivery.state == DeliveryState.PENDING, Delivery.due_at <= now())
    return list(session.scalars(due.where(Delivery.peer.not_in(peers)).distinct()))


def lease_due(session: Session, lease: timedelta, limit: int, peer: str | None = None) -> list[DueDelivery]:
    """Take up to `limit` reports that are due, oldest first; a lease that ends makes them due again.

    Args:
        session: for writing.
        lease: how long they are taken.
        limit: at most so many.
        peer: only those for this peer.
    """
    moment = now()
    query = select(Delivery).where(Delivery.state == DeliveryState.PENDING, Delivery.due_at <= moment)
    if peer is not None:
        query = query.where(Delivery.peer == peer)
    rows = session.scalars(
        query.order_by(Delivery.due_at, Delivery.id).limit(limit).with_for_update(skip_locked=True)
    ).all()
    leased = []
    for row in rows:
        row.due_at = moment + lease
        row.attempts += 1
        leased.append(
            DueDelivery(
                row.id,
                row.peer,
                row.sop_instance_uid,
                row.report.sop_class_uid,
                row.attempts,
                row.report.part10,
            )
        )
    return leased


def mark_delivered(session: Session, delivery_id: int) -> None:
    """The peer has the object."""
    row = session.get_one(Delivery, delivery_id, with_for_update=True)
    if row.state == DeliveryState.DELIVERED:
        return
    _move(row, DeliveryState.DELIVERED)
    row.delivered_at = now()
    row.last_error = None


def hand_back(session: Session, delivery_ids: Sequence[int]) -> None:
    """Give back what was leased and not tried: due now, and no attempt counted."""
    query = select(Delivery).where(Delivery.id.in_(delivery_ids), Delivery.state == DeliveryState.PENDING)
    for row in session.scalars(query.order_by(Delivery.id).with_for_update()):
        row.due_at = now()
        row.attempts = max(row.attempts - 1, 0)


def retry_later(session: Session, delivery_id: int, delay: timedelta, error: str) -> None:
    """A transient failure: due again after `delay`."""
    row = session.get_one(Delivery, delivery_id, with_for_update=True)
    if row.state == DeliveryState.PENDING:
        row.due_at = now() + delay
        row.last_error = error


def park(session: Session, delivery_id: int, error: str) -> None:
    """A permanent failure: not sent again until somebody replays it."""
    row = session.get_one(Delivery, delivery_id, with_for_update=True)
    if row.state == DeliveryState.PENDING:
        _move(row, DeliveryState.PARKED)
        row.last_error = error


def replay(session: Session, delivery_ids: Sequence[int] | None = None) -> int:
    """Make parked deliveries due now, all of them or those named; returns how many."""
    query = select(Delivery).where(Delivery.state == DeliveryState.PARKED).with_for_update()
    if delivery_ids is not None:
        query = query.where(Delivery.id.in_(delivery_ids))
    rows = session.scalars(query).all()
    for row in rows:
        _move(row, DeliveryState.PENDING)
        row.attempts = 0
        row.due_at = now()
    return len(rows)


def list_deliveries(session: Session, state: DeliveryState | None, limit: int) -> list[DeliveryRow]:
    """Return deliveries, newest first."""
    query = (
        select(Delivery, ReportObject.kind, CommitmentItem.state)
        .join(ReportObject)
        .outerjoin(CommitmentItem, CommitmentItem.delivery_id == Delivery.id)
        .order_by(Delivery.id.desc())
        .limit(limit)
    )
    if state is not None:
        query = query.where(Delivery.state == state)
    return [
        DeliveryRow(
            row.id,
            row.peer,
            row.state,
            row.attempts,
            row.sop_instance_uid,
            kind,
            row.created_at,
            row.due_at,
            row.delivered_at,
            row.last_error,
            commitment,
        )
        for row, kind, commitment in session.execute(query)
    ]


def _move(row: Delivery, after: DeliveryState) -> None:
    check_delivery_transition(DeliveryState(row.state), after)
    row.state = after.value
