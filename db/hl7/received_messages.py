"""HL7 messages that were received, by sender and control ID: what was accepted is accepted once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from db.clock import now
from db.tables import Hl7ReceivedMessage

ACCEPTED: Final = "AA"
KEPT: Final = timedelta(days=90)
"""Time after which a repeated message is no longer known by its control ID."""
RECENT: Final = timedelta(days=7)


@dataclass(frozen=True)
class RefusedMessages:
    """Messages that were refused lately and not accepted since."""

    count: int
    newest_at: datetime | None
    newest_reason: str
    """Of the newest, without patient data."""


def is_accepted(session: Session, sender: str, control_id: str, digest: str) -> bool:
    """True for a message that this sender sent before under the same control ID, and that was accepted.

    Args:
        session: one that writes, so that the same message does not come in twice at a time on SQLite.
        sender: Sending Application and Sending Facility.
        control_id: MSH-10.
        digest: SHA-256 of the message, hexadecimal.
    """
    row = _find(session, sender, control_id, digest)
    return row is not None and row.answer == ACCEPTED


def record(
    session: Session, sender: str, control_id: str, digest: str, answer: str, reason: str = ""
) -> None:
    """Record the answer to a message, and forget old ones; what was accepted stays accepted.

    Args:
        session: one that writes. It raises `IntegrityError` when the message comes twice at a time.
        sender: Sending Application and Sending Facility.
        control_id: MSH-10.
        digest: SHA-256 of the message, hexadecimal.
        answer: AA, AE or AR.
        reason: why it was refused, without patient data.
    """
    moment = now()
    row = _find(session, sender, control_id, digest)
    if row is None:
        row = Hl7ReceivedMessage(sender=sender, control_id=control_id, digest=digest)
        session.add(row)
    if row.answer != ACCEPTED:
        row.answer, row.reason, row.received_at = answer, reason, moment
    session.execute(delete(Hl7ReceivedMessage).where(Hl7ReceivedMessage.received_at < moment - KEPT))
    session.flush()


def find_refused(session: Session) -> RefusedMessages:
    """Return the messages of the last days that were refused and not accepted since."""
    received = Hl7ReceivedMessage
    refused = received.answer != ACCEPTED, received.received_at > now() - RECENT
    count = session.scalar(select(func.count()).select_from(received).where(*refused)) or 0
    newest = session.scalar(select(received).where(*refused).order_by(received.received_at.desc()).limit(1))
    if newest is None:
        return RefusedMessages(0, None, "")
    return RefusedMessages(count, newest.received_at, newest.reason)


def _find(session: Session, sender: str, control_id: str, digest: str) -> Hl7ReceivedMessage | None:
    return session.scalar(
        select(Hl7ReceivedMessage).where(
            Hl7ReceivedMessage.sender == sender,
            Hl7ReceivedMessage.control_id == control_id,
            Hl7ReceivedMessage.digest == digest,
        )
    )
