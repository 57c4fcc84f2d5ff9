"""The tables of pulls and of the studies that they fetch from peers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.record import UID_LENGTH, Record


class Pull(Record):
    """One pull of studies from a peer: by a command, or by a schedule over all its rounds."""

    __tablename__ = "pulls"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(160), unique=True)
    """The schedule's name, or peer and dates of a command: the same command resumes its pull."""
    peer: Mapped[str] = mapped_column(String(64))
    first_date: Mapped[str] = mapped_column(String(8))
    last_date: Mapped[str] = mapped_column(String(8))
    """Study dates (PS3.5 6.2, VR DA), both included."""
    state: Mapped[str] = mapped_column(String(16))
    holder: Mapped[str | None] = mapped_column(String(192))
    """The process that works or last worked on it."""
    due_at: Mapped[datetime]
    """End of its lease, if running; start of its next round, if idle."""
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(Text)


class PulledStudy(Record):
    """One study that a pull found at a peer, and whether its films are received."""

    __tablename__ = "pulled_studies"

    id: Mapped[int] = mapped_column(primary_key=True)
    peer: Mapped[str] = mapped_column(String(64))
    study_instance_uid: Mapped[str] = mapped_column(String(UID_LENGTH))
    pull_id: Mapped[int] = mapped_column(ForeignKey("pulls.id"))
    """The pull that fetches or fetched it."""
    state: Mapped[str] = mapped_column(String(16))
    instances_at_peer: Mapped[int | None]
    """Number of Study Related Instances (0020,1208) when it was last found."""
    films: Mapped[int] = mapped_column(default=0)
    """Number of its films that are received."""
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    """Time at which a schedule fetches a failed study again."""
    last_error: Mapped[str | None] = mapped_column(Text)
    found_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("peer", "study_instance_uid"),
        Index("ix_pulled_studies_pull", "pull_id", "state"),
    )
