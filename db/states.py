"""The states of films, conflicts, deliveries, commitments and pulls, and the UPDATE that changes them.

A transition that is not in its table does not happen. No other module writes a state into a row that exists.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Final, Generic, TypeVar, cast

from sqlalchemy import CursorResult, Table, Update, bindparam, inspect, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from db.clock import now
from db.tables import (
    Commitment,
    CommitmentItem,
    Conflict,
    Delivery,
    Hl7Message,
    Instance,
    NoticeRow,
    Pull,
    PulledStudy,
)
from domain.errors import PermanentError, TransientError


class FilmState(StrEnum):
    """The states of one film revision."""

    RECEIVED = "received"
    """Durable in a gateway's spool; not yet prepared, or waiting to be prepared again."""
    QUEUED = "queued"
    """Its array was sent to the broker."""
    SCREENED = "screened"
    """Its result is recorded, and will be reported."""
    REFUSED = "refused"
    """It is not screened; the refusal holds the reason."""


class DeliveryState(StrEnum):
    """The states of one report on its way to one peer."""

    PENDING = "pending"
    """To be sent when due; while a courier sends it, its lease moves the due time."""
    DELIVERED = "delivered"
    """The peer answered success, a warning, or that it already has this object."""
    PARKED = "parked"
    """Permanently refused, or tried too often. Replayed by hand: `tbscreen deliveries replay`."""


class CommitmentState(StrEnum):
    """The states of a delivered report whose peer is asked for storage commitment (PS3.4 J)."""

    WANTED = "wanted"
    """To be requested when it is due and delivered."""
    ASKED = "asked"
    """Named in a request that the peer has not answered."""
    FAILED = "failed"
    """The peer answered that it does not have the object. To be sent again, or parked."""
    COMMITTED = "committed"
    """The peer has committed itself to keep it."""
    PARKED = "parked"
    """Given up after too many failures or requests without an answer; requested again after a replay."""


class TransactionState(StrEnum):
    """The states of one storage commitment request."""

    OPEN = "open"
    """Sent; the peer's answer is awaited until it is due."""
    LAPSED = "lapsed"
    """Not answered in time, or not accepted by the peer. A late answer still counts for what it commits."""
    ANSWERED = "answered"
    """Answered; a repeated answer changes nothing."""


class PullState(StrEnum):
    """The states of one pull: of a command, or of a schedule over all its rounds."""

    IDLE = "idle"
    """No process works on it: interrupted, or waiting for its next round."""
    RUNNING = "running"
    """A process works on it until its lease ends."""
    COMPLETE = "complete"
    """Every study that it found is received or unwanted."""


class PulledStudyState(StrEnum):
    """The states of one study that a pull found at a peer."""

    WANTED = "wanted"
    """To be fetched."""
    FETCHING = "fetching"
    """Being fetched by its pull."""
    COMPLETE = "complete"
    """Every film that the peer lists for it is received."""
    UNWANTED = "unwanted"
    """None of its series is a chest radiograph."""
    FAILED = "failed"
    """The peer did not send all its films; fetched again later."""


class ConflictState(StrEnum):
    """The states of a conflict between films under one SOP Instance UID."""

    OPEN = "open"
    """Both films stand; a person decides."""
    RESOLVED = "resolved"
    """A person decided; the decision is recorded."""


State = TypeVar("State", bound=StrEnum)

ROWS_PER_UPDATE: Final = 500
"""Rows that one statement moves; SQLite and PostgreSQL limit the parameters of a statement."""


@dataclass(frozen=True, eq=False)
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

    def build_update(self, after: State, names: Collection[str] = ()) -> Update:
        """Return the UPDATE to `after` of all rows that may go there; the caller narrows it to its rows.

        Args:
            after: the new state.
            names: further columns, each with a parameter `new_…` for its value.
        """
        table = cast(Table, self.table.__table__)
        allowed = [before.value for before, following in self.transitions.items() if after in following]
        values = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in names}
        return update(table).where(table.c.state.in_(allowed)).values(state=after.value, **values)

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
            TransientError: when another transaction moved a row since it was read.
        """
        for row in rows:
            if after not in self.transitions.get(row.state, ()):
                raise PermanentError(f"{self.noun} cannot go from {row.state} to {after}")
        if self.dated:
            values["state_changed_at"] = now()
        for start in range(0, len(rows), ROWS_PER_UPDATE):
            self._write(session, rows[start : start + ROWS_PER_UPDATE], after, values)

    def _write(self, session: Session, rows: Sequence[Any], after: State, values: Mapping[str, Any]) -> None:
        session.flush()
        named = {f"new_{name}": value for name, value in values.items()}
        named["rows"] = [inspect(row).identity[0] for row in rows]
        result = session.execute(_build_move(self, after, tuple(values)), named)
        assert isinstance(result, CursorResult)
        if result.rowcount != len(rows):
            raise TransientError(f"{self.noun} was moved by another transaction and cannot go to {after}")
        for row in rows:
            for name, value in {"state": after.value, **values}.items():
                set_committed_value(row, name, value)


@cache
def _build_move(machine: StateMachine[Any], after: StrEnum, names: tuple[str, ...]) -> Update:
    """Return the UPDATE of the rows in the parameter `rows`; it is made once, since many films need it."""
    (key,) = inspect(machine.table).primary_key
    return machine.build_update(after, names).where(key.in_(bindparam("rows", expanding=True)))


CONFLICT: Final = StateMachine[ConflictState](
    "a conflict",
    Conflict,
    {ConflictState.OPEN: frozenset({ConflictState.RESOLVED}), ConflictState.RESOLVED: frozenset()},
)

FILM: Final = StateMachine[FilmState](
    "a film",
    Instance,
    {
        FilmState.RECEIVED: frozenset({FilmState.QUEUED, FilmState.REFUSED}),
        FilmState.QUEUED: frozenset({FilmState.RECEIVED, FilmState.SCREENED, FilmState.REFUSED}),
        FilmState.SCREENED: frozenset(),
        FilmState.REFUSED: frozenset({FilmState.RECEIVED}),  # by `tbscreen retry`, after `processing_failed`
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
        ),  # the peer no longer has the object: see commitments
        # Delivered from parked: a courier whose lease had ended delivered it after all.
        DeliveryState.PARKED: frozenset({DeliveryState.PENDING, DeliveryState.DELIVERED}),
    },
)

HL7_MESSAGE: Final = StateMachine[DeliveryState]("an HL7 message", Hl7Message, DELIVERY.transitions)

NOTICE: Final = StateMachine[DeliveryState]("a notice", NoticeRow, DELIVERY.transitions)

COMMITMENT: Final = StateMachine[CommitmentState](
    "a commitment",
    CommitmentItem,
    {
        # Committed from wanted: the late answer to a lapsed request. Wanted from committed: the peer lost it.
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
        CommitmentState.COMMITTED: frozenset({CommitmentState.WANTED}),
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
        PulledStudyState.COMPLETE: frozenset({PulledStudyState.WANTED}),  # the peer has more films by now
        PulledStudyState.UNWANTED: frozenset({PulledStudyState.WANTED}),
        PulledStudyState.FAILED: frozenset({PulledStudyState.WANTED}),
    },
)
