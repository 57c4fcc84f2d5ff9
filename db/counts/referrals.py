"""People referred by the operating point in use, in the order in which their films were screened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import bundles, site_thresholds
from db.models.threshold_groups import GROUP
from db.tables import Instance, Model, Screening
from domain.codes import Finding
from domain.referral_watch import ExpectedReferral, ReferralWatch, watch

MOST_FILMS: Final = 5000
"""First films of an operating point that are watched."""


def watch_referral(session: Session, prevalence: float | None) -> ReferralWatch | None:
    """Watch the share of people whom the operating point in use refers, from its first film on.

    Args:
        session: one that reads.
        prevalence: stated share of TB among the people screened, 0..1; None: not stated.

    Returns:
        None without a stated prevalence, a trained active bundle, or its sensitivity and specificity.
    """
    active = bundles.find_active(session)
    if prevalence is None or active is None or not active.trained:
        return None
    model = session.get_one(Model, active.digest)
    name = site_thresholds.find_operating_point(session, model)
    changed = site_thresholds.find_points(session, active.digest, name) or {}
    points = (model.manifest | changed)["operating_points"]
    point = next(point for point in points if point["name"] == name)
    cells = site_thresholds.list_cells(session, active.digest, name)
    if cells:
        point = cells[0].record[GROUP]["of_table"]
    sensitivity, specificity = point.get("sensitivity"), point.get("specificity")
    if sensitivity is None or specificity is None:
        return None
    expected = ExpectedReferral(prevalence, sensitivity, specificity)
    return watch(_list_outcomes(session, active.digest, [name, *(cell.name for cell in cells)]), expected)


def _list_outcomes(session: Session, digest: str, operating_points: Sequence[str]) -> Iterator[bool]:
    """Yield whether the first film of each study was referred."""
    query = (
        select(Instance.study_id, Screening.finding)
        .join(Instance, Instance.id == Screening.instance_id)
        .where(
            Screening.bundle_digest == digest,
            Screening.operating_point.in_(operating_points),
            Screening.finding != Finding.UNDETERMINED.value,
        )
        .order_by(Screening.id)
        .limit(MOST_FILMS)
    )
    seen: set[int] = set()
    for study, finding in session.execute(query):
        if study not in seen:
            seen.add(study)
            yield finding == Finding.PRESENT.value
