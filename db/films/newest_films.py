"""The newest screened films for display, with their reads: films at hand for comparing two bundles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import and_, exists, select
from sqlalchemy.orm import Session

from db.states import FilmState
from db.tables import Instance, Read, Rendition, Study
from domain.codes import Verdict

BATCH = 50
"""Renditions that are in memory at once."""


@dataclass(frozen=True)
class FilmAtHand:
    """One film without any value that identifies a patient."""

    jpeg: bytes
    """Its rendition."""
    verdict: Verdict | None
    """The read of its study; None if nobody read the study after the film came, or readers differ."""


def stream_newest_films(session: Session, most: int) -> Iterator[FilmAtHand]:
    """Yield the newest screened films, at most `most`."""
    read = and_(
        Read.study_id == Instance.study_id,
        Read.current,
        Read.read_at >= Instance.received_at,
        exists().where(Study.id == Instance.study_id, Study.differing_verdicts.is_(None)),
    )
    query = (
        select(Rendition.jpeg, Read.verdict)
        .select_from(Instance)
        .join(Rendition, Rendition.instance_id == Instance.id)
        .outerjoin(Read, read)
        .where(Instance.current, Instance.state == FilmState.SCREENED)
        .order_by(Instance.received_at.desc(), Instance.id.desc())
        .limit(most)
        .execution_options(yield_per=BATCH)
    )
    for row in session.execute(query):
        yield FilmAtHand(row.jpeg, None if row.verdict is None else Verdict(row.verdict))
