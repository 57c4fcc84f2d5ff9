"""What happened to each delivery, in order: sent, put off, parked, replayed, asked for, answered for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.clock import now
from db.tables import DeliveryEvent

POSTPONED = "postponed"
"""The one event that changes no state."""
REPLAYED = "by hand"
"""Detail of what somebody asked for."""


@dataclass(frozen=True)
class DeliveryEventEntry:
    """One line of a delivery's history."""

    happened_at: datetime
    event: str
    detail: str | None


def record(session: Session, delivery_id: int, event: str, detail: str | None = None) -> None:
    """Note what happens, in the transaction in which it does."""
    session.add(DeliveryEvent(delivery_id=delivery_id, happened_at=now(), event=event, detail=detail))


def list_events(session: Session, delivery_id: int) -> list[DeliveryEventEntry]:
    """Return a delivery's history, oldest first. What came before migration 0011 is not in it."""
    rows = session.scalars(
        select(DeliveryEvent).where(DeliveryEvent.delivery_id == delivery_id).order_by(DeliveryEvent.id)
    )
    return [DeliveryEventEntry(row.happened_at, row.event, row.detail) for row in rows]
