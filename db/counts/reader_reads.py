"""The newest read of each reader on each study of a period, beside the AI result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from db.counts.report_counts import Span, is_film, stream
from db.tables import Instance, Model, Read, Screening
from domain.codes import Verdict


@dataclass(frozen=True)
class ReaderRead:
    """The read that stands for one reader on one study."""

    reader: str
    study_id: int
    verdict: Verdict
    blinded: bool
    """True when the result was hidden until this read."""
    positive: bool
    """True when a film of the study reached the threshold of its screening."""


def stream_reader_reads(session: Session, period: Span) -> Iterator[ReaderRead]:
    """Yield the standing reads of all readers on the period's studies that a trained model screened.

    A read counts if it is later than the study's films. Reads of the same study follow each other.
    """
    studies = (
        select(
            Instance.study_id,
            func.max(Instance.received_at).label("received_at"),
            func.max(case((Screening.score >= Screening.threshold, 1), else_=0)).label("side"),
        )
        .select_from(Instance)
        .join(Screening, Screening.instance_id == Instance.id)
        .join(Model, Model.digest == Screening.bundle_digest)
        .where(is_film(period), Model.trained)
        .group_by(Instance.study_id)
        .subquery()
    )
    query = (
        select(Read.standing_reader, Read.study_id, Read.verdict, Read.blinded, studies.c.side)
        .join(studies, studies.c.study_id == Read.study_id)
        .where(Read.standing_reader.is_not(None), Read.read_at >= studies.c.received_at)
        .order_by(Read.study_id, Read.id)
    )
    for reader, study_id, verdict, blinded, side in stream(session, query):
        yield ReaderRead(reader, study_id, Verdict(verdict), blinded, bool(side))
