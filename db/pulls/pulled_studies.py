"""The studies of pulls: taken to be fetched, completed, failed, wanted again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from db.clock import now
from db.entries import make_entry
from db.states import PULLED_STUDY, PulledStudyState, PullState
from db.tables import Pull, PulledStudy

RETRY_FIRST: Final = timedelta(minutes=2)
RETRY_MOST: Final = timedelta(days=1)
"""Pause before a schedule fetches a failed study again; doubled after each attempt."""


@dataclass(frozen=True)
class TakenStudy:
    """A study to fetch now, and the process that took it."""

    row_id: int
    pull_id: int
    holder: str
    study_instance_uid: str
    attempts: int
    """Number of attempts, with the present one."""


@dataclass(frozen=True)
class FailedStudy:
    """One line of `tbscreen pulls --failed`."""

    peer: str
    study_instance_uid: str
    films: int
    attempts: int
    last_error: str | None
    due_at: datetime


@dataclass(frozen=True)
class StudyCounts:
    """The studies of a pull by state."""

    wanted: int = 0
    fetching: int = 0
    complete: int = 0
    unwanted: int = 0
    failed: int = 0


def take(session: Session, pull_id: int, holder: str) -> TakenStudy | None:
    """Take the next study to fetch, the first found first.

    Returns:
        The study; None when none is wanted, or another process has taken the pull from `holder`.
    """
    if not _is_holder(session, pull_id, holder):
        return None
    row = session.scalar(
        select(PulledStudy)
        .where(PulledStudy.pull_id == pull_id, PulledStudy.state == PulledStudyState.WANTED)
        .order_by(PulledStudy.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if row is None:
        return None
    PULLED_STUDY.move(session, row, PulledStudyState.FETCHING, attempts=row.attempts + 1)
    return TakenStudy(row.id, pull_id, holder, row.study_instance_uid, row.attempts)


def mark_complete(session: Session, study: TakenStudy, films: int) -> bool:
    """Record that all `films` of a study are received; 0 when none of its series is wanted.

    Returns:
        False, and nothing is written, when another process has taken the study or its pull meanwhile.
    """
    row = _find_taken(session, study)
    if row is None:
        return False
    after = PulledStudyState.COMPLETE if films else PulledStudyState.UNWANTED
    PULLED_STUDY.move(session, row, after, films=films, attempts=0, last_error=None, ended_at=now())
    return True


def mark_failed(session: Session, study: TakenStudy, films: int, error: str) -> bool:
    """Record that the peer sent only `films` films of a study; returns as `mark_complete` does."""
    row = _find_taken(session, study)
    if row is None:
        return False
    moment = now()
    pause = min(RETRY_FIRST * 2 ** min(row.attempts, 16), RETRY_MOST)
    PULLED_STUDY.move(
        session,
        row,
        PulledStudyState.FAILED,
        films=films,
        last_error=error,
        ended_at=moment,
        due_at=moment + pause,
    )
    return True


def hand_back(session: Session, study: TakenStudy, error: str | None = None) -> bool:
    """Make a study wanted again without counting the attempt, when it was not the cause of the failure.

    Returns as `mark_complete` does.
    """
    row = _find_taken(session, study)
    if row is None:
        return False
    attempts = max(row.attempts - 1, 0)
    PULLED_STUDY.move(session, row, PulledStudyState.WANTED, last_error=error, attempts=attempts)
    return True


def want_failed(session: Session, pull_id: int, attempts: int) -> int:
    """Make failed studies of a pull wanted that had fewer than `attempts` attempts; return their number."""
    return _want(
        session, pull_id, PulledStudy.state == PulledStudyState.FAILED, PulledStudy.attempts < attempts
    )


def want_due(session: Session, pull_id: int) -> int:
    """Make the failed studies of a pull wanted that are due, outside its dates too; return their number."""
    return _want(session, pull_id, PulledStudy.state == PulledStudyState.FAILED, PulledStudy.due_at <= now())


def want_unfinished(session: Session, pull_id: int) -> None:
    """Make the studies wanted that an earlier process left unfinished."""
    _want(session, pull_id, PulledStudy.state == PulledStudyState.FETCHING)


def count(session: Session, pull_id: int) -> StudyCounts:
    """Return the number of studies of a pull by state."""
    rows = session.execute(
        select(PulledStudy.state, func.count())
        .where(PulledStudy.pull_id == pull_id)
        .group_by(PulledStudy.state)
    )
    return StudyCounts(**{str(state): number for state, number in rows})


def list_failed(session: Session, limit: int) -> list[FailedStudy]:
    """Return studies with missing films, the newest first."""
    query = select(PulledStudy).where(PulledStudy.state == PulledStudyState.FAILED)
    rows = session.scalars(query.order_by(PulledStudy.id.desc()).limit(limit))
    return [make_entry(FailedStudy, row) for row in rows]


def forget_failed(session: Session) -> int:
    """Delete studies with missing films, so that pulls find them anew; return their number."""
    rows = session.scalars(
        select(PulledStudy)
        .where(PulledStudy.state == PulledStudyState.FAILED)
        .order_by(PulledStudy.id)
        .with_for_update()
    ).all()
    for row in rows:
        session.delete(row)
    return len(rows)


def _is_holder(session: Session, pull_id: int, holder: str) -> bool:
    pull = session.get(Pull, pull_id, populate_existing=True)
    return pull is not None and pull.state == PullState.RUNNING and pull.holder == holder


def _find_taken(session: Session, study: TakenStudy) -> PulledStudy | None:
    """Return a study's row, locked; None when another process has taken the study or its pull."""
    row = session.get(PulledStudy, study.row_id, with_for_update=True)
    if row is None or row.state != PulledStudyState.FETCHING or row.pull_id != study.pull_id:
        return None
    # Checked with the row locked: a process that takes the pull over waits for the row in `want_unfinished`.
    return row if _is_holder(session, study.pull_id, study.holder) else None


def _want(session: Session, pull_id: int, *conditions: ColumnElement[bool]) -> int:
    """Make the studies of a pull wanted that meet the conditions; return their number."""
    rows = session.scalars(
        select(PulledStudy)
        .where(PulledStudy.pull_id == pull_id, *conditions)
        .order_by(PulledStudy.id)
        .with_for_update()
    ).all()
    PULLED_STUDY.move_all(session, rows, PulledStudyState.WANTED)
    return len(rows)
