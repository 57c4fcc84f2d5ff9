"""The tables of notices: events of which receivers are to be told, and the notice to each receiver."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.record import DIGEST_LENGTH, Record, index_where


class NoticeEvent(Record):
    """One event of which receivers may be told: one row, in the transaction of the event where it has one."""

    __tablename__ = "notice_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    event_key: Mapped[str] = mapped_column(String(DIGEST_LENGTH), unique=True)
    """SHA-256 of kind, subject and occasion: the same event is one row."""
    kind: Mapped[str] = mapped_column(String(32))
    """`domain.codes.NoticedEvent`."""
    subject: Mapped[str] = mapped_column(String(256))
    """Peer, receiver or station; empty for a film."""
    instance_id: Mapped[int | None] = mapped_column(ForeignKey("instances.id"), index=True)
    """The film revision of a HIGH finding."""
    detail: Mapped[dict[str, Any]]
    """Figures of the event; no patient data."""
    occurred_at: Mapped[datetime]
    told_at: Mapped[datetime | None]
    """Time at which the notices to its receivers were stored."""

    __table_args__ = (index_where("told_at IS NULL", "ix_notice_events_untold", "id"),)


class NoticeRow(Record):
    """The notice of one event to one receiver, with its content as it is sent and sent again."""

    __tablename__ = "notices"

    id: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("notice_events.id"))
    receiver: Mapped[str] = mapped_column(String(64))
    content: Mapped[dict[str, Any]]
    """The content that is sent; it holds patient data only where the receiver's settings name the fields."""
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("event_id", "receiver"),
        Index("ix_notices_due", "receiver", "state", "due_at"),
    )
