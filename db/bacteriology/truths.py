"""The truth of each study, from its bacteriology results."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.bacteriology.links import WINDOW_DAYS, LinkState, find_links
from db.bacteriology.results import select_results
from db.tables import Instance, Study
from domain.bacteriology import Method, Outcome, Truth, judge


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
    first_day, last_day = _find_days(session, start, end, timedelta(days=window_days))
    query = select_results(first_day=first_day, last_day=last_day)
    found: dict[int, list[tuple[Method, Outcome]]] = {}
    rows = session.scalars(query.execution_options(yield_per=1000))
    for link in find_links(session, rows, window_days):
        if link.state is LinkState.LINKED and link.study is not None:
            outcome = Outcome(link.result.outcome)
            if outcome is not Outcome.WITHDRAWN:
                found.setdefault(link.study.id, []).append((Method(link.result.method), outcome))
    return {study: judge(results) for study, results in found.items()}


def _find_days(
    session: Session, start: datetime, end: datetime, margin: timedelta
) -> tuple[str | None, str | None]:
    """Return the first and last day of specimens near films of a time; None where a study's date is none.

    An archive may send films years after their studies.
    """
    day = Study.study_date
    of_studies = select(func.min(day), func.max(day)).join(Instance, Instance.study_id == Study.id)
    received = Instance.received_at >= start, Instance.received_at < end
    days = [start.date(), end.date()]
    try:
        found = session.execute(of_studies.where(*received, day > "")).one()
        days += [date.fromisoformat(text) for text in found if text is not None]
        first, last = min(days) - margin, max(days) + margin
    except (ValueError, OverflowError):
        return None, None
    return first.isoformat().replace("-", ""), last.isoformat().replace("-", "")
