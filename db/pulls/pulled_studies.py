"""The studies that pulls find at a peer: to be fetched, here, failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.clock import now
from db.states import PULLED_STUDY, PulledStudyState, PullState
from db.tables import Pull, PulledStudy

RETRY_FIRST: Final = timedelta(minutes=2)
RETRY_MOST: Final = timedelta(days=1)
"""Pauses after which a schedule tries a failed study again; doubled after each attempt."""

LOOK_AGAIN_AFTER: Final = timedelta(hours=1)
"""How often a study is looked at again of which the peer does not say how many instances it has."""


@dataclass(frozen=True)
class FoundStudy:
    """A study that a peer lists."""

    study_instance_uid: str
    instances: int | None = None
    """Number of Study Related Instances (0020,1208), where the peer says it."""


@dataclass(frozen=True)
class TakenStudy:
    """A study to fetch now, and who took it."""

    row_id: int
    pull_id: int
    holder: str
    study_instance_uid: str
    attempts: int
    """Counting this one."""


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
class Counts:
    """How far a pull is, in studies."""

    wanted: int = 0
    fetching: int = 0
    complete: int = 0
    unwanted: int = 0
    failed: int = 0


class Found(Enum):
    """What a study that a peer lists means for a pull."""

    TO_FETCH = auto()
    HERE = auto()
    """Complete or unwanted, and unchanged."""
    LEFT = auto()
    """Somebody is at it, or it failed and is not due yet."""


def record_found(
    session: Session, pull_id: int, studies: Sequence[FoundStudy], *, retry_failed: bool
) -> dict[Found, int]:
    """Write down what a peer lists, each study once per peer, whichever pull finds it.

    Args:
        session: for writing.
        pull_id: who found them.
        studies: without repetition.
        retry_failed: also those that failed and are not due yet.

    Returns:
        How many of each kind.
    """
    peer = session.get_one(Pull, pull_id).peer
    counts = dict.fromkeys(Found, 0)
    # In one order, so that two pulls that find the same studies do not wait for each other.
    for study in sorted(studies, key=lambda one: one.study_instance_uid):
        row = _find(session, peer, study.study_instance_uid) or _add(session, pull_id, peer, study)
        counts[_judge(session, row, study, pull_id, retry_failed)] += 1
    return counts


def take(session: Session, pull_id: int, holder: str) -> TakenStudy | None:
    """Take the next study to fetch, in the order in which they were found.

    Returns:
        None when there is none, or when `holder` has lost the pull to another process.
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
    """All of the study's `films` are here; none when nothing in it is wanted.

    Returns:
        False, and nothing was written, when another process has taken the study or its pull meanwhile.
    """
    row = _find_taken(session, study)
    if row is None:
        return False
    after = PulledStudyState.COMPLETE if films else PulledStudyState.UNWANTED
    PULLED_STUDY.move(session, row, after, films=films, attempts=0, last_error=None, ended_at=now())
    return True


def mark_failed(session: Session, study: TakenStudy, films: int, error: str) -> bool:
    """The peer did not send all of it; `films` of it are here. Returns as `mark_complete` does."""
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
    """A study was not fetched for a reason that is not its own: wanted again, and no attempt counted.

    Returns as `mark_complete` does.
    """
    row = _find_taken(session, study)
    if row is None:
        return False
    attempts = max(row.attempts - 1, 0)
    PULLED_STUDY.move(session, row, PulledStudyState.WANTED, last_error=error, attempts=attempts)
    return True


def want_failed(session: Session, pull_id: int, attempts: int) -> int:
    """Make those failed studies of a pull wanted that were tried less than `attempts` times.

    Returns:
        How many.
    """
    return _want(
        session, pull_id, PulledStudy.state == PulledStudyState.FAILED, PulledStudy.attempts < attempts
    )


def want_due(session: Session, pull_id: int) -> int:
    """Make a pull's failed studies wanted that are due, also those that its dates no longer reach.

    Returns:
        How many.
    """
    return _want(session, pull_id, PulledStudy.state == PulledStudyState.FAILED, PulledStudy.due_at <= now())


def want_unfinished(session: Session, pull_id: int) -> None:
    """Make wanted again what an earlier process left half fetched."""
    _want(session, pull_id, PulledStudy.state == PulledStudyState.FETCHING)


def count(session: Session, pull_id: int) -> Counts:
    """Return how far a pull is."""
    rows = session.execute(
        select(PulledStudy.state, func.count())
        .where(PulledStudy.pull_id == pull_id)
        .group_by(PulledStudy.state)
    )
    return Counts(**{str(state): number for state, number in rows})


def list_failed(session: Session, limit: int) -> list[FailedStudy]:
    """Return studies that did not come whole, the newest first."""
    query = select(PulledStudy).where(PulledStudy.state == PulledStudyState.FAILED)
    return [
        FailedStudy(row.peer, row.study_instance_uid, row.films, row.attempts, row.last_error, row.due_at)
        for row in session.scalars(query.order_by(PulledStudy.id.desc()).limit(limit))
    ]


def forget_failed(session: Session) -> int:
    """Forget studies that did not come whole; one that a peer still lists is found anew. Returns how many."""
    rows = session.scalars(
        select(PulledStudy)
        .where(PulledStudy.state == PulledStudyState.FAILED)
        .order_by(PulledStudy.id)
        .with_for_update()
    ).all()
    for row in rows:
        session.delete(row)
    return len(rows)


def _find(session: Session, peer: str, study_instance_uid: str) -> PulledStudy | None:
    return session.scalar(
        select(PulledStudy)
        .where(PulledStudy.peer == peer, PulledStudy.study_instance_uid == study_instance_uid)
        .with_for_update()
    )


def _add(session: Session, pull_id: int, peer: str, study: FoundStudy) -> PulledStudy:
    moment = now()
    row = PulledStudy(
        peer=peer,
        study_instance_uid=study.study_instance_uid,
        pull_id=pull_id,
        state=PulledStudyState.WANTED.value,
        instances_at_peer=study.instances,
        films=0,
        attempts=0,
        due_at=moment,
        found_at=moment,
    )
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError:  # another pull found it at the same moment
        other = _find(session, peer, study.study_instance_uid)
        if other is None:
            raise
        return other
    return row


def _judge(session: Session, row: PulledStudy, study: FoundStudy, pull_id: int, retry_failed: bool) -> Found:
    if row.state in (PulledStudyState.COMPLETE, PulledStudyState.UNWANTED) and not _has_grown(row, study):
        return Found.HERE
    if row.state == PulledStudyState.FAILED and not retry_failed and row.due_at > now():
        return Found.LEFT
    if row.state == PulledStudyState.FETCHING and _is_held(session, row):
        return Found.LEFT
    if row.state == PulledStudyState.FAILED and retry_failed:
        row.attempts = 0
    if row.state != PulledStudyState.WANTED:
        PULLED_STUDY.move(session, row, PulledStudyState.WANTED)
    row.pull_id = pull_id
    row.instances_at_peer = study.instances
    return Found.TO_FETCH


def _has_grown(row: PulledStudy, study: FoundStudy) -> bool:
    if study.instances is None:
        return row.ended_at is None or row.ended_at + LOOK_AGAIN_AFTER <= now()
    return study.instances != row.instances_at_peer


def _is_held(session: Session, row: PulledStudy) -> bool:
    """True while a pull that is alive fetches the study; it may be the same one, in the hands of another."""
    pull = session.get_one(Pull, row.pull_id)
    return pull.state == PullState.RUNNING and pull.due_at > now()


def _is_holder(session: Session, pull_id: int, holder: str) -> bool:
    pull = session.get(Pull, pull_id, populate_existing=True)
    return pull is not None and pull.state == PullState.RUNNING and pull.holder == holder


def _find_taken(session: Session, study: TakenStudy) -> PulledStudy | None:
    """Return a study's row, locked, as long as it is in the hands of who took it; else None."""
    row = session.get(PulledStudy, study.row_id, with_for_update=True)
    if row is None or row.state != PulledStudyState.FETCHING or row.pull_id != study.pull_id:
        return None
    # Looked at with the row locked: whoever takes the pull over waits for it in `want_unfinished`.
    return row if _is_holder(session, study.pull_id, study.holder) else None


def _want(session: Session, pull_id: int, *conditions: ColumnElement[bool]) -> int:
    """Make those studies of a pull wanted that meet the conditions; return how many."""
    rows = session.scalars(
        select(PulledStudy)
        .where(PulledStudy.pull_id == pull_id, *conditions)
        .order_by(PulledStudy.id)
        .with_for_update()
    ).all()
    PULLED_STUDY.move_all(session, rows, PulledStudyState.WANTED)
    return len(rows)
