"""The tables of erasures and of the files that gateways are to delete for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.record import Record


class Erasure(Record):
    """One erasure. It names what was erased by keyed digests alone, so that a restore can erase it again."""

    __tablename__ = "erasures"

    token: Mapped[str] = mapped_column(String(32), primary_key=True)
    """Random, hexadecimal: the same erasure has the same token in every copy of the register."""
    kind: Mapped[str] = mapped_column(String(16))
    """See `db.erasure.erasures.ErasureKind`."""
    key_id: Mapped[str] = mapped_column(String(16))
    """The key of the digests (`db.erasure.digests.Digests`)."""
    record: Mapped[dict[str, Any]]
    """Digests of films, tests and patients; files of spools; numbers of rows that went, by table."""
    erased_at: Mapped[datetime]
    erased_by: Mapped[str] = mapped_column(String(256))
    reason: Mapped[str] = mapped_column(Text)


class ErasedFile(Record):
    """A file of an erased film that its gateway has not deleted yet."""

    __tablename__ = "erased_files"

    gateway: Mapped[str] = mapped_column(String(128), primary_key=True)
    spool_path: Mapped[str] = mapped_column(String(256), primary_key=True)
    erased_at: Mapped[datetime]
    """A file that is newer was received again since, and stays."""
