"""Files of erased films in the spools of gateways, until each gateway has deleted its own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from db.tables import ErasedFile


def record(session: Session, files: Iterable[tuple[str, str]], erased_at: datetime) -> None:
    """Record files that are to be deleted.

    Args:
        session: one that writes.
        files: gateway and path in its spool, each.
        erased_at: time of the erasure; files that are newer stay.
    """
    for gateway, spool_path in sorted(set(files)):
        session.merge(ErasedFile(gateway=gateway, spool_path=spool_path, erased_at=erased_at))
    session.flush()


def list_of_gateway(session: Session, gateway: str, limit: int) -> list[tuple[str, datetime]]:
    """Return files that a gateway is to delete, each with the time of its erasure."""
    query = select(ErasedFile.spool_path, ErasedFile.erased_at).where(ErasedFile.gateway == gateway)
    return [(row.spool_path, row.erased_at) for row in session.execute(query.limit(limit))]


def forget(session: Session, gateway: str, spool_path: str) -> None:
    """Record that a file is no longer in the spool."""
    session.execute(
        delete(ErasedFile).where(ErasedFile.gateway == gateway, ErasedFile.spool_path == spool_path)
    )


def count(session: Session) -> int:
    """Return the number of files that gateways have not deleted yet."""
    return session.scalar(select(func.count()).select_from(ErasedFile)) or 0
