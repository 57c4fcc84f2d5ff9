"""The files that gateways hold in their spools, and those that may be deleted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from db.canary import canaries
from db.states import CommitmentState, DeliveryState, FilmState
from db.tables import CommitmentItem, Delivery, Instance, OutboxEntry, ReportObject, Screening


@dataclass(frozen=True)
class SpooledFilm:
    """A film that is done and whose file is still in the spool."""

    instance_id: int
    spool_path: str
    byte_size: int


def list_done(session: Session, gateway: str, before: datetime, limit: int) -> list[SpooledFilm]:
    """Return films of `gateway` whose file is no longer needed, oldest first.

    A refused film is done. A screened film is done when its screening has left the outbox, no delivery of its
    report is pending and every commitment that was asked for is given (`commitments`). Parked reports,
    deliveries and commitments do not count: what they need is in the database.

    Args:
        session: for reading.
        gateway: the gateway with the spool.
        before: only films that reached their state before this time.
        limit: largest number of films.
    """
    waiting = exists().where(OutboxEntry.screening_id == Screening.id, OutboxEntry.parked_at.is_(None))
    on_its_way = exists().where(
        ReportObject.screening_id == Screening.id,
        Delivery.sop_instance_uid == ReportObject.sop_instance_uid,
        Delivery.state == DeliveryState.PENDING,
    )
    uncommitted = exists().where(
        ReportObject.screening_id == Screening.id,
        Delivery.sop_instance_uid == ReportObject.sop_instance_uid,
        Delivery.state == DeliveryState.DELIVERED,
        CommitmentItem.delivery_id == Delivery.id,
        CommitmentItem.state.in_([CommitmentState.WANTED, CommitmentState.ASKED, CommitmentState.FAILED]),
    )
    rows = session.execute(
        select(Instance.id, Instance.spool_path, Instance.byte_size)
        .outerjoin(Screening, Screening.instance_id == Instance.id)
        .where(
            Instance.gateway == gateway,
            Instance.spool_path.is_not(None),
            Instance.state.in_([FilmState.REFUSED, FilmState.SCREENED]),
            Instance.state_changed_at < before,
            ~waiting,
            ~on_its_way,
            ~uncommitted,
        )
        .order_by(Instance.state_changed_at)
        .limit(limit)
    )
    return [SpooledFilm(row.id, row.spool_path, row.byte_size) for row in rows if row.spool_path]


def count_spooled_bytes(session: Session, gateway: str) -> int:
    """Return the bytes in the spool of `gateway`."""
    query = select(func.sum(Instance.byte_size)).where(
        Instance.gateway == gateway, Instance.spool_path.is_not(None)
    )
    return int(session.scalar(query) or 0)


def forget_file(session: Session, instance_id: int) -> None:
    """Record that a film's file is no longer in the spool."""
    session.get_one(Instance, instance_id, with_for_update=True).spool_path = None


def find_known(session: Session, spool_paths: Collection[str]) -> set[str]:
    """Return those of these files that a film or a canary film names, under any gateway's name."""
    rows = session.scalars(select(Instance.spool_path).where(Instance.spool_path.in_(spool_paths)))
    return {path for path in rows if path} | canaries.find_known(session, spool_paths)
