"""Pulls of studies from a peer that cannot route, and the process that works on each."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.clock import now
from db.entries import make_entry
from db.pulls import pulled_studies
from db.states import PULL, PullState
from db.tables import Pull


@dataclass(frozen=True)
class Holder:
    """The process that works on a pull, and the end of its lease."""

    name: str
    until: datetime


@dataclass(frozen=True)
class PullRow:
    """One line of `tbscreen pulls`. The counts are studies that this pull found last."""

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
    """Start or resume a pull; studies that an earlier process left unfinished are wanted again.

    Args:
        session: for writing.
        name: name of the pull; a row is made for a new one.
        peer: name of the peer.
        dates: first and last study date, YYYYMMDD.
        holder: name of the process.
        lease: duration of the lease, unless renewed.
        only_if_due: do not start a schedule's round before its time.

    Returns:
        Its row, or None when another process works on it or it is not due.
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
    """Return the process that works on a pull, or None."""
    row = session.scalar(select(Pull).where(Pull.name == name, Pull.state == PullState.RUNNING))
    if row is None or row.holder is None or row.due_at <= now():
        return None
    return Holder(row.holder, row.due_at)


def renew(session: Session, pull_id: int, holder: str, lease: timedelta) -> bool:
    """Prolong a lease; return False when another process has taken the pull."""
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
    """End the work on a pull, unless another process has taken it; it is due again after `pause`."""
    row = session.get_one(Pull, pull_id, with_for_update=True)
    if row.holder != holder or row.state != PullState.RUNNING:
        return
    after = PullState.COMPLETE if complete else PullState.IDLE
    moment = now()
    PULL.move(session, row, after, due_at=moment + pause, ended_at=moment, last_error=error)


def list_pulls(session: Session, limit: int) -> list[PullRow]:
    """Return pulls, the last started first."""
    rows = session.scalars(select(Pull).order_by(Pull.started_at.desc(), Pull.id.desc()).limit(limit)).all()
    return [make_entry(PullRow, row, **asdict(pulled_studies.count(session, row.id))) for row in rows]


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
