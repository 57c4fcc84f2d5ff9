"""Storage commitments of delivered reports (PS3.4 J): to be requested, sent again or parked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, or_, select
from sqlalchemy.orm import Session, contains_eager

from db.clock import now
from db.delivery import deliveries, delivery_events
from db.states import COMMITMENT, CommitmentState, DeliveryState, TransactionState
from db.tables import Commitment, CommitmentItem, Delivery

BATCH = 1000
"""Rows that a scheduled task changes in one transaction."""

# Questions of each second are made once: making one costs as much as running it.
_ITEMS: Final = select(Delivery.peer).join(CommitmentItem, CommitmentItem.delivery_id == Delivery.id)
_CONSEQUENCES: Final = (
    select(Commitment.peer)
    .where(Commitment.state == TransactionState.OPEN, Commitment.due_at <= bindparam("moment"))
    .limit(1),
    _ITEMS.where(CommitmentItem.state == CommitmentState.FAILED).limit(1),
    _ITEMS.where(
        CommitmentItem.state.in_((CommitmentState.WANTED, CommitmentState.ASKED)),
        or_(
            Delivery.peer.not_in(bindparam("peers", expanding=True)),
            CommitmentItem.wanted_at < bindparam("oldest"),
        ),
    ).limit(1),
)


def want(session: Session, delivery_id: int, delay: timedelta) -> None:
    """Request the commitment of a delivered report after `delay`; called with `deliveries.mark_delivered`.

    Nothing is requested for a delivery that was erased meanwhile.
    """
    if session.get(Delivery, delivery_id) is None:
        return
    moment = now()
    item = session.get(CommitmentItem, delivery_id, with_for_update=True)
    if item is None:
        session.add(
            CommitmentItem(
                delivery_id=delivery_id,
                state=CommitmentState.WANTED.value,
                due_at=moment + delay,
                wanted_at=moment,
            )
        )
    elif item.state != CommitmentState.COMMITTED:
        if item.state == CommitmentState.PARKED:
            move(session, [item], CommitmentState.WANTED)
        item.due_at = moment + delay
        item.wanted_at = moment
        item.requests = 0


def list_due_peers(session: Session) -> list[str]:
    """Return the peers for which a request is due."""
    return list(session.scalars(_DUE_PEERS, {"moment": now()}))


def has_consequences(session: Session, asked_peers: Collection[str], wanted_before: datetime) -> bool:
    """True when `lapse_overdue` of requests, `settle_failed` or `park_hopeless` has rows to change."""
    named = {"moment": now(), "peers": list(asked_peers), "oldest": wanted_before}
    return any(session.scalar(query, named) is not None for query in _CONSEQUENCES)


def settle_failed(
    session: Session, maximum_resends: int, delay: timedelta, hopeless: Collection[int]
) -> tuple[int, int]:
    """Send reports again that their peers do not have, or park their commitments.

    Args:
        session: for writing.
        maximum_resends: number of repeated deliveries after which a commitment is parked.
        delay: time until a report is sent again.
        hopeless: failure reasons that a repeated delivery does not remedy.

    Returns:
        The number of reports that are sent again, and of those that were parked.
    """
    items = session.scalars(
        lock_with_deliveries().where(CommitmentItem.state == CommitmentState.FAILED).limit(BATCH)
    ).all()
    resent: list[CommitmentItem] = []
    parked: list[CommitmentItem] = []
    for item in items:
        given_up = item.failure_reason in hopeless or item.resends >= maximum_resends
        (parked if given_up else resent).append(item)
    move(session, parked, CommitmentState.PARKED)
    move(session, resent, CommitmentState.WANTED)
    for item in resent:
        item.resends += 1
    delivered = [item.delivery for item in resent if item.delivery.state == DeliveryState.DELIVERED]
    deliveries.send_again(session, delivered, "the peer does not have it", delay)
    return len(resent), len(parked)


def park_hopeless(session: Session, asked_peers: Collection[str], wanted_before: datetime) -> int:
    """Park commitments that will not be given; return their number.

    Args:
        session: for writing.
        asked_peers: the peers that are asked for commitment; those of other peers are parked at once.
        wanted_before: commitments of reports that were delivered before this time are parked.
    """
    parked = 0
    waiting = (CommitmentState.WANTED, CommitmentState.ASKED)
    query = lock_with_deliveries().where(CommitmentItem.state.in_(waiting)).limit(BATCH)
    for condition, error in (
        (Delivery.peer.not_in(asked_peers), "this peer is no longer asked for commitment"),
        (CommitmentItem.wanted_at < wanted_before, "not committed in time"),
    ):
        for item in session.scalars(query.where(condition)).all():
            reason = f"{error}; {item.last_error}" if item.last_error else error
            move(session, [item], CommitmentState.PARKED, reason, last_error=reason)
            parked += 1
    return parked


def replay(session: Session, delivery_ids: Sequence[int] | None = None, *, by: str | None = None) -> int:
    """Request parked commitments again, all or those of the deliveries named; return their number.

    Args:
        session: for writing.
        delivery_ids: only the commitments of these deliveries.
        by: the person, for the history.
    """
    query = select(CommitmentItem).where(CommitmentItem.state == CommitmentState.PARKED).with_for_update()
    if delivery_ids is not None:
        query = query.where(CommitmentItem.delivery_id.in_(delivery_ids))
    items = session.scalars(query).all()
    moment = now()
    values = {"requests": 0, "resends": 0, "due_at": moment, "wanted_at": moment}
    move(session, items, CommitmentState.WANTED, delivery_events.describe_replay(by), **values)
    return len(items)


def void(session: Session, delivery_ids: Sequence[int], by: str) -> None:
    """Void commitments of peers that lost the reports: they are requested after the next delivery.

    Args:
        session: for writing.
        delivery_ids: deliveries that are sent again.
        by: the person, for the history.
    """
    given = CommitmentItem.delivery_id.in_(delivery_ids), CommitmentItem.state == CommitmentState.COMMITTED
    items = session.scalars(select(CommitmentItem).where(*given).with_for_update()).all()
    values = {"requests": 0, "resends": 0, "committed_at": None, "wanted_at": now()}
    move(session, items, CommitmentState.WANTED, delivery_events.describe_replay(by), **values)


def are_due(moment: datetime | BindParameter[datetime]) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for commitments whose request is due at `moment`."""
    return (
        CommitmentItem.state == CommitmentState.WANTED,
        CommitmentItem.due_at <= moment,
        Delivery.state == DeliveryState.DELIVERED,
    )


_DUE_PEERS: Final = _ITEMS.where(*are_due(bindparam("moment"))).distinct()


def lock_with_deliveries() -> Select[CommitmentItem]:
    """Return a query that locks commitments and their deliveries in the order that all transactions use."""
    return (
        select(CommitmentItem)
        .join(Delivery, Delivery.id == CommitmentItem.delivery_id)
        .options(contains_eager(CommitmentItem.delivery))
        .order_by(CommitmentItem.delivery_id)
        .with_for_update(of=(CommitmentItem, Delivery))
    )


def move(
    session: Session,
    items: Sequence[CommitmentItem],
    after: CommitmentState,
    detail: str | None = None,
    **values: Any,
) -> None:
    """Move locked commitments, see `StateMachine.move_all`, and record it in their deliveries' history."""
    COMMITMENT.move_all(session, items, after, **values)
    for item in items:
        delivery_events.record(session, item.delivery_id, f"commitment {after.value}", detail)
