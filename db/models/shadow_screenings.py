"""Results of the bundle in the shadow: recorded and compared, never reported."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from db.clock import now
from db.films.screenings import ScreeningResult
from db.models import bundles
from db.tables import Instance, Screening, ShadowScreening

STRIKES: Final = 3
"""Number of unfinished films on one worker within `STRIKE_WINDOW` that takes a bundle out of the shadow."""
STRIKE_WINDOW: Final = timedelta(hours=1)
_RECORDED: Final = (
    *("operating_point", "threshold", "score", "probability", "calibrated_threshold"),
    *("finding", "priority", "finished_at", "runtime", "precision"),
)


@dataclass(frozen=True)
class Agreement:
    """Agreement of the results in the shadow with the reported results of the same films."""

    films: int
    unfinished: int
    """Films that were begun and are not finished: the bundle failed, or is still working on them."""
    equal_findings: int
    findings: dict[str, dict[str, int]]
    """Films by the reported finding, then by the finding in the shadow."""
    mean_probability_difference: float | None
    """Shadow minus reported, calibrated, -1..1."""
    score_correlation: float | None
    """Pearson's correlation, -1..1; None where one bundle gives all films the same score."""
    first_at: datetime | None
    last_at: datetime | None

    @property
    def equal_share(self) -> float | None:
        """Share of films with equal findings, 0..1."""
        return self.equal_findings / self.films if self.films else None


@dataclass(frozen=True)
class ScorePair:
    """The scores of two bundles on one film."""

    study_id: int
    reported: float
    shadow: float


def list_pairs(
    session: Session, shadow_digest: str, reported_digest: str, start: datetime, end: datetime
) -> list[ScorePair]:
    """Return the scores of films, received in a time, by a bundle in the shadow and by the reported one."""
    query = (
        select(Instance.study_id, Screening.score, ShadowScreening.score)
        .join(Screening, Screening.instance_id == Instance.id)
        .join(ShadowScreening, ShadowScreening.instance_id == Instance.id)
        .where(
            Instance.current,
            Instance.received_at >= start,
            Instance.received_at < end,
            Screening.bundle_digest == reported_digest,
            ShadowScreening.bundle_digest == shadow_digest,
            ShadowScreening.finished_at.is_not(None),
        )
        .order_by(Instance.id)
    )
    rows = session.execute(query).tuples()
    return [ScorePair(study, reported, shadow) for study, reported, shadow in rows if shadow is not None]


def start(session: Session, bundle_digest: str) -> None:
    """Put a bundle in the shadow, and delete its unfinished films of an earlier time.

    Raises:
        PermanentError: when it is not registered, or when it is the active one.
    """
    bundles.put_in_shadow(session, bundle_digest)
    session.execute(
        delete(ShadowScreening).where(
            ShadowScreening.bundle_digest == bundle_digest, ShadowScreening.finished_at.is_(None)
        )
    )


def strike_out(session: Session, bundle_digest: str, worker: str, processes: int) -> bool:
    """Take a bundle out of the shadow after `STRIKES` unfinished films.

    Args:
        session: in a transaction.
        bundle_digest: digest of the bundle in the shadow.
        worker: name of the host.
        processes: number of its processes, each of which may be working on a film.

    Returns:
        True when the bundle was taken out by this call.
    """
    unfinished = select(func.count()).where(
        ShadowScreening.bundle_digest == bundle_digest,
        ShadowScreening.worker == worker,
        ShadowScreening.started_at > now() - STRIKE_WINDOW,
        ShadowScreening.finished_at.is_(None),
    )
    if (session.scalar(unfinished) or 0) < STRIKES + processes - 1:
        return False
    return bundles.end_shadow(session, bundle_digest) is not None


def begin(session: Session, instance_id: int, bundle_digest: str, worker: str) -> int | None:
    """Record that a film is about to be scored in the shadow.

    It is committed before the network runs, so that a bundle that crashes its process is recognized by its
    unfinished films.

    Args:
        session: in a transaction of its own, after the reported result was committed.
        instance_id: the film.
        bundle_digest: the bundle that the worker found in the shadow.
        worker: name of the host.

    Returns:
        The row to finish; None when this bundle has scored the film already, or has left the shadow.
    """
    # The film's row is the lock: of two workers that begin the same film, the second finds the first row.
    session.execute(select(Instance.id).where(Instance.id == instance_id).with_for_update())
    in_shadow = bundles.find_shadow(session)
    known = select(ShadowScreening.id).where(
        ShadowScreening.instance_id == instance_id, ShadowScreening.bundle_digest == bundle_digest
    )
    if in_shadow is None or in_shadow.digest != bundle_digest or session.scalar(known) is not None:
        return None
    row = ShadowScreening(
        instance_id=instance_id, bundle_digest=bundle_digest, worker=worker, started_at=now()
    )
    session.add(row)
    session.flush()
    return row.id


def finish(session: Session, shadow_screening_id: int, result: ScreeningResult) -> None:
    """Record the result of the bundle in the shadow."""
    row = session.get(ShadowScreening, shadow_screening_id, with_for_update=True)
    # Deleted by `start` meanwhile; SQLite may have given its number to another film.
    if row is None or (row.instance_id, row.bundle_digest) != (result.instance_id, result.bundle_digest):
        return
    for name in _RECORDED:
        setattr(row, name, getattr(result, name))


def measure_agreement(session: Session, bundle_digest: str) -> Agreement:
    """Compare a bundle's results in the shadow with the reported results of the same films."""
    both = (
        select(Screening, ShadowScreening)
        .join(ShadowScreening, ShadowScreening.instance_id == Screening.instance_id)
        .where(ShadowScreening.bundle_digest == bundle_digest, ShadowScreening.finished_at.is_not(None))
    )
    findings: dict[str, dict[str, int]] = {}
    for reported, shadow, films in session.execute(
        both.with_only_columns(Screening.finding, ShadowScreening.finding, func.count())
        .group_by(Screening.finding, ShadowScreening.finding)
        .order_by(Screening.finding, ShadowScreening.finding)
    ):
        findings.setdefault(reported, {})[str(shadow)] = films
    x, y = Screening.score, ShadowScreening.score
    moments = session.execute(
        both.with_only_columns(
            *(func.avg(product) for product in (x, y, x * x, y * y, x * y)),
            func.avg(ShadowScreening.probability - Screening.probability),
            func.min(ShadowScreening.started_at),
            func.max(ShadowScreening.started_at),
        )
    ).one()
    unfinished = select(func.count()).where(
        ShadowScreening.bundle_digest == bundle_digest, ShadowScreening.finished_at.is_(None)
    )
    return Agreement(
        films=sum(count for row in findings.values() for count in row.values()),
        unfinished=session.scalar(unfinished) or 0,
        equal_findings=sum(row.get(finding, 0) for finding, row in findings.items()),
        findings=findings,
        mean_probability_difference=moments[5],
        score_correlation=_correlate(*moments[:5]),
        first_at=moments[6],
        last_at=moments[7],
    )


def _correlate(
    x: float | None, y: float | None, xx: float | None, yy: float | None, xy: float | None
) -> float | None:
    """Return Pearson's correlation from the means of x, y, x², y² and xy."""
    if x is None or y is None or xx is None or yy is None or xy is None:
        return None
    spread = (xx - x * x, yy - y * y)
    if min(spread) < 1e-12:
        return None
    return max(-1.0, min(1.0, (xy - x * y) / sqrt(spread[0] * spread[1])))
