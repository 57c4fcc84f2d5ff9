"""Deliveries of reports to peers: leased, sent, retried, parked, replayed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, bindparam, or_, select
from sqlalchemy.orm import Session, joinedload

from db.clock import now
from db.database import is_sqlite
from db.delivery import delivery_events, report_objects
from db.entries import make_entry
from db.notices import notice_events
from db.states import DELIVERY, CommitmentState, DeliveryState
from db.tables import CommitmentItem, Delivery, ReportObject
from domain.codes import ReportKind

# Statements of each film are made once: making one costs as much as running it.
_PENDING: Final = (Delivery.state == DeliveryState.PENDING, Delivery.due_at <= bindparam("moment"))
_IS_DUE: Final = select(Delivery.id).where(*_PENDING, Delivery.peer == bindparam("peer")).limit(1)
_WAITING: Final = (
    select(Delivery)
    .where(*_PENDING)
    .order_by(Delivery.due_at, Delivery.id)
    .limit(bindparam("most"))
    .options(joinedload(Delivery.report, innerjoin=True))
    .with_for_update(skip_locked=True, of=Delivery)
)
_SENT: Final = (
    select(Delivery)
    .where(Delivery.id.in_(bindparam("numbers", expanding=True)))
    .order_by(Delivery.id)
    .with_for_update()
)
_DUE: Final = {False: _WAITING, True: _WAITING.where(Delivery.peer == bindparam("peer"))}
"""The query of `lease_due`, by whether it takes only those for one peer."""


@dataclass(frozen=True)
class DueDelivery:
    """A report to send now."""

    delivery_id: int
    peer: str
    sop_instance_uid: str
    sop_class_uid: str
    attempts: int
    """Number of attempts, with the present one."""
    part10: bytes
    film_sop_instance_uid: str
    """The film of the report."""

    @property
    def number(self) -> int:
        """The delivery, as the loop that sends it names it."""
        return self.delivery_id

    @property
    def receiver(self) -> str:
        """The peer, likewise."""
        return self.peer


@dataclass(frozen=True)
class DeliveryRow:
    """One line of `tbscreen deliveries`."""

    delivery_id: int
    peer: str
    state: str
    attempts: int
    sop_instance_uid: str
    kind: str
    created_at: datetime
    due_at: datetime
    delivered_at: datetime | None
    last_error: str | None
    commitment: str | None = None
    """State of its storage commitment, None where the peer is not asked for one."""


def list_due_peers(session: Session, peers: Sequence[str]) -> list[str]:
    """Return those of `peers` for which a report is due, by one index lookup each."""
    moment = now()
    return [name for name in peers if session.scalar(_IS_DUE, {"moment": moment, "peer": name}) is not None]


def list_other_due_peers(session: Session, peers: Collection[str]) -> list[str]:
    """Return the peers outside `peers` for which a report is due."""
    due = select(Delivery.peer).where(Delivery.state == DeliveryState.PENDING, Delivery.due_at <= now())
    return list(session.scalars(due.where(Delivery.peer.not_in(peers)).distinct()))


def lease_due(session: Session, lease: timedelta, limit: int, peer: str | None = None) -> list[DueDelivery]:
    """Take up to `limit` reports that are due, oldest first; a lease that ends makes them due again.

    Args:
        session: for writing.
        lease: duration of the lease.
        limit: largest number of reports.
        peer: only reports for this peer.
    """
    moment = now()
    named = {"moment": moment, "most": limit} | ({} if peer is None else {"peer": peer})
    rows = session.scalars(_DUE[peer is not None], named).all()
    films = report_objects.find_films(session, [row.sop_instance_uid for row in rows]) if rows else {}
    leased = []
    for row in rows:
        row.due_at = moment + lease
        row.attempts += 1
        leased.append(
            DueDelivery(
                row.id,
                row.peer,
                row.sop_instance_uid,
                row.report.sop_class_uid,
                row.attempts,
                row.report.part10,
                films[row.sop_instance_uid],
            )
        )
    return leased


def is_stored(session: Session, leased: DueDelivery) -> bool:
    """True unless a leased delivery was erased: SQLite gives its number to the next one."""
    uid = select(Delivery.sop_instance_uid).where(Delivery.id == leased.delivery_id)
    return not is_sqlite(session) or session.scalar(uid) == leased.sop_instance_uid


def mark_delivered(session: Session, *delivery_ids: int) -> None:
    """Record that the peer has the objects of these deliveries; one that was erased meanwhile is left out."""
    rows = session.scalars(_SENT, {"numbers": delivery_ids}).all()
    sent = [row for row in rows if row.state != DeliveryState.DELIVERED]
    if sent:
        _move(session, sent, DeliveryState.DELIVERED, delivered_at=now(), last_error=None)


def hand_back(session: Session, delivery_ids: Sequence[int]) -> None:
    """Make leased deliveries that were not tried due again, without counting an attempt."""
    query = select(Delivery).where(Delivery.id.in_(delivery_ids), Delivery.state == DeliveryState.PENDING)
    for row in session.scalars(query.order_by(Delivery.id).with_for_update()):
        row.due_at = now()
        row.attempts = max(row.attempts - 1, 0)


def retry_later(session: Session, delivery_id: int, delay: timedelta, error: str) -> None:
    """Record a transient failure and make the delivery due again after `delay`, if it was not erased."""
    row = session.get(Delivery, delivery_id, with_for_update=True)
    if row is not None and row.state == DeliveryState.PENDING:
        row.due_at = now() + delay
        row.last_error = error
        delivery_events.record(session, delivery_id, delivery_events.POSTPONED, error)


def park(session: Session, delivery_id: int, error: str) -> None:
    """Record a permanent failure; the delivery is not sent again until it is replayed. It may be erased."""
    row = session.get(Delivery, delivery_id, with_for_update=True)
    if row is not None and row.state == DeliveryState.PENDING:
        _move(session, [row], DeliveryState.PARKED, error, last_error=error)
        notice_events.record_parked(session, "peer", row.peer)


def replay(
    session: Session,
    delivery_ids: Sequence[int] | None = None,
    *,
    delivered: bool = False,
    by: str | None = None,
) -> int:
    """Make parked deliveries due now, all of them or those named; return their number.

    Args:
        session: for writing.
        delivery_ids: only these deliveries.
        delivered: replay delivered ones too, for a peer that lost them.
        by: the person, for the history.
    """
    states = [DeliveryState.PARKED, *([DeliveryState.DELIVERED] if delivered else [])]
    query = select(Delivery).where(Delivery.state.in_(states)).with_for_update()
    if delivery_ids is not None:
        query = query.where(Delivery.id.in_(delivery_ids))
    rows = session.scalars(query).all()
    send_again(session, rows, delivery_events.describe_replay(by))
    return len(rows)


def send_again(
    session: Session, rows: Sequence[Delivery], reason: str, delay: timedelta = timedelta(0)
) -> None:
    """Make locked deliveries that had ended due after `delay`, with no attempts counted."""
    _move(session, rows, DeliveryState.PENDING, reason, attempts=0, due_at=now() + delay)


def list_replayable(
    session: Session,
    *,
    delivered: bool,
    peer: str | None = None,
    kind: ReportKind | None = None,
    since: datetime | None = None,
) -> list[int]:
    """Return the deliveries that `replay` or `db.delivery.commitments.replay` would replay, oldest first.

    Args:
        session: for reading.
        delivered: include delivered ones.
        peer: only deliveries to this peer.
        kind: only objects of this kind.
        since: only deliveries made at this time or later.
    """
    states = [DeliveryState.PARKED, *([DeliveryState.DELIVERED] if delivered else [])]
    query = (
        select(Delivery.id)
        .join(ReportObject)
        .outerjoin(CommitmentItem, CommitmentItem.delivery_id == Delivery.id)
        .where(or_(Delivery.state.in_(states), CommitmentItem.state == CommitmentState.PARKED))
        .order_by(Delivery.id)
    )
    return list(session.scalars(_narrow(query, peer, kind, since)))


def list_deliveries(
    session: Session,
    state: DeliveryState | None,
    limit: int,
    *,
    peer: str | None = None,
    kind: ReportKind | None = None,
    since: datetime | None = None,
    before: int | None = None,
) -> list[DeliveryRow]:
    """Return deliveries, newest first.

    Args:
        session: for reading.
        state: only deliveries in this state; None for any.
        limit: largest number of deliveries.
        peer: only deliveries to this peer.
        kind: only objects of this kind.
        since: only deliveries made at this time or later.
        before: only deliveries with a smaller number: the following page.
    """
    query = _select_rows().order_by(Delivery.id.desc()).limit(limit)
    if state is not None:
        query = query.where(Delivery.state == state)
    if before is not None:
        query = query.where(Delivery.id < before)
    return [_describe(*found) for found in session.execute(_narrow(query, peer, kind, since)).tuples()]


def _narrow(query: Any, peer: str | None, kind: ReportKind | None, since: datetime | None) -> Any:
    if peer is not None:
        query = query.where(Delivery.peer == peer)
    if kind is not None:
        query = query.where(ReportObject.kind == kind)
    if since is not None:
        query = query.where(Delivery.created_at >= since)
    return query


def find_delivery(session: Session, delivery_id: int) -> DeliveryRow | None:
    """Return the delivery with this number, or None."""
    found = session.execute(_select_rows().where(Delivery.id == delivery_id)).tuples().first()
    return None if found is None else _describe(*found)


def _select_rows() -> Select[Delivery, str, str]:
    return (
        select(Delivery, ReportObject.kind, CommitmentItem.state)
        .join(ReportObject)
        .outerjoin(CommitmentItem, CommitmentItem.delivery_id == Delivery.id)
    )


def _describe(row: Delivery, kind: str, commitment: str | None) -> DeliveryRow:
    return make_entry(DeliveryRow, row, delivery_id=row.id, kind=kind, commitment=commitment)


def _move(
    session: Session, rows: Sequence[Delivery], after: DeliveryState, detail: str | None = None, **values: Any
) -> None:
    DELIVERY.move_all(session, rows, after, **values)
    for row in rows:
        delivery_events.record(session, row.id, after.value, detail)
