"""The list of HL7 messages for `tbscreen deliveries hl7`, and their replay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from db.clock import now
from db.entries import make_entry
from db.states import HL7_MESSAGE, DeliveryState
from db.tables import Hl7Message, Instance, Study


@dataclass(frozen=True)
class MessageRow:
    """One line of `tbscreen deliveries hl7`. Holds no patient data."""

    message_id: int
    receiver: str
    kind: str
    state: str
    attempts: int
    control_id: str
    filler_number: str
    acknowledgement: str | None
    created_at: datetime
    due_at: datetime
    delivered_at: datetime | None
    last_error: str | None


def list_messages(
    session: Session,
    state: DeliveryState | None,
    limit: int,
    *,
    receiver: str | None = None,
    since: datetime | None = None,
    before: int | None = None,
) -> list[MessageRow]:
    """Return messages, newest first.

    Args:
        session: for reading.
        state: only messages in this state; None for any.
        limit: largest number of messages.
        receiver: only messages to this receiver.
        since: only messages made at this time or later.
        before: only messages with a smaller number: the following page.
    """
    query = select(Hl7Message).order_by(Hl7Message.id.desc()).limit(limit)
    if state is not None:
        query = query.where(Hl7Message.state == state)
    if receiver is not None:
        query = query.where(Hl7Message.receiver == receiver)
    if since is not None:
        query = query.where(Hl7Message.created_at >= since)
    if before is not None:
        query = query.where(Hl7Message.id < before)
    return [_describe(row) for row in session.scalars(query)]


def find_message(session: Session, message_id: int) -> tuple[MessageRow, bytes] | None:
    """Return a message with its content, which holds patient data: show it, never log it."""
    row = session.get(Hl7Message, message_id)
    return None if row is None else (_describe(row), row.content)


def find_subject(session: Session, message_id: int) -> tuple[str, str] | None:
    """Return Study Instance UID and patient ID, empty where there is none, of the film of a message."""
    found = session.execute(
        select(Study.study_instance_uid, Study.patient_id)
        .join(Instance, Instance.study_id == Study.id)
        .join(Hl7Message, Hl7Message.instance_id == Instance.id)
        .where(Hl7Message.id == message_id)
    ).first()
    return None if found is None else (found.study_instance_uid, found.patient_id or "")


def count_parked(session: Session) -> int:
    """Return the number of parked messages."""
    query = select(func.count()).select_from(Hl7Message).where(Hl7Message.state == DeliveryState.PARKED)
    return session.scalar(query) or 0


def replay(
    session: Session,
    *,
    message_ids: Sequence[int] | None = None,
    receiver: str | None = None,
    since: datetime | None = None,
    delivered: bool = False,
) -> int:
    """Make parked messages due now, with no attempts counted; return their number.

    A message that a later one on the same film to the same receiver has overtaken is left out: it would put
    an old result in the place of a new one.

    Args:
        session: for writing.
        message_ids: only these messages.
        receiver: only messages to this receiver.
        since: only messages made at this time or later.
        delivered: replay delivered ones too, for a receiver that lost them.
    """
    later = aliased(Hl7Message)
    is_overtaken = exists().where(
        later.receiver == Hl7Message.receiver,
        later.filler_number == Hl7Message.filler_number,
        later.id > Hl7Message.id,
    )
    states = [DeliveryState.PARKED, *([DeliveryState.DELIVERED] if delivered else [])]
    query = select(Hl7Message).where(Hl7Message.state.in_(states), ~is_overtaken)
    if message_ids is not None:
        query = query.where(Hl7Message.id.in_(message_ids))
    if receiver is not None:
        query = query.where(Hl7Message.receiver == receiver)
    if since is not None:
        query = query.where(Hl7Message.created_at >= since)
    rows = session.scalars(query.order_by(Hl7Message.id).with_for_update()).all()
    HL7_MESSAGE.move_all(session, rows, DeliveryState.PENDING, attempts=0, due_at=now())
    return len(rows)


def _describe(row: Hl7Message) -> MessageRow:
    return make_entry(MessageRow, row, message_id=row.id)
