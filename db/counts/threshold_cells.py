"""Films by the cell of a table of thresholds by age and sex that judged them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from db.counts.report_counts import Span, is_film
from db.models.threshold_groups import GROUPS
from db.tables import Instance, Model, Screening, SiteThreshold
from domain.codes import Finding
from domain.languages.sentence import say
from domain.person_group import PersonGroup

EVERYBODY: Final = say("everybody else: age or sex is not known, or in no group")


@dataclass(frozen=True)
class CellCount:
    """Films that one cell judged."""

    table: str
    """Name of the site threshold that the cell is a part of."""
    people: str
    threshold: float
    films: int
    present: int


def count_cells(session: Session, period: Span) -> list[CellCount]:
    """Count the period's films by cell, in the order of the tables' cells; none without such a table."""
    screened = {
        (row.bundle_digest, row.operating_point): (row.films, row.present)
        for row in session.execute(
            select(
                Screening.bundle_digest,
                Screening.operating_point,
                func.count().label("films"),
                func.count(case((Screening.finding == Finding.PRESENT.value, 1))).label("present"),
            )
            .join(Instance, Instance.id == Screening.instance_id)
            .join(Model, Model.digest == Screening.bundle_digest)
            .where(is_film(period), Model.trained)
            .group_by(Screening.bundle_digest, Screening.operating_point)
        )
    }
    digests = {digest for digest, _ in screened}
    rows = select(SiteThreshold).where(SiteThreshold.bundle_digest.in_(digests)).order_by(SiteThreshold.id)
    return [
        CellCount(table, people, threshold, *screened[digest, point])
        for table, digest, point, people, threshold in _list_cells(session.scalars(rows).all())
        if (digest, point) in screened
    ]


def _list_cells(rows: Sequence[SiteThreshold]) -> Iterator[tuple[str, str, str, str, float]]:
    """Yield table, bundle, operating point, people and threshold of each cell."""
    thresholds = {
        (row.bundle_digest, row.name): point["threshold"]
        for row in rows
        for point in row.record["operating_points"]
        if point["name"] == row.name
    }
    for row in rows:
        for cell in row.record.get(GROUPS) or ():
            key = row.bundle_digest, cell["name"]
            if key in thresholds:
                group = PersonGroup(cell["sex"], cell["first"], cell["last"])
                yield row.name, *key, group.words, thresholds[key]
        if row.record.get(GROUPS):
            own = row.bundle_digest, row.name
            yield row.name, *own, EVERYBODY, thresholds[own]
