"""The studies that a peer lists: recorded once per peer, and chosen to be fetched or left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.clock import now
from db.states import PULLED_STUDY, PulledStudyState, PullState
from db.tables import Pull, PulledStudy

LOOK_AGAIN_AFTER: Final = timedelta(hours=1)
"""Time after which a study is fetched again whose number of instances the peer does not give."""


@dataclass(frozen=True)
class ListedStudy:
    """A study that a peer lists."""

    study_instance_uid: str
    instances: int | None = None
    """Number of Study Related Instances (0020,1208), where the peer gives it."""


class FetchDecision(Enum):
    """A pull's decision on a study that a peer lists."""

    TO_FETCH = auto()
    HERE = auto()
    """Complete or unwanted, and unchanged."""
    LEFT = auto()
    """Another process fetches it, or it failed and is not due yet."""


def record_listed(
    session: Session, pull_id: int, studies: Sequence[ListedStudy], *, retry_failed: bool
) -> dict[FetchDecision, int]:
    """Record the studies that a peer lists, each once per peer, whichever pull finds it.

    Args:
        session: for writing.
        pull_id: the pull that found them.
        studies: without repetition.
        retry_failed: fetch also studies that failed and are not due yet.

    Returns:
        The number of studies of each decision.
    """
    peer = session.get_one(Pull, pull_id).peer
    counts = dict.fromkeys(FetchDecision, 0)
    # In one order, so that two pulls that find the same studies cannot deadlock.
    for study in sorted(studies, key=lambda study: study.study_instance_uid):
        row = _find(session, peer, study.study_instance_uid) or _add(session, pull_id, peer, study)
        counts[_decide(session, row, study, pull_id, retry_failed)] += 1
    return counts


def _find(session: Session, peer: str, study_instance_uid: str) -> PulledStudy | None:
    return session.scalar(
        select(PulledStudy)
        .where(PulledStudy.peer == peer, PulledStudy.study_instance_uid == study_instance_uid)
        .with_for_update()
    )


def _add(session: Session, pull_id: int, peer: str, study: ListedStudy) -> PulledStudy:
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


def _decide(
    session: Session, row: PulledStudy, study: ListedStudy, pull_id: int, retry_failed: bool
) -> FetchDecision:
    if row.state in (PulledStudyState.COMPLETE, PulledStudyState.UNWANTED) and not _has_grown(row, study):
        return FetchDecision.HERE
    if row.state == PulledStudyState.FAILED and not retry_failed and row.due_at > now():
        return FetchDecision.LEFT
    if row.state == PulledStudyState.FETCHING and _is_held(session, row):
        return FetchDecision.LEFT
    if row.state == PulledStudyState.FAILED and retry_failed:
        row.attempts = 0
    if row.state != PulledStudyState.WANTED:
        PULLED_STUDY.move(session, row, PulledStudyState.WANTED)
    row.pull_id = pull_id
    row.instances_at_peer = study.instances
    return FetchDecision.TO_FETCH


def _has_grown(row: PulledStudy, study: ListedStudy) -> bool:
    if study.instances is None:
        return row.ended_at is None or row.ended_at + LOOK_AGAIN_AFTER <= now()
    return study.instances != row.instances_at_peer


def _is_held(session: Session, row: PulledStudy) -> bool:
    """True while a running pull fetches the study; it may be this pull, held by another process."""
    pull = session.get_one(Pull, row.pull_id)
    return pull.state == PullState.RUNNING and pull.due_at > now()
