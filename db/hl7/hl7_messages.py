"""HL7 messages to receivers: stored as they are sent, leased, acknowledged, retried, parked.

Messages to one receiver on one film are sent in the order in which they were made.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session, aliased

from db.clock import now
from db.database import is_sqlite
from db.entries import make_entry
from db.notices import notice_events
from db.states import HL7_MESSAGE, DeliveryState
from db.tables import Hl7Message, Instance


@dataclass(frozen=True)
class StoredMessage:
    """A message, with what is needed to know whether a film has to be told of again."""

    control_id: str
    receiver: str
    instance_id: int
    screening_id: int | None
    filler_number: str
    kind: str
    subject: str
    content: bytes
    """Holds patient data: never log it."""


@dataclass(frozen=True)
class DueMessage:
    """A message to send now."""

    message_id: int
    control_id: str
    receiver: str
    kind: str
    attempts: int
    """Number of attempts, with the present one."""
    content: bytes
    film_sop_instance_uid: str

    @property
    def number(self) -> int:
        """The message, as the loop that sends it names it."""
        return self.message_id


def store(session: Session, message: StoredMessage) -> None:
    """Store a message, due now; nothing happens if it is there already."""
    known = session.scalar(select(Hl7Message.id).where(Hl7Message.control_id == message.control_id))
    if known is None:
        moment = now()
        state = DeliveryState.PENDING.value
        session.add(Hl7Message(**vars(message), state=state, due_at=moment, created_at=moment))
        session.flush()


def list_told(session: Session, sop_instance_uid: str, line: int) -> dict[str, list[StoredMessage]]:
    """Return the messages on a film by receiver, oldest first."""
    rows = session.scalars(
        select(Hl7Message)
        .join(Instance, Instance.id == Hl7Message.instance_id)
        .where(Instance.sop_instance_uid == sop_instance_uid, Instance.line == line)
        .order_by(Hl7Message.id)
    )
    told: dict[str, list[StoredMessage]] = {}
    for row in rows:
        told.setdefault(row.receiver, []).append(make_entry(StoredMessage, row))
    return told


def list_due_receivers(session: Session, receivers: Sequence[str]) -> list[str]:
    """Return those of `receivers` for which a message is due, by one index lookup each."""
    due = select(Hl7Message.id).where(*_are_due())
    return [
        name
        for name in receivers
        if session.scalar(due.where(Hl7Message.receiver == name).limit(1)) is not None
    ]


def list_strangers(session: Session, receivers: Collection[str]) -> list[str]:
    """Return the receivers outside `receivers` for which a message is due."""
    due = select(Hl7Message.receiver).where(*_are_due(), Hl7Message.receiver.not_in(receivers))
    return list(session.scalars(due.distinct()))


def lease_due(session: Session, lease: timedelta, limit: int, receiver: str) -> list[DueMessage]:
    """Take up to `limit` due messages to a receiver, oldest first; a lease that ends makes them due again.

    A message waits while an earlier one on the same film to the same receiver is pending.
    """
    moment = now()
    earlier = aliased(Hl7Message)
    waits = exists().where(
        earlier.receiver == Hl7Message.receiver,
        earlier.filler_number == Hl7Message.filler_number,
        earlier.state == DeliveryState.PENDING,
        earlier.id < Hl7Message.id,
    )
    rows = session.execute(
        select(Hl7Message, Instance.sop_instance_uid)
        .join(Instance, Instance.id == Hl7Message.instance_id)
        .where(Hl7Message.receiver == receiver, *_are_due(), ~waits)
        .order_by(Hl7Message.due_at, Hl7Message.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Hl7Message)
    ).all()
    leased = []
    for row, film in rows:
        row.due_at = moment + lease
        row.attempts += 1
        leased.append(make_entry(DueMessage, row, message_id=row.id, film_sop_instance_uid=film))
    return leased


def hand_back(session: Session, message_ids: Sequence[int]) -> None:
    """Make leased messages that were not tried due again, without counting an attempt."""
    query = select(Hl7Message).where(
        Hl7Message.id.in_(message_ids), Hl7Message.state == DeliveryState.PENDING
    )
    for row in session.scalars(query.order_by(Hl7Message.id).with_for_update()):
        row.due_at = now()
        row.attempts = max(row.attempts - 1, 0)


def is_stored(session: Session, leased: DueMessage) -> bool:
    """True unless a leased message was erased: SQLite gives its number to the next one."""
    control_id = select(Hl7Message.control_id).where(Hl7Message.id == leased.message_id)
    return not is_sqlite(session) or session.scalar(control_id) == leased.control_id


def mark_delivered(session: Session, message_id: int, acknowledgement: str) -> None:
    """Record that the receiver has accepted the message, if it was not erased meanwhile."""
    row = session.get(Hl7Message, message_id, with_for_update=True)
    if row is not None and row.state != DeliveryState.DELIVERED:
        values = {"delivered_at": now(), "last_error": None, "acknowledgement": acknowledgement}
        HL7_MESSAGE.move(session, row, DeliveryState.DELIVERED, **values)


def retry_later(
    session: Session, message_id: int, delay: timedelta, error: str, acknowledgement: str | None
) -> None:
    """Record a transient failure and make the message due again after `delay`, if it was not erased."""
    row = session.get(Hl7Message, message_id, with_for_update=True)
    if row is not None and row.state == DeliveryState.PENDING:
        row.due_at = now() + delay
        row.last_error, row.acknowledgement = error, acknowledgement


def park(session: Session, message_id: int, error: str, acknowledgement: str | None) -> None:
    """Record a permanent failure; the message is not sent again until it is replayed. It may be erased."""
    row = session.get(Hl7Message, message_id, with_for_update=True)
    if row is not None and row.state == DeliveryState.PENDING:
        values = {"last_error": error, "acknowledgement": acknowledgement}
        HL7_MESSAGE.move(session, row, DeliveryState.PARKED, **values)
        notice_events.record_parked(session, "HL7 receiver", row.receiver)


def _are_due() -> tuple[ColumnElement[bool], ...]:
    return Hl7Message.state == DeliveryState.PENDING, Hl7Message.due_at <= now()
