"""The score that each bundle is expected to give the drawn film: pinned once, changed by a person alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.clock import now
from db.entries import make_entry
from db.tables import CanaryScore


@dataclass(frozen=True)
class ExpectedScore:
    """The score that a bundle is expected to give, with runtime and precision that computed it."""

    revision: int
    score: float
    runtime: str
    precision: str
    pinned_at: datetime
    pinned_by: str
    reason: str

    @property
    def way(self) -> tuple[str, str]:
        """Runtime and precision."""
        return self.runtime, self.precision


def find(session: Session, bundle_digest: str, drawing: int) -> ExpectedScore | None:
    """Return the expected score of a bundle, or None before its first one.

    Args:
        session: for reading.
        bundle_digest: the bundle.
        drawing: version of the drawn film.
    """
    row = session.scalar(
        select(CanaryScore)
        .where(CanaryScore.bundle_digest == bundle_digest, CanaryScore.drawing == drawing)
        .order_by(CanaryScore.revision.desc())
        .limit(1)
    )
    return None if row is None else make_entry(ExpectedScore, row)


def pin(
    session: Session,
    bundle_digest: str,
    drawing: int,
    score: float,
    way: tuple[str, str],
    author: str,
    reason: str,
) -> ExpectedScore:
    """Record the score that a bundle is expected to give from now on; earlier ones stay as history.

    Args:
        session: one that writes. It raises `IntegrityError` when another session pins at the same time.
        bundle_digest: the bundle.
        drawing: version of the drawn film.
        score: 0..1.
        way: runtime and precision that computed it.
        author: the person, or the gateway of the first score.
        reason: why.
    """
    before = find(session, bundle_digest, drawing)
    row = CanaryScore(
        bundle_digest=bundle_digest,
        drawing=drawing,
        revision=1 if before is None else before.revision + 1,
        score=score,
        runtime=way[0],
        precision=way[1],
        pinned_at=now(),
        pinned_by=author,
        reason=reason,
    )
    session.add(row)
    session.flush()
    return make_entry(ExpectedScore, row)
