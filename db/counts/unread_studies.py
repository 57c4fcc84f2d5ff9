"""Unread studies by site, with those that are HIGH, for managers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import case, distinct, func, select
from sqlalchemy.orm import Session

from db.counts.report_counts import Grouping, group_by
from db.tables import READ_PLACES, Instance, Study
from domain.codes import Priority, Refusal

_IS_HIGH: Final = Study.priority_rank == Priority.HIGH.rank


@dataclass(frozen=True)
class UnreadStudies:
    """The unread studies of one site, as reports name it."""

    site: str
    studies: int
    oldest: datetime
    """Time of reception of the study that has waited longest."""
    high: int
    """Those of priority HIGH."""
    oldest_high: datetime | None


def count_unread(session: Session) -> list[UnreadStudies]:
    """Return the unread studies by site, the most HIGH ones first; one with films of two sites is in both."""
    site = group_by(Grouping.SITE).label("site")
    high = func.count(distinct(case((_IS_HIGH, Study.id))))
    counted = (
        select(
            site,
            func.count(distinct(Study.id)),
            func.min(Study.received_at),
            high.label("high"),
            func.min(case((_IS_HIGH, Study.received_at))),
        )
        .join(Instance, Instance.study_id == Study.id)
        .where(
            Study.place < READ_PLACES,
            Instance.current,
            func.coalesce(Instance.refusal, "") != Refusal.OWN_OUTPUT.value,
        )
        .group_by(site)
        .order_by(high.desc(), func.count(distinct(Study.id)).desc(), site)
    )
    return [UnreadStudies(*row) for row in session.execute(counted)]
