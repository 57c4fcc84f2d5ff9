"""Films that do not end: older than a limit in any state before their report is on its way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.clock import now
from db.states import FilmState
from db.tables import Instance, OutboxEntry, RefusalOutboxEntry, Screening
from domain.film_key import film_key

LATE: Final = timedelta(minutes=30)
"""Age from which a film is late, as in the alert TbscreenFilmsStuck."""

WAITING: Final = (FilmState.RECEIVED.value, FilmState.QUEUED.value)


@dataclass(frozen=True)
class LateFilm:
    """One film that is late."""

    film_key: str
    """SHA-256 of its SOP Instance UID, hexadecimal."""
    state: str
    """The film's; a screened or refused film waits for its report."""
    since: datetime


@dataclass(frozen=True)
class LateFilms:
    """The films that are late."""

    count: int
    oldest: list[LateFilm]


def find_late(session: Session, limit: int, age: timedelta = LATE) -> LateFilms:
    """Return the number of late films, and the oldest of them.

    Args:
        session: for reading.
        limit: most films to return.
        age: from which a film is late.
    """
    count, oldest = 0, []
    for query, since in list_unfinished():
        late = query.where(since < now() - age)
        count += session.scalar(select(func.count()).select_from(late.subquery())) or 0
        rows = session.execute(late.order_by(since).limit(limit))
        oldest += [LateFilm(film_key(row.sop_instance_uid), row.state, row.since) for row in rows]
    return LateFilms(count, sorted(oldest, key=lambda film: film.since)[:limit])


def list_unfinished() -> Iterator[tuple[Select[str, str, datetime], InstrumentedAttribute[datetime]]]:
    """Yield a query of the films that wait for their result, and of those that wait for their report.

    Each comes with the column of the time since which its films wait. Parked reports wait for a person and
    are left out.
    """
    columns = (Instance.sop_instance_uid, Instance.state)
    # Literal values: SQLite uses the partial index of waiting films only when it sees the states.
    waiting = Instance.state.in_(bindparam("waiting", WAITING, expanding=True, literal_execute=True))
    received = Instance.received_at
    yield select(*columns, received.label("since")).where(waiting), received
    screened = Screening.finished_at
    yield (
        select(*columns, screened.label("since"))
        .select_from(OutboxEntry)
        .join(Screening, Screening.id == OutboxEntry.screening_id)
        .join(Instance, Instance.id == Screening.instance_id)
        .where(OutboxEntry.parked_at.is_(None)),
        screened,
    )
    refused = Instance.state_changed_at
    yield (
        select(*columns, refused.label("since"))
        .select_from(RefusalOutboxEntry)
        .join(Instance, Instance.id == RefusalOutboxEntry.instance_id)
        .where(RefusalOutboxEntry.parked_at.is_(None)),
        refused,
    )
