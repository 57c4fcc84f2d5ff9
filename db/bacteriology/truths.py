"""The truth of each study, from its bacteriology results."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from db.bacteriology.links import WINDOW_DAYS, LinkState, find_links
from db.bacteriology.results import select_results
from domain.bacteriology import Method, Outcome, Truth, judge

LATE_DAYS: Final = 366
"""Days by which a study's own date may differ from its reception, for films that are fetched later."""


def find_truths(
    session: Session, start: datetime, end: datetime, window_days: int = WINDOW_DAYS
) -> dict[int, Truth]:
    """Return the truth of each study with linked results, by the study's number.

    Withdrawn results count as none. Results that a person has to link first are left out.

    Args:
        session: one that reads.
        start: begin of the time in which the films were received.
        end: its end.
        window_days: most days between specimen and film.
    """
    margin = timedelta(days=window_days + LATE_DAYS)
    query = select_results(first_day=f"{start - margin:%Y%m%d}", last_day=f"{end + margin:%Y%m%d}")
    found: dict[int, list[tuple[Method, Outcome]]] = {}
    rows = session.scalars(query.execution_options(yield_per=1000))
    for link in find_links(session, rows, window_days):
        if link.state is LinkState.LINKED and link.study is not None:
            outcome = Outcome(link.result.outcome)
            if outcome is not Outcome.WITHDRAWN:
                found.setdefault(link.study.id, []).append((Method(link.result.method), outcome))
    return {study: judge(results) for study, results in found.items()}
