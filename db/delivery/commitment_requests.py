"""Storage commitment requests to peers, and the peers' answers (PS3.4 J.3)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.clock import now
from db.delivery import commitments, report_objects
from db.states import TRANSACTION, CommitmentState, DeliveryState, TransactionState
from db.tables import Commitment, CommitmentItem, Delivery, ReportObject
from db.tables.deliveries import DOUBTED_LENGTH


@dataclass(frozen=True)
class AskedReport:
    """A report that a request names."""

    sop_class_uid: str
    sop_instance_uid: str
    film_sop_instance_uid: str
    """The film of the report."""


@dataclass(frozen=True)
class AnsweredReport:
    """A report whose commitment an answer gave or refused."""

    sop_instance_uid: str
    film_sop_instance_uid: str
    failure_reason: int | None
    """Failure Reason (0008,1197); None for a commitment that was given."""


@dataclass(frozen=True)
class Answer:
    """The effect of a peer's answer on one request."""

    peer: str
    first: bool
    """False when the peer had answered before; nothing was changed then."""
    reports: Sequence[AnsweredReport] = ()
    requested_at: datetime | None = None

    @property
    def committed(self) -> int:
        """Number of reports that the peer has committed itself to keep."""
        return sum(report.failure_reason is None for report in self.reports)

    @property
    def failed(self) -> int:
        """Number of reports that the peer does not have."""
        return len(self.reports) - self.committed


def begin(
    session: Session, peer: str, transaction_uid: str, answer_within: timedelta, limit: int
) -> list[AskedReport]:
    """Open a request for up to `limit` reports of one peer whose request is due, oldest first.

    Commit before sending it: the answer may come, on an association of its own, before the request returns.

    Returns:
        The reports to name in it; empty, and no request is opened, when none is due.
    """
    moment = now()
    items = session.scalars(
        select(CommitmentItem)
        .join(Delivery, Delivery.id == CommitmentItem.delivery_id)
        .where(Delivery.peer == peer, *commitments.are_due(moment))
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
    request = f"request {transaction_uid}"
    commitments.move(session, items, CommitmentState.ASKED, request, transaction_uid=transaction_uid)
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
    """Close a request that the peer did not accept or answer; its reports are requested again, or parked.

    Args:
        session: for writing.
        transaction_uid: the request; unless it is open, nothing changes.
        delay: time until the next request.
        error: the reason.
        maximum_requests: number of requests after which a report is parked. None does not count the request,
            because the peer was not reached.
    """
    commitment = session.get(Commitment, transaction_uid, with_for_update=True)
    if commitment is None or commitment.state != TransactionState.OPEN:
        return
    TRANSACTION.move(session, commitment, TransactionState.LAPSED, last_error=error)
    again: list[CommitmentItem] = []
    given_up: list[CommitmentItem] = []
    for item in _lock_asked(session, transaction_uid):
        item.requests += maximum_requests is not None
        parked = maximum_requests is not None and item.requests >= maximum_requests
        (given_up if parked else again).append(item)
    for items, after in ((again, CommitmentState.WANTED), (given_up, CommitmentState.PARKED)):
        commitments.move(session, items, after, error, last_error=error, due_at=now() + delay)


def give_up(session: Session, transaction_uid: str, error: str) -> None:
    """Park the reports of a request that the peer refused permanently."""
    ask_again(session, transaction_uid, timedelta(0), error, maximum_requests=0)


def find_peer(session: Session, transaction_uid: str) -> str | None:
    """Return the peer that a request was sent to; None for an unknown request."""
    return session.scalar(select(Commitment.peer).where(Commitment.transaction_uid == transaction_uid))


def note_doubted(session: Session, transaction_uid: str, sender: str) -> None:
    """Record the sender of an answer that was not believed, for `tbscreen doctor`."""
    commitment = session.get_one(Commitment, transaction_uid, with_for_update=True)
    commitment.doubted_sender = sender[:DOUBTED_LENGTH]


def list_doubted(session: Session, since: datetime) -> dict[str, str]:
    """Return the peers for which an answer was not believed, each with the sender of the newest."""
    query = (
        select(Commitment.peer, Commitment.doubted_sender)
        .where(Commitment.doubted_sender.is_not(None), Commitment.requested_at >= since)
        .order_by(Commitment.requested_at)
    )
    return {peer: sender or "" for peer, sender in session.execute(query).tuples()}


def list_unanswered(session: Session, since: datetime) -> list[str]:
    """Return the peers that answered none of their requests, of which one lapsed."""
    states = select(Commitment.peer, Commitment.state).where(Commitment.requested_at >= since).distinct()
    found: dict[str, set[str]] = {}
    for peer, state in session.execute(states).tuples():
        found.setdefault(peer, set()).add(state)
    return sorted(
        peer
        for peer, known in found.items()
        if TransactionState.LAPSED in known and TransactionState.ANSWERED not in known
    )


def record_answer(
    session: Session, transaction_uid: str, committed: Collection[str], failed: Mapping[str, int]
) -> Answer:
    """Record a peer's answer (PS3.4 J.3.3) on one request; a repeated answer changes nothing.

    Args:
        session: for writing.
        transaction_uid: a known request, see `find_peer`; the caller has recognized its peer.
        committed: SOP Instance UIDs that the peer has committed itself to keep.
        failed: SOP Instance UIDs of failures, each with its Failure Reason (0008,1197).

    Returns:
        What was recorded.
    """
    commitment = session.get_one(Commitment, transaction_uid, with_for_update=True)
    if commitment.state == TransactionState.ANSWERED:
        return Answer(commitment.peer, first=False)
    TRANSACTION.move(session, commitment, TransactionState.ANSWERED, answered_at=now(), last_error=None)
    moved: dict[str, int | None] = {}
    taken_over: list[CommitmentItem] = []
    for item in _lock_named(session, commitment.peer, [*committed, *failed]):
        ours = item.state == CommitmentState.ASKED and item.transaction_uid == transaction_uid
        uid = item.delivery.sop_instance_uid
        if uid in failed:
            # A failure in a late answer is obsolete: a newer request has been sent.
            if ours:
                _note_failure(session, item, failed[uid])
                moved[uid] = failed[uid]
        elif item.state not in (CommitmentState.COMMITTED, CommitmentState.FAILED):
            moved[uid] = None
            taken_over.append(item)
    values = {"committed_at": now(), "failure_reason": None, "last_error": None}
    commitments.move(session, taken_over, CommitmentState.COMMITTED, None, **values)
    unnamed = _lock_asked(session, transaction_uid)
    for item in unnamed:
        item.requests += 1
    error = "the peer's report does not name it"
    commitments.move(session, unnamed, CommitmentState.WANTED, error, due_at=now(), last_error=error)
    films = report_objects.find_films(session, moved) if moved else {}
    reports = [AnsweredReport(uid, films[uid], reason) for uid, reason in moved.items()]
    return Answer(commitment.peer, True, reports, commitment.requested_at)


def _note_failure(session: Session, item: CommitmentItem, reason: int) -> None:
    error = f"the peer does not answer for it (failure reason 0x{reason:04X})"
    commitments.move(session, [item], CommitmentState.FAILED, error, failure_reason=reason, last_error=error)


def lapse_overdue(session: Session, maximum_requests: int) -> int:
    """Close the requests whose answer is overdue; return their number."""
    overdue = session.scalars(
        select(Commitment.transaction_uid)
        .where(Commitment.state == TransactionState.OPEN, Commitment.due_at <= now())
        .limit(commitments.BATCH)
    ).all()
    for transaction_uid in overdue:
        ask_again(session, transaction_uid, timedelta(0), "the peer did not report in time", maximum_requests)
    return len(overdue)


def _lock_named(session: Session, peer: str, uids: Collection[str]) -> list[CommitmentItem]:
    """Return the commitments, locked, of the delivered reports among those that an answer names."""
    query = commitments.lock_with_deliveries().where(
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
