"""The reference of a period: reads, bacteriology or both, as one verdict for each study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from db.bacteriology.truths import find_truths
from domain.bacteriology import Truth, TruthSource
from domain.codes import Verdict


@dataclass(frozen=True)
class Judged:
    """The verdict on a study, and its source."""

    verdict: Verdict
    by_bacteriology: bool


@dataclass(frozen=True)
class Reference:
    """The truth that the scores of a period are measured against."""

    source: TruthSource = TruthSource.READS
    truths: Mapping[int, Truth] = field(default_factory=dict)
    """Truth by bacteriology, by the study's number."""

    @property
    def needs_reads(self) -> bool:
        """True when a study without a read has no verdict."""
        return self.source is TruthSource.READS

    def judge(self, study_id: int, read: str | None) -> Judged | None:
        """Return the verdict on a study; None where there is none.

        Of both sources, bacteriology decides unless it is unsure and there is a read.

        Args:
            study_id: the study's number.
            read: verdict of its read, as stored.
        """
        truth = None if self.source is TruthSource.READS else self.truths.get(study_id)
        taken = (
            None if self.source is TruthSource.BACTERIOLOGY or read is None else Judged(Verdict(read), False)
        )
        if truth is None or (truth is Truth.UNSURE and taken is not None):
            return taken
        return Judged(Verdict(truth.value), True)


READS = Reference()
"""Reads alone."""


def find_reference(session: Session, source: TruthSource, start: datetime, end: datetime) -> Reference:
    """Return the reference for films that were received in a period."""
    if source is TruthSource.READS:
        return READS
    return Reference(source, find_truths(session, start, end))
