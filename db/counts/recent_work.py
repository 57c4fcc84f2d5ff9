"""The newest work by station and by worker: who sends, who screens, and since when not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.tables import Instance, Screening

NEWEST_FILMS: Final = 20_000
"""Films that are looked at, newest first, so that a query costs the same however many there are."""
NEWEST_RESULTS: Final = 2_000


@dataclass(frozen=True)
class StationWork:
    """The films of one station and sender."""

    station: str | None
    sender: str
    """AE title, or the label of a token."""
    films: int
    """Of the newest `NEWEST_FILMS`."""
    newest_at: datetime


@dataclass(frozen=True)
class WorkerWork:
    """The results of one worker process."""

    worker: str
    results: int
    """Of the newest `NEWEST_RESULTS`."""
    newest_at: datetime


def list_stations(session: Session) -> Sequence[StationWork]:
    """Return the stations and senders of the newest films, the longest silent first."""
    newest = (
        select(Instance.station_name, Instance.calling_ae_title, Instance.received_at)
        .order_by(Instance.received_at.desc())
        .limit(NEWEST_FILMS)
        .subquery()
        .c
    )
    last = func.max(newest.received_at)
    rows = session.execute(
        select(newest.station_name, newest.calling_ae_title, func.count(), last)
        .group_by(newest.station_name, newest.calling_ae_title)
        .order_by(last)
    )
    return [StationWork(*row) for row in rows]


def list_workers(session: Session) -> Sequence[WorkerWork]:
    """Return the workers of the newest results, the longest silent first."""
    newest = (
        select(Screening.worker, Screening.finished_at)
        .order_by(Screening.id.desc())
        .limit(NEWEST_RESULTS)
        .subquery()
        .c
    )
    last = func.max(newest.finished_at)
    rows = session.execute(select(newest.worker, func.count(), last).group_by(newest.worker).order_by(last))
    return [WorkerWork(*row) for row in rows]
