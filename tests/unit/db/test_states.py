"""The two state machines allow exactly what their tables say."""

from __future__ import annotations

import itertools

import pytest

from db.states import (
    DeliveryState,
    FilmState,
    TransitionError,
    check_delivery_transition,
    check_film_transition,
)

ALLOWED_FILM = {
    ("received", "queued"),
    ("received", "refused"),
    ("queued", "received"),
    ("queued", "screened"),
    ("queued", "refused"),
    ("refused", "received"),
}
ALLOWED_DELIVERY = {
    ("pending", "delivered"),
    ("pending", "parked"),
    ("parked", "pending"),
    ("parked", "delivered"),
}


@pytest.mark.parametrize(("before", "after"), itertools.product(FilmState, FilmState))
def test_a_film_makes_exactly_the_transitions_of_the_table(before: FilmState, after: FilmState) -> None:
    if (before.value, after.value) in ALLOWED_FILM:
        check_film_transition(before, after)
    else:
        with pytest.raises(TransitionError, match=f"a film cannot go from {before} to {after}"):
            check_film_transition(before, after)


@pytest.mark.parametrize(("before", "after"), itertools.product(DeliveryState, DeliveryState))
def test_a_delivery_makes_exactly_the_transitions_of_the_table(
    before: DeliveryState, after: DeliveryState
) -> None:
    if (before.value, after.value) in ALLOWED_DELIVERY:
        check_delivery_transition(before, after)
    else:
        with pytest.raises(TransitionError, match=f"a delivery cannot go from {before} to {after}"):
            check_delivery_transition(before, after)
