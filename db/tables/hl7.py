"""The tables of HL7 messages: films of which receivers are to be told, and the messages to each receiver."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.record import DIGEST_LENGTH, Record

CONTROL_ID_LENGTH = 20
"""Longest message control ID (HL7 2.5.1, MSH-10)."""


class Hl7OutboxEntry(Record):
    """A film whose result, refusal, study or patient changed, and of which receivers are to be told.

    It is a table of its own because a courier of an earlier version, running beside this one, takes the
    entries of `outbox` and knows no receivers.
    """

    __tablename__ = "hl7_outbox"

    instance_id: Mapped[int] = mapped_column(ForeignKey("instances.id"), primary_key=True)
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(index=True)
    last_error: Mapped[str | None] = mapped_column(Text)
    parked_at: Mapped[datetime | None]
    """Time at which it was given up; see `db.delivery.unbuilt_reports`."""


class Hl7Message(Record):
    """One HL7 message to one receiver, byte for byte as it is sent and sent again."""

    __tablename__ = "hl7_messages"

    id: Mapped[int] = mapped_column(primary_key=True)
    control_id: Mapped[str] = mapped_column(String(CONTROL_ID_LENGTH), unique=True)
    """MSH-10."""
    receiver: Mapped[str] = mapped_column(String(64))
    instance_id: Mapped[int] = mapped_column(ForeignKey("instances.id"), index=True)
    """The revision of the film that the message is about."""
    screening_id: Mapped[int | None] = mapped_column(ForeignKey("screenings.id"))
    """The result that it holds or withdraws; None for a refusal."""
    filler_number: Mapped[str] = mapped_column(String(64))
    """OBR-3: the same for all messages to this receiver on one film of one patient and study."""
    kind: Mapped[str] = mapped_column(String(16))
    """result, correction, withdrawal or refusal (`domain.codes.MessageKind`)."""
    subject: Mapped[str] = mapped_column(String(DIGEST_LENGTH))
    """SHA-256 of the patient ID, its issuer and the study that it names."""
    content: Mapped[bytes]
    """The message in UTF-8, without the framing of MLLP."""
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    acknowledgement: Mapped[str | None] = mapped_column(String(2))
    """MSA-1 of the newest answer."""
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_hl7_messages_due", "receiver", "state", "due_at"),)


class Hl7ReceivedMessage(Record):
    """The answer to a message that was received, without its content."""

    __tablename__ = "hl7_received_messages"

    id: Mapped[int] = mapped_column(primary_key=True)
    sender: Mapped[str] = mapped_column(String(256))
    """Sending Application and Sending Facility (MSH-3, MSH-4)."""
    control_id: Mapped[str] = mapped_column(String(256))
    """MSH-10; empty where it has none."""
    digest: Mapped[str] = mapped_column(String(DIGEST_LENGTH))
    """SHA-256 of the message."""
    answer: Mapped[str] = mapped_column(String(2))
    """MSA-1: AA, AE or AR."""
    reason: Mapped[str] = mapped_column(Text)
    """The reason of a refusal, without patient data; empty for an accepted message."""
    received_at: Mapped[datetime] = mapped_column(index=True)

    __table_args__ = (UniqueConstraint("sender", "control_id", "digest"),)
