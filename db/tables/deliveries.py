"""The tables of outboxes, report objects, deliveries with their history, and storage commitments."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import (
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.tables.record import UID_LENGTH, Record

DOUBTED_LENGTH: Final = 128


class OutboxEntry(Record):
    """A screening from which the courier has yet to make deliveries."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(primary_key=True)
    screening_id: Mapped[int] = mapped_column(ForeignKey("screenings.id"), unique=True)
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(index=True)
    last_error: Mapped[str | None] = mapped_column(Text)
    parked_at: Mapped[datetime | None]
    """Time at which it was given up; see `db.delivery.unbuilt_reports`."""


class RefusalOutboxEntry(Record):
    """A refused film that the courier has yet to report to the peers whose rules ask for refusals.

    It is a table of its own because a courier of an earlier version, running beside this one, would fail at
    rows of `outbox` without a screening.
    """

    __tablename__ = "refusal_outbox"

    instance_id: Mapped[int] = mapped_column(ForeignKey("instances.id"), primary_key=True)
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(index=True)
    last_error: Mapped[str | None] = mapped_column(Text)
    parked_at: Mapped[datetime | None]
    """Time at which it was given up; see `db.delivery.unbuilt_reports`."""


class ReportObject(Record):
    """A DICOM object that tbscreen made, byte for byte as it is sent and sent again."""

    __tablename__ = "report_objects"

    sop_instance_uid: Mapped[str] = mapped_column(String(UID_LENGTH), primary_key=True)
    screening_id: Mapped[int | None] = mapped_column(ForeignKey("screenings.id"), index=True)
    """None for a refusal."""
    instance_id: Mapped[int | None] = mapped_column(ForeignKey("instances.id"), index=True)
    """The refused film; None for an object made from a screening."""
    sop_class_uid: Mapped[str] = mapped_column(String(UID_LENGTH))
    kind: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    part10: Mapped[bytes]

    __table_args__ = (UniqueConstraint("screening_id", "kind"),)


class Delivery(Record):
    """One report object on its way to one peer."""

    __tablename__ = "deliveries"

    id: Mapped[int] = mapped_column(primary_key=True)
    sop_instance_uid: Mapped[str] = mapped_column(ForeignKey("report_objects.sop_instance_uid"))
    peer: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]

    report: Mapped[ReportObject] = relationship()

    __table_args__ = (
        UniqueConstraint("sop_instance_uid", "peer"),
        Index("ix_deliveries_due", "state", "due_at"),
        Index("ix_deliveries_peer", "peer", "state", "due_at"),
    )


class DeliveryEvent(Record):
    """One event of a delivery; the delivery and its commitment hold their present state only."""

    __tablename__ = "delivery_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("deliveries.id"), index=True)
    happened_at: Mapped[datetime]
    event: Mapped[str] = mapped_column(String(32))
    """The new `DeliveryState`, or `postponed`, or `commitment` and the new `CommitmentState`."""
    detail: Mapped[str | None] = mapped_column(Text)


class Commitment(Record):
    """One storage commitment request to one peer (PS3.4 J.3.2): a transaction over delivered reports."""

    __tablename__ = "commitments"

    transaction_uid: Mapped[str] = mapped_column(String(UID_LENGTH), primary_key=True)
    peer: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    requested_at: Mapped[datetime]
    due_at: Mapped[datetime]
    """Time at which the peer's answer is overdue."""
    answered_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(Text)
    doubted_sender: Mapped[str | None] = mapped_column(String(DOUBTED_LENGTH))
    """AE title and address of the sender whose answer was not believed last."""

    __table_args__ = (Index("ix_commitments_due", "state", "due_at"),)


class CommitmentItem(Record):
    """The storage commitment of one delivery; there is no row where the peer is not asked for one."""

    __tablename__ = "commitment_items"

    delivery_id: Mapped[int] = mapped_column(ForeignKey("deliveries.id"), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    transaction_uid: Mapped[str | None] = mapped_column(ForeignKey("commitments.transaction_uid"), index=True)
    """The newest request that named it."""
    due_at: Mapped[datetime]
    """Time of the next request."""
    requests: Mapped[int] = mapped_column(default=0)
    """Number of requests without success since it was last delivered or replayed."""
    resends: Mapped[int] = mapped_column(default=0)
    """Number of times the report was sent again because the peer did not have it."""
    failure_reason: Mapped[int | None]
    """Failure Reason (0008,1197), PS3.3 C.14."""
    last_error: Mapped[str | None] = mapped_column(Text)
    wanted_at: Mapped[datetime]
    committed_at: Mapped[datetime | None]

    delivery: Mapped[Delivery] = relationship()

    __table_args__ = (Index("ix_commitment_items_due", "state", "due_at"),)
