"""Pulls: what is fetched from a peer that cannot route, and which process is at it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.clock import now
from db.pulls import pulled_studies
from db.states import PULL, PullState
from db.tables import Pull


@dataclass(frozen=True)
class Holder:
    """Who is at a pull, and how long its lease lasts."""

    name: str
    until: datetime


@dataclass(frozen=True)
class PullRow:
    """One line of `tbscreen pulls`. The numbers are studies whose newest pull this is."""

    name: str
    peer: str
    first_date: str
    last_date: str
    state: str
    holder: str | None
    started_at: datetime | None
    ended_at: datetime | None
    due_at: datetime
    last_error: str | None
    wanted: int
    fetching: int
    complete: int
    unwanted: int
    failed: int


def begin(
    session: Session,
    name: str,
    peer: str,
    dates: tuple[str, str],
    holder: str,
    lease: timedelta,
    *,
    only_if_due: bool = False,
) -> int | None:
    """Take a pull; what an earlier process left half fetched is wanted again.

    Args:
        session: for writing.
        name: which pull; made if it is new.
        peer: from whom.
        dates: first and last study date, YYYYMMDD.
        holder: who takes it.
        lease: for how long, unless renewed.
        only_if_due: a schedule's round is not begun before its time.

    Returns:
        Its id, or None when somebody else is at it or it is not due.
    """
    row = _open(session, name, peer, dates)
    moment = now()
    if row.due_at > moment and (only_if_due or row.state == PullState.RUNNING):
        return None
    PULL.move(  # the last error stands until this round ends
        session,
        row,
        PullState.RUNNING,
        peer=peer,
        first_date=dates[0],
        last_date=dates[1],
        holder=holder,
        due_at=moment + lease,
        started_at=moment,
        ended_at=None,
    )
    pulled_studies.want_unfinished(session, row.id)
    return row.id


def find_holder(session: Session, name: str) -> Holder | None:
    """Return who is at a pull, None when nobody is."""
    row = session.scalar(select(Pull).where(Pull.name == name, Pull.state == PullState.RUNNING))
    if row is None or row.holder is None or row.due_at <= now():
        return None
    return Holder(row.holder, row.due_at)


def renew(session: Session, pull_id: int, holder: str, lease: timedelta) -> bool:
    """Prolong a lease; False when somebody else has taken the pull."""
    row = session.get_one(Pull, pull_id, with_for_update=True)
    if row.holder != holder or row.state != PullState.RUNNING:
        return False
    row.due_at = now() + lease
    return True


def end(
    session: Session,
    pull_id: int,
    holder: str,
    *,
    complete: bool,
    pause: timedelta = timedelta(0),
    error: str | None = None,
) -> None:
    """Let go of a pull, unless somebody else has taken it; it is due again after `pause`."""
    row = session.get_one(Pull, pull_id, with_for_update=True)
    if row.holder != holder or row.state != PullState.RUNNING:
        return
    after = PullState.COMPLETE if complete else PullState.IDLE
    moment = now()
    PULL.move(session, row, after, due_at=moment + pause, ended_at=moment, last_error=error)


def list_pulls(session: Session, limit: int) -> list[PullRow]:
    """Return pulls, the one that was begun last first."""
    rows = session.scalars(select(Pull).order_by(Pull.started_at.desc(), Pull.id.desc()).limit(limit)).all()
    return [
        PullRow(
            row.name,
            row.peer,
            row.first_date,
            row.last_date,
            row.state,
            row.holder,
            row.started_at,
            row.ended_at,
            row.due_at,
            row.last_error,
            **asdict(pulled_studies.count(session, row.id)),
        )
        for row in rows
    ]


def _open(session: Session, name: str, peer: str, dates: tuple[str, str]) -> Pull:
    query = select(Pull).where(Pull.name == name).with_for_update()
    row = session.scalar(query)
    if row is None:
        row = Pull(
            name=name,
            peer=peer,
            first_date=dates[0],
            last_date=dates[1],
            state=PullState.IDLE.value,
            due_at=now(),
        )
        try:
            with session.begin_nested():
                session.add(row)
                session.flush()
        except IntegrityError:  # another process made it at the same moment
            return session.scalars(query).one()
    return row
