"""The history of each delivery: sent, postponed, parked, replayed, commitment asked for and given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.clock import now
from db.entries import make_entry
from db.tables import DeliveryEvent

POSTPONED = "postponed"
"""The only event without a change of state."""
REPLAYED = "by hand"
"""Detail of a replay by a person, before the person's name."""


@dataclass(frozen=True)
class DeliveryEventEntry:
    """One line of a delivery's history."""

    happened_at: datetime
    event: str
    detail: str | None


def describe_replay(by: str | None) -> str:
    """Return the detail of a replay.

    Args:
        by: the person; None where nobody is named.
    """
    return REPLAYED if by is None else f"{REPLAYED}, {by}"


def record(session: Session, delivery_id: int, event: str, detail: str | None = None) -> None:
    """Record an event, in the transaction of the event."""
    session.add(DeliveryEvent(delivery_id=delivery_id, happened_at=now(), event=event, detail=detail))


def list_events(session: Session, delivery_id: int) -> list[DeliveryEventEntry]:
    """Return a delivery's history, oldest first; events before migration 0011 are not recorded."""
    rows = session.scalars(
        select(DeliveryEvent).where(DeliveryEvent.delivery_id == delivery_id).order_by(DeliveryEvent.id)
    )
    return [make_entry(DeliveryEventEntry, row) for row in rows]
