"""Renditions of read studies that are old enough to be deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, delete, exists, func, select
from sqlalchemy.orm import Session

from db.states import FilmState
from db.tables import Instance, OutboxEntry, Read, Rendition, Screening, Study


@dataclass(frozen=True)
class RenditionTotal:
    """Number and size of renditions."""

    films: int
    byte_size: int


def count_old(session: Session, read_before: datetime) -> RenditionTotal:
    """Return the total of the renditions that `delete_old` would delete."""
    old = _select_old(read_before).subquery()
    films, size = session.execute(
        select(func.count(), func.coalesce(func.sum(func.length(Rendition.jpeg)), 0)).where(
            Rendition.instance_id.in_(select(old.c.instance_id))
        )
    ).one()
    return RenditionTotal(films, int(size))


def delete_old(session: Session, read_before: datetime, limit: int) -> int:
    """Delete renditions of films whose study was last read before a time; return their number.

    A rendition stays while its study is unread or has a notice (a person may have to look at it again), and
    while its report is not built: the picture of a report is made from it.

    Args:
        session: one that writes.
        read_before: only studies whose newest read is older.
        limit: largest number of renditions.
    """
    chosen = session.scalars(_select_old(read_before).order_by(Rendition.instance_id).limit(limit)).all()
    session.execute(delete(Rendition).where(Rendition.instance_id.in_(chosen)))
    return len(chosen)


def _select_old(read_before: datetime) -> Select[int]:
    unbuilt = exists().where(
        Screening.instance_id == Rendition.instance_id, OutboxEntry.screening_id == Screening.id
    )
    return (
        select(Rendition.instance_id)
        .join(Instance, Instance.id == Rendition.instance_id)
        .join(Study, Study.id == Instance.study_id)
        .join(Read, Read.study_id == Study.id)
        .where(
            Instance.state.in_([FilmState.SCREENED, FilmState.REFUSED]),
            Study.is_read,
            Study.notices.is_(None),
            Read.current,
            Read.read_at < read_before,
            ~unbuilt,
        )
    )
