"""The two state machines. A transition that is not in its table does not happen."""

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


FILM_TRANSITIONS: Final[dict[FilmState, frozenset[FilmState]]] = {
    FilmState.RECEIVED: frozenset({FilmState.QUEUED, FilmState.REFUSED}),
    FilmState.QUEUED: frozenset({FilmState.RECEIVED, FilmState.SCREENED, FilmState.REFUSED}),
    FilmState.SCREENED: frozenset(),
    FilmState.REFUSED: frozenset({FilmState.RECEIVED}),  # by hand, after `processing_failed`
}

DELIVERY_TRANSITIONS: Final[dict[DeliveryState, frozenset[DeliveryState]]] = {
    DeliveryState.PENDING: frozenset({DeliveryState.DELIVERED, DeliveryState.PARKED}),
    DeliveryState.DELIVERED: frozenset(),
    # Delivered from parked: another courier, whose lease had run out, brought it there after all.
    DeliveryState.PARKED: frozenset({DeliveryState.PENDING, DeliveryState.DELIVERED}),
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
