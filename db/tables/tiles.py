"""The table of tiles that pages ask gateways for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.record import Record


class FilmTile(Record):
    """A part of a film at full resolution that a page asked for; it stays for a minute."""

    __tablename__ = "film_tiles"

    id: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instances.id", ondelete="CASCADE"))
    gateway: Mapped[str] = mapped_column(String(128))
    """The gateway that holds the film's file."""
    view: Mapped[dict[str, Any]]
    """See `domain.viewing.film_tile.TileView`."""
    asked_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    failure: Mapped[str | None] = mapped_column(String(32))
    """See `domain.viewing.film_tile.TileFailure`; NULL for a tile."""
    jpeg: Mapped[bytes | None]
    """8-bit grey; NULL while it is awaited and after a failure."""
