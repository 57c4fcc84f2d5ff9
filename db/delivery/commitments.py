"""Peers are asked to answer for what was delivered (PS3.4 J): requests, answers, what is sent again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session, contains_eager

from db.clock import now
from db.delivery import delivery_events, report_objects
from db.states import (
    CommitmentState,
    DeliveryState,
    TransactionState,
    check_commitment_transition,
    check_delivery_transition,
    check_transaction_transition,
)
from db.tables import Commitment, CommitmentItem, Delivery, ReportObject

BATCH = 1000
"""Rows looked at in one transaction by what runs on a schedule."""


@dataclass(frozen=True)
class AskedReport:
    """A report that a request names."""

    sop_class_uid: str
    sop_instance_uid: str
    film_sop_instance_uid: str
    """The film that it is about."""


@dataclass(frozen=True)
class AnsweredReport:
    """A report that an answer moved."""

    sop_instance_uid: str
    film_sop_instance_uid: str
    failure_reason: int | None
    """Failure Reason (0008,1197); None for one that the peer answers for."""


@dataclass(frozen=True)
class Answer:
    """What became of a peer's report on one request."""

    peer: str
    first: bool
    """False when the peer had reported on it before: nothing was changed."""
    reports: Sequence[AnsweredReport] = ()
    requested_at: datetime | None = None

    @property
    def committed(self) -> int:
        """How many the peer now answers for."""
        return sum(report.failure_reason is None for report in self.reports)

    @property
    def failed(self) -> int:
        """How many it says that it does not have."""
        return len(self.reports) - self.committed


def want(session: Session, delivery_id: int, delay: timedelta) -> None:
    """Let a delivered report be asked for after `delay`; goes with `deliveries.mark_delivered`."""
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
            _move(session, item, CommitmentState.WANTED)
        item.due_at = moment + delay
        item.wanted_at = moment
        item.requests = 0


def list_due_peers(session: Session) -> list[str]:
    """Return the peers that are to be asked now."""
    query = select(Delivery.peer).join(CommitmentItem, CommitmentItem.delivery_id == Delivery.id)
    return list(session.scalars(query.where(*_due(now())).distinct()))


def begin(
    session: Session, peer: str, transaction_uid: str, answer_within: timedelta, limit: int
) -> list[AskedReport]:
    """Open a request for up to `limit` reports that one peer is to be asked for, oldest first.

    Commit before asking: the answer may come, on an association of its own, before the request returns.

    Returns:
        What to ask for; empty when nothing is due, and then there is no request.
    """
    moment = now()
    items = session.scalars(
        select(CommitmentItem)
        .join(Delivery, Delivery.id == CommitmentItem.delivery_id)
        .where(Delivery.peer == peer, *_due(moment))
        .order_by(CommitmentItem.due_at, CommitmentItem.delivery_id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=CommitmentItem)
    ).all()
    if not items:
        return []
    session.add(
        Commitment(
            transaction_uid=transaction_uid,
            peer=peer,
            state=TransactionState.OPEN.value,
            requested_at=moment,
            due_at=moment + answer_within,
        )
    )
    session.flush()
    for item in items:
        _move(session, item, CommitmentState.ASKED, f"request {transaction_uid}")
        item.transaction_uid = transaction_uid
    named = [item.delivery_id for item in items]
    rows = session.execute(
        select(ReportObject.sop_class_uid, ReportObject.sop_instance_uid)
        .join(Delivery, Delivery.sop_instance_uid == ReportObject.sop_instance_uid)
        .where(Delivery.id.in_(named))
    ).all()
    films = report_objects.find_films(session, [row.sop_instance_uid for row in rows])
    return [AskedReport(*row, films[row.sop_instance_uid]) for row in rows]


def ask_again(
    session: Session, transaction_uid: str, delay: timedelta, error: str, maximum_requests: int | None = None
) -> None:
    """The peer did not take a request, or did not answer it: its reports are asked for anew, or parked.

    Args:
        session: for writing.
        transaction_uid: the request; nothing happens to one that is not open.
        delay: until the next request.
        error: why.
        maximum_requests: count this one, and park what was asked for so often. None does not count it: the
            peer was not there to be asked.
    """
    commitment = session.get(Commitment, transaction_uid, with_for_update=True)
    if commitment is None or commitment.state != TransactionState.OPEN:
        return
    _close(commitment, TransactionState.LAPSED, error)
    for item in _lock_asked(session, transaction_uid):
        item.last_error = error
        item.due_at = now() + delay
        item.requests += maximum_requests is not None
        given_up = maximum_requests is not None and item.requests >= maximum_requests
        _move(session, item, CommitmentState.PARKED if given_up else CommitmentState.WANTED, error)


def give_up(session: Session, transaction_uid: str, error: str) -> None:
    """The peer refuses the request for good: its reports are parked."""
    ask_again(session, transaction_uid, timedelta(0), error, maximum_requests=0)


def record_answer(
    session: Session, transaction_uid: str, committed: Collection[str], failed: Mapping[str, int]
) -> Answer | None:
    """Note a peer's report (PS3.4 J.3.3) on one request. The same report twice changes nothing.

    Args:
        session: for writing.
        transaction_uid: the request.
        committed: SOP Instance UIDs that the peer answers for.
        failed: SOP Instance UIDs that it does not answer for, each with its Failure Reason (0008,1197).

    Returns:
        What was noted; None for a request that is not ours.
    """
    commitment = session.get(Commitment, transaction_uid, with_for_update=True)
    if commitment is None:
        return None
    if commitment.state == TransactionState.ANSWERED:
        return Answer(commitment.peer, first=False)
    commitment.answered_at = now()
    _close(commitment, TransactionState.ANSWERED, None)
    moved: dict[str, int | None] = {}
    for item in _lock_named(session, commitment.peer, [*committed, *failed]):
        ours = item.state == CommitmentState.ASKED and item.transaction_uid == transaction_uid
        uid = item.delivery.sop_instance_uid
        if uid in failed:
            # The failure of a request that was given up is old news: a newer one is on its way.
            if ours:
                item.failure_reason = failed[uid]
                item.last_error = f"the peer does not answer for it (failure reason 0x{failed[uid]:04X})"
                _move(session, item, CommitmentState.FAILED, item.last_error)
                moved[uid] = failed[uid]
        elif item.state not in (CommitmentState.COMMITTED, CommitmentState.FAILED):
            _move(session, item, CommitmentState.COMMITTED)
            item.committed_at = now()
            item.failure_reason = item.last_error = None
            moved[uid] = None
    for item in _lock_asked(session, transaction_uid):
        item.due_at = now()
        item.requests += 1
        item.last_error = "the peer's report does not name it"
        _move(session, item, CommitmentState.WANTED, item.last_error)
    films = report_objects.find_films(session, moved) if moved else {}
    reports = [AnsweredReport(uid, films[uid], reason) for uid, reason in moved.items()]
    return Answer(commitment.peer, True, reports, commitment.requested_at)


def has_consequences(session: Session, asked_peers: Collection[str], wanted_before: datetime) -> bool:
    """True when `lapse_overdue`, `settle_failed` or `park_hopeless` has something to do."""
    overdue = select(Commitment.peer).where(
        Commitment.state == TransactionState.OPEN, Commitment.due_at <= now()
    )
    items = select(Delivery.peer).join(CommitmentItem, CommitmentItem.delivery_id == Delivery.id)
    failed = items.where(CommitmentItem.state == CommitmentState.FAILED)
    hopeless = items.where(
        CommitmentItem.state.in_((CommitmentState.WANTED, CommitmentState.ASKED)),
        or_(Delivery.peer.not_in(asked_peers), CommitmentItem.wanted_at < wanted_before),
    )
    return any(session.scalar(query.limit(1)) is not None for query in (overdue, failed, hopeless))


def lapse_overdue(session: Session, maximum_requests: int) -> int:
    """Give up the requests whose answer is overdue; returns how many."""
    overdue = session.scalars(
        select(Commitment.transaction_uid)
        .where(Commitment.state == TransactionState.OPEN, Commitment.due_at <= now())
        .limit(BATCH)
    ).all()
    for transaction_uid in overdue:
        ask_again(session, transaction_uid, timedelta(0), "the peer did not report in time", maximum_requests)
    return len(overdue)


def settle_failed(
    session: Session, maximum_resends: int, delay: timedelta, hopeless: Collection[int]
) -> tuple[int, int]:
    """Send again what peers say that they do not have, or park it.

    Args:
        session: for writing.
        maximum_resends: what was sent again so often is parked.
        delay: until it is sent again.
        hopeless: failure reasons that sending again does not mend.

    Returns:
        How many are sent again, and how many were parked.
    """
    items = session.scalars(
        _with_delivery().where(CommitmentItem.state == CommitmentState.FAILED).limit(BATCH)
    ).all()
    resent = 0
    for item in items:
        if item.failure_reason in hopeless or item.resends >= maximum_resends:
            _move(session, item, CommitmentState.PARKED)
            continue
        _move(session, item, CommitmentState.WANTED)
        item.resends += 1
        resent += 1
        if item.delivery.state == DeliveryState.DELIVERED:
            check_delivery_transition(DeliveryState.DELIVERED, DeliveryState.PENDING)
            item.delivery.state = DeliveryState.PENDING.value
            detail = "the peer does not have it"
            delivery_events.record(session, item.delivery_id, DeliveryState.PENDING.value, detail)
            item.delivery.attempts = 0
            item.delivery.due_at = now() + delay
    return resent, len(items) - resent


def park_hopeless(session: Session, asked_peers: Collection[str], wanted_before: datetime) -> int:
    """Park what will not be committed; returns how many reports.

    Args:
        session: for writing.
        asked_peers: the peers that are asked; reports at others are parked at once.
        wanted_before: reports that were delivered before this and are still not committed are parked.
    """
    parked = 0
    waiting = (CommitmentState.WANTED, CommitmentState.ASKED)
    query = _with_delivery().where(CommitmentItem.state.in_(waiting)).limit(BATCH)
    for condition, error in (
        (Delivery.peer.not_in(asked_peers), "this peer is no longer asked for commitment"),
        (CommitmentItem.wanted_at < wanted_before, "not committed in time"),
    ):
        for item in session.scalars(query.where(condition)):
            item.last_error = f"{error}; {item.last_error}" if item.last_error else error
            _move(session, item, CommitmentState.PARKED, item.last_error)
            parked += 1
    return parked


def replay(session: Session, delivery_ids: Sequence[int] | None = None) -> int:
    """Ask again for parked commitments, all of them or those of the deliveries named; returns how many."""
    query = select(CommitmentItem).where(CommitmentItem.state == CommitmentState.PARKED).with_for_update()
    if delivery_ids is not None:
        query = query.where(CommitmentItem.delivery_id.in_(delivery_ids))
    items = session.scalars(query).all()
    for item in items:
        _move(session, item, CommitmentState.WANTED, delivery_events.REPLAYED)
        item.requests = item.resends = 0
        item.due_at = item.wanted_at = now()
    return len(items)


def _due(moment: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        CommitmentItem.state == CommitmentState.WANTED,
        CommitmentItem.due_at <= moment,
        Delivery.state == DeliveryState.DELIVERED,
    )


def _with_delivery() -> Select[CommitmentItem]:
    return (
        select(CommitmentItem)
        .join(Delivery, Delivery.id == CommitmentItem.delivery_id)
        .options(contains_eager(CommitmentItem.delivery))
        .order_by(CommitmentItem.delivery_id)
        .with_for_update(of=(CommitmentItem, Delivery))
    )


def _lock_named(session: Session, peer: str, uids: Collection[str]) -> list[CommitmentItem]:
    """The delivered reports among those that an answer names."""
    query = _with_delivery().where(
        Delivery.peer == peer,
        Delivery.state == DeliveryState.DELIVERED,
        Delivery.sop_instance_uid.in_(list(uids)),
    )
    return list(session.scalars(query))


def _lock_asked(session: Session, transaction_uid: str) -> list[CommitmentItem]:
    query = select(CommitmentItem).where(
        CommitmentItem.transaction_uid == transaction_uid, CommitmentItem.state == CommitmentState.ASKED
    )
    return list(session.scalars(query.order_by(CommitmentItem.delivery_id).with_for_update()))


def _close(commitment: Commitment, after: TransactionState, error: str | None) -> None:
    check_transaction_transition(TransactionState(commitment.state), after)
    commitment.state = after.value
    commitment.last_error = error


def _move(session: Session, item: CommitmentItem, after: CommitmentState, detail: str | None = None) -> None:
    check_commitment_transition(CommitmentState(item.state), after)
    item.state = after.value
    delivery_events.record(session, item.delivery_id, f"commitment {after.value}", detail)
