"""The record of completed backups, for their age."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.tables import Backup


def record(session: Session, taken_at: datetime, host: str, byte_size: int) -> None:
    """Record a backup that is complete and durable.

    Args:
        session: one that writes.
        taken_at: time of the state that it holds.
        host: where it was written.
        byte_size: of its file.
    """
    session.add(Backup(taken_at=taken_at, host=host[:256], byte_size=byte_size))


def find_newest(session: Session) -> datetime | None:
    """Return the time of the newest state that a backup holds; None if there never was a backup."""
    return session.scalar(select(func.max(Backup.taken_at)))
