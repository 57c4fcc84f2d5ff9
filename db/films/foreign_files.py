"""Files in a gateway's spool whose films another gateway has, by the database.

A film that is sent again while its gateway is long overdue with it is taken over by the gateway that gets it
(`receptions`). The first gateway still holds a file of the same name.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.clock import now
from db.films import films
from db.films.receptions import OVERDUE
from db.states import FilmState
from db.tables import Instance
from domain.film_key import film_key

WAITING: Final = (FilmState.RECEIVED, FilmState.QUEUED)


@dataclass(frozen=True)
class ForeignFile:
    """A file in a spool, and the gateway that the film's row names."""

    instance_id: int
    film_key: str
    spool_path: str
    dataset_sha256: str
    gateway: str
    state: str
    due_at: datetime

    @property
    def waits(self) -> bool:
        """True for a film without a result: the file may be the only one."""
        return self.state in WAITING

    @property
    def is_overdue(self) -> bool:
        """True for a film that waits and whose gateway has left it for `OVERDUE`: it may be gone."""
        return self.waits and self.due_at <= now() - OVERDUE


def list_foreign(session: Session, spool_paths: Collection[str], gateway: str) -> list[ForeignFile]:
    """Return those of the files in the spool of `gateway` whose rows name another gateway."""
    rows = session.scalars(
        select(Instance)
        .where(Instance.spool_path.in_(spool_paths), Instance.gateway != gateway)
        .order_by(Instance.id)
    )
    return [
        ForeignFile(
            row.id,
            film_key(row.sop_instance_uid),
            row.spool_path,
            row.dataset_sha256,
            row.gateway,
            row.state,
            row.due_at,
        )
        for row in rows
        if row.spool_path is not None
    ]


def take_over(session: Session, file: ForeignFile, gateway: str, byte_size: int) -> bool:
    """Let `gateway` have the film of a file that it holds, if the film is still overdue where it was.

    Args:
        session: one that writes.
        file: the file, whose bytes are those of the row.
        gateway: the gateway in whose spool it is.
        byte_size: size of the file.

    Returns:
        False when the film has moved on meanwhile.
    """
    instance = films.lock_film(session, file.instance_id)
    if (
        instance is None
        or (instance.gateway, instance.spool_path) != (file.gateway, file.spool_path)
        or instance.state not in WAITING
        or instance.due_at > now() - OVERDUE
    ):
        return False
    instance.gateway, instance.byte_size = gateway, byte_size
    instance.due_at = now()
    return True
