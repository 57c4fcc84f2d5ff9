"""The backlog: lengths and ages of all queues, for monitoring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from db.backup import backup_log
from db.clock import now
from db.counts import late_films
from db.delivery import unbuilt_reports
from db.patients import conflicts
from db.states import CommitmentState, DeliveryState, FilmState, PulledStudyState
from db.tables import (
    CommitmentItem,
    Delivery,
    Hl7Message,
    Hl7OutboxEntry,
    Model,
    NoticeRow,
    OutboxEntry,
    Pull,
    PulledStudy,
    RefusalOutboxEntry,
)

UNDELIVERED: Final = (DeliveryState.PENDING.value, DeliveryState.PARKED.value)
UNCOMMITTED: Final = tuple(state.value for state in CommitmentState if state is not CommitmentState.COMMITTED)
PULL_ABANDONED: Final = timedelta(days=2)
"""Delay of a round after which no gateway runs its schedule any more; its hours delay it by a day at most."""
UNPULLED: Final = (PulledStudyState.WANTED.value, PulledStudyState.FAILED.value)


@dataclass(frozen=True)
class Queue:
    """Number of waiting rows, and the time of the oldest."""

    count: int
    oldest: datetime | None


@dataclass(frozen=True)
class PeerQueue:
    """Deliveries of one peer, or messages or notices of one receiver, in one state."""

    peer: str
    state: str
    count: int
    oldest: datetime


@dataclass(frozen=True)
class PullBacklog:
    """A schedule that pulls films from a PACS."""

    name: str
    failing: bool
    """True when its last round ended with an error, unless no gateway runs the schedule any more."""
    studies: Mapping[str, int]
    """Studies by state: wanted or failed."""


@dataclass(frozen=True)
class Backlog:
    """The backlog of the whole installation."""

    films: Mapping[str, Queue]
    """Films by state: received or queued; screened or refused and not reported."""
    reports: int
    """Results and refusals from which the courier has yet to build objects."""
    parked_reports: int
    """Results and refusals whose objects could not be built."""
    deliveries: Sequence[PeerQueue]
    untold: int
    """Films of which HL7 receivers are to be told, parked ones apart."""
    messages: Sequence[PeerQueue]
    """HL7 messages by receiver."""
    notices: Sequence[PeerQueue]
    """Notices by receiver."""
    commitments: Mapping[str, int]
    """Commitments by state, without those that are given."""
    conflicts: Mapping[str, int]
    """Open conflicts by notice: conflict or proposed_merge."""
    pulls: Sequence[PullBacklog]
    newest_backup: datetime | None
    """Time of the newest state that a backup holds."""
    active_model: tuple[str, str, str] | None
    """Name, version, digest."""


def measure(session: Session) -> Backlog:
    """Count all waiting rows, by indexes that skip the finished ones."""
    films: list[Row[str, int, datetime]] = []
    for query, _ in late_films.list_unfinished():
        film = query.subquery().c
        films += session.execute(
            select(film.state, func.count(), func.min(film.since)).group_by(film.state)
        ).all()
    reports = sum(
        session.scalar(select(func.count()).select_from(table).where(table.parked_at.is_(None))) or 0
        for table in (OutboxEntry, RefusalOutboxEntry)
    )
    waiting = select(func.count()).select_from(Hl7OutboxEntry).where(Hl7OutboxEntry.parked_at.is_(None))
    untold = session.scalar(waiting) or 0
    deliveries = session.execute(
        select(Delivery.peer, Delivery.state, func.count(), func.min(Delivery.created_at))
        .where(Delivery.state.in_(UNDELIVERED))
        .group_by(Delivery.peer, Delivery.state)
        .order_by(Delivery.peer, Delivery.state)
    ).all()
    commitments = session.execute(
        select(CommitmentItem.state, func.count())
        .where(CommitmentItem.state.in_(UNCOMMITTED))
        .group_by(CommitmentItem.state)
    ).all()
    model = session.execute(select(Model.name, Model.version, Model.digest).where(Model.active)).first()
    counted = {state: Queue(count, oldest) for state, count, oldest in films}
    return Backlog(
        films={state.value: counted.get(state, Queue(0, None)) for state in FilmState},
        reports=reports,
        parked_reports=unbuilt_reports.count_parked(session),
        deliveries=[PeerQueue(*row) for row in deliveries],
        untold=untold,
        messages=_measure_rows(session, Hl7Message),
        notices=_measure_rows(session, NoticeRow),
        commitments={str(state): int(count) for state, count in commitments},
        conflicts=conflicts.count_open(session),
        pulls=_measure_pulls(session),
        newest_backup=backup_log.find_newest(session),
        active_model=None if model is None else (model.name, model.version, model.digest),
    )


def _measure_rows(session: Session, table: type[Hl7Message | NoticeRow]) -> list[PeerQueue]:
    rows = session.execute(
        select(table.receiver, table.state, func.count(), func.min(table.created_at))
        .where(table.state.in_(UNDELIVERED))
        .group_by(table.receiver, table.state)
        .order_by(table.receiver, table.state)
    ).all()
    return [PeerQueue(*row) for row in rows]


def _measure_pulls(session: Session) -> list[PullBacklog]:
    """Count the pulls of schedules; those of commands, whose names hold a space, are left out."""
    pulls = session.execute(
        select(Pull.id, Pull.name, Pull.last_error, Pull.due_at)
        .where(~Pull.name.contains(" "))
        .order_by(Pull.name)
    ).all()
    counted = session.execute(
        select(PulledStudy.pull_id, PulledStudy.state, func.count())
        .where(PulledStudy.pull_id.in_([row.id for row in pulls]), PulledStudy.state.in_(UNPULLED))
        .group_by(PulledStudy.pull_id, PulledStudy.state)
    ).all()
    abandoned = now() - PULL_ABANDONED
    numbers = {(pull_id, state): count for pull_id, state, count in counted}
    return [
        PullBacklog(
            row.name,
            row.last_error is not None and row.due_at > abandoned,
            {state: numbers.get((row.id, state), 0) for state in UNPULLED},
        )
        for row in pulls
    ]
