"""The state machines. A transition that is not in its table does not happen."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from db.database import DatabaseError


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


FILM_TRANSITIONS: Final[dict[FilmState, frozenset[FilmState]]] = {
    FilmState.RECEIVED: frozenset({FilmState.QUEUED, FilmState.REFUSED}),
    FilmState.QUEUED: frozenset({FilmState.RECEIVED, FilmState.SCREENED, FilmState.REFUSED}),
    FilmState.SCREENED: frozenset(),
    FilmState.REFUSED: frozenset({FilmState.RECEIVED}),  # by hand, after `processing_failed`
}

DELIVERY_TRANSITIONS: Final[dict[DeliveryState, frozenset[DeliveryState]]] = {
    DeliveryState.PENDING: frozenset({DeliveryState.DELIVERED, DeliveryState.PARKED}),
    DeliveryState.DELIVERED: frozenset({DeliveryState.PENDING}),  # the peer no longer has it: see commitments
    # Delivered from parked: another courier, whose lease had run out, brought it there after all.
    DeliveryState.PARKED: frozenset({DeliveryState.PENDING, DeliveryState.DELIVERED}),
}

COMMITMENT_TRANSITIONS: Final[dict[CommitmentState, frozenset[CommitmentState]]] = {
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
}

TRANSACTION_TRANSITIONS: Final[dict[TransactionState, frozenset[TransactionState]]] = {
    TransactionState.OPEN: frozenset({TransactionState.LAPSED, TransactionState.ANSWERED}),
    TransactionState.LAPSED: frozenset({TransactionState.ANSWERED}),
    TransactionState.ANSWERED: frozenset(),
}


PULL_TRANSITIONS: Final[dict[PullState, frozenset[PullState]]] = {
    PullState.IDLE: frozenset({PullState.RUNNING}),
    # Running from running: taken over when its lease ended.
    PullState.RUNNING: frozenset({PullState.RUNNING, PullState.IDLE, PullState.COMPLETE}),
    PullState.COMPLETE: frozenset({PullState.RUNNING}),
}

PULLED_STUDY_TRANSITIONS: Final[dict[PulledStudyState, frozenset[PulledStudyState]]] = {
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
}


class TransitionError(DatabaseError):
    """A state change that the table does not allow. Permanent: the row is already elsewhere."""


def check_film_transition(before: FilmState, after: FilmState) -> None:
    """Raise `TransitionError` unless a film may go from `before` to `after`."""
    if after not in FILM_TRANSITIONS[before]:
        raise TransitionError(f"a film cannot go from {before} to {after}")


def check_delivery_transition(before: DeliveryState, after: DeliveryState) -> None:
    """Raise `TransitionError` unless a delivery may go from `before` to `after`."""
    if after not in DELIVERY_TRANSITIONS[before]:
        raise TransitionError(f"a delivery cannot go from {before} to {after}")


def check_commitment_transition(before: CommitmentState, after: CommitmentState) -> None:
    """Raise `TransitionError` unless a commitment may go from `before` to `after`."""
    if after not in COMMITMENT_TRANSITIONS[before]:
        raise TransitionError(f"a commitment cannot go from {before} to {after}")


def check_transaction_transition(before: TransactionState, after: TransactionState) -> None:
    """Raise `TransitionError` unless a commitment request may go from `before` to `after`."""
    if after not in TRANSACTION_TRANSITIONS[before]:
        raise TransitionError(f"a commitment request cannot go from {before} to {after}")


def check_pull_transition(before: PullState, after: PullState) -> None:
    """Raise `TransitionError` unless a pull may go from `before` to `after`."""
    if after not in PULL_TRANSITIONS[before]:
        raise TransitionError(f"a pull cannot go from {before} to {after}")


def check_pulled_study_transition(before: PulledStudyState, after: PulledStudyState) -> None:
    """Raise `TransitionError` unless a study that is pulled may go from `before` to `after`."""
    if after not in PULLED_STUDY_TRANSITIONS[before]:
        raise TransitionError(f"a study that is pulled cannot go from {before} to {after}")
