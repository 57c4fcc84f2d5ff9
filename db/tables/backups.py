"""The table of backups."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.record import Record


class Backup(Record):
    """A backup that was completed. The file itself may be gone since."""

    __tablename__ = "backups"

    id: Mapped[int] = mapped_column(primary_key=True)
    taken_at: Mapped[datetime]
    """Time of the state of the database that it holds."""
    host: Mapped[str] = mapped_column(String(256))
    byte_size: Mapped[int] = mapped_column(BigInteger)
