"""The states of films, deliveries, commitments and pulls, and the guarded UPDATE that changes them.

A transition that is not in its table does not happen. No other module writes a state into a row that exists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import CursorResult, Update, inspect, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from db.clock import now
from db.tables import Commitment, CommitmentItem, Delivery, Instance, Pull, PulledStudy
from domain.errors import PermanentError


class FilmState(StrEnum):
    """Where one film revision stands."""

    RECEIVED = "received"
    """Durable in a gateway's spool; not yet prepared, or waiting to be prepared again."""
    QUEUED = "queued"
    """Its array was handed to the broker."""
    SCREENED = "screened"
    """It has its one reported screening."""
    REFUSED = "refused"
    """It will not be screened; the refusal says why."""


class DeliveryState(StrEnum):
    """Where one report on its way to one peer stands."""

    PENDING = "pending"
    """To be sent when due; a lease says who is sending."""
    DELIVERED = "delivered"
    """The peer answered success, a warning, or that it has this object already."""
    PARKED = "parked"
    """Permanently refused, or tried too often. Replayed by hand: `tbscreen deliveries --replay`."""


class CommitmentState(StrEnum):
    """Whether a peer answers for a delivered report (PS3.4 J)."""

    WANTED = "wanted"
    """To be asked for when due and delivered."""
    ASKED = "asked"
    """Part of a transaction that the peer has not answered."""
    FAILED = "failed"
    """The peer says that it does not have the object. To be sent again, or parked."""
    COMMITTED = "committed"
    """The peer has taken over the responsibility for it."""
    PARKED = "parked"
    """Given up: failed or unanswered too often. Asked for again when its delivery is replayed by hand."""


class TransactionState(StrEnum):
    """Where one storage commitment request stands."""

    OPEN = "open"
    """Asked; the peer's report is awaited until it is due."""
    LAPSED = "lapsed"
    """Not answered in time, or not taken by the peer. A late report still counts for what it commits."""
    ANSWERED = "answered"
    """The peer has reported; what it says again changes nothing."""


class PullState(StrEnum):
    """Where one pull stands: a command's, or a schedule's over all its rounds."""

    IDLE = "idle"
    """Nobody is at it: interrupted, or waiting for its next round."""
    RUNNING = "running"
    """A process is at it, until its lease ends."""
    COMPLETE = "complete"
    """Everything that it found is here, or was never wanted."""


class PulledStudyState(StrEnum):
    """Where one study of a peer stands that a pull found."""

    WANTED = "wanted"
    """To be fetched."""
    FETCHING = "fetching"
    """Its pull is at it."""
    COMPLETE = "complete"
    """Every film of it that the peer lists is here."""
    UNWANTED = "unwanted"
    """No series of it is a chest radiograph."""
    FAILED = "failed"
    """The peer did not send all of it; tried again later."""


State = TypeVar("State", bound=StrEnum)

ROWS_PER_UPDATE: Final = 500
"""Rows that one statement moves; SQLite and PostgreSQL limit the parameters of a statement."""


@dataclass(frozen=True)
class StateMachine(Generic[State]):
    """The transitions that the rows of one table may make."""

    noun: str
    """Name of a row in error messages."""
    table: type[Any]
    """Mapped class with a column `state`."""
    transitions: Mapping[State, frozenset[State]]
    """The states that may follow each state."""
    dated: bool = False
    """True where the column `state_changed_at` takes the time of each move."""

    def build_update(self, after: State, **values: Any) -> Update:
        """Return the UPDATE to `after` of all rows that may go there; the caller narrows it to its rows."""
        allowed = [before.value for before, following in self.transitions.items() if after in following]
        return update(self.table).where(self.table.state.in_(allowed)).values(state=after.value, **values)

    def move(self, session: Session, row: Any, after: State, **values: Any) -> None:
        """Move one row; see `move_all`."""
        self.move_all(session, [row], after, **values)

    def move_all(self, session: Session, rows: Sequence[Any], after: State, **values: Any) -> None:
        """Move rows that this transaction has locked, and write further columns with the state.

        Args:
            session: one that writes.
            rows: objects of the session, of `table`.
            after: their new state.
            values: further columns, the same for all rows.

        Raises:
            PermanentError: when a row may not go to `after`.
        """
        for row in rows:
            if after not in self.transitions.get(row.state, ()):
                raise PermanentError(f"{self.noun} cannot go from {row.state} to {after}")
        if self.dated:
            values["state_changed_at"] = now()
        for start in range(0, len(rows), ROWS_PER_UPDATE):
            self._write(session, rows[start : start + ROWS_PER_UPDATE], after, values)

    def _write(self, session: Session, rows: Sequence[Any], after: State, values: Mapping[str, Any]) -> None:
        identities = [inspect(row).identity[0] for row in rows]
        (key,) = inspect(self.table).primary_key
        statement = self.build_update(after, **values).where(key.in_(identities))
        result = session.execute(statement, execution_options={"synchronize_session": False})
        assert isinstance(result, CursorResult)
        if result.rowcount != len(rows):
            raise PermanentError(f"{self.noun} was moved by another transaction and cannot go to {after}")
        for row in rows:
            for name, value in {"state": after.value, **values}.items():
                set_committed_value(row, name, value)


FILM: Final = StateMachine[FilmState](
    "a film",
    Instance,
    {
        FilmState.RECEIVED: frozenset({FilmState.QUEUED, FilmState.REFUSED}),
        FilmState.QUEUED: frozenset({FilmState.RECEIVED, FilmState.SCREENED, FilmState.REFUSED}),
        FilmState.SCREENED: frozenset(),
        FilmState.REFUSED: frozenset({FilmState.RECEIVED}),  # by hand, after `processing_failed`
    },
    dated=True,
)

DELIVERY: Final = StateMachine[DeliveryState](
    "a delivery",
    Delivery,
    {
        DeliveryState.PENDING: frozenset({DeliveryState.DELIVERED, DeliveryState.PARKED}),
        DeliveryState.DELIVERED: frozenset(
            {DeliveryState.PENDING}
        ),  # the peer no longer has it: see commitments
        # Delivered from parked: another courier, whose lease had run out, brought it there after all.
        DeliveryState.PARKED: frozenset({DeliveryState.PENDING, DeliveryState.DELIVERED}),
    },
)

COMMITMENT: Final = StateMachine[CommitmentState](
    "a commitment",
    CommitmentItem,
    {
        # Committed from wanted: the answer to a request that had been given up.
        CommitmentState.WANTED: frozenset(
            {CommitmentState.ASKED, CommitmentState.COMMITTED, CommitmentState.PARKED}
        ),
        CommitmentState.ASKED: frozenset(
            {
                CommitmentState.WANTED,
                CommitmentState.FAILED,
                CommitmentState.COMMITTED,
                CommitmentState.PARKED,
            }
        ),
        CommitmentState.FAILED: frozenset({CommitmentState.WANTED, CommitmentState.PARKED}),
        CommitmentState.COMMITTED: frozenset(),
        CommitmentState.PARKED: frozenset({CommitmentState.WANTED, CommitmentState.COMMITTED}),
    },
)

TRANSACTION: Final = StateMachine[TransactionState](
    "a commitment request",
    Commitment,
    {
        TransactionState.OPEN: frozenset({TransactionState.LAPSED, TransactionState.ANSWERED}),
        TransactionState.LAPSED: frozenset({TransactionState.ANSWERED}),
        TransactionState.ANSWERED: frozenset(),
    },
)


PULL: Final = StateMachine[PullState](
    "a pull",
    Pull,
    {
        PullState.IDLE: frozenset({PullState.RUNNING}),
        # Running from running: taken over when its lease ended.
        PullState.RUNNING: frozenset({PullState.RUNNING, PullState.IDLE, PullState.COMPLETE}),
        PullState.COMPLETE: frozenset({PullState.RUNNING}),
    },
)

PULLED_STUDY: Final = StateMachine[PulledStudyState](
    "a study that is pulled",
    PulledStudy,
    {
        PulledStudyState.WANTED: frozenset({PulledStudyState.FETCHING}),
        PulledStudyState.FETCHING: frozenset(
            {
                PulledStudyState.WANTED,
                PulledStudyState.COMPLETE,
                PulledStudyState.UNWANTED,
                PulledStudyState.FAILED,
            }
        ),
        PulledStudyState.COMPLETE: frozenset({PulledStudyState.WANTED}),  # the peer has more of it by now
        PulledStudyState.UNWANTED: frozenset({PulledStudyState.WANTED}),
        PulledStudyState.FAILED: frozenset({PulledStudyState.WANTED}),
    },
)
