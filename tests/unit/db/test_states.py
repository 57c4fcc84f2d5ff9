"""The state machines allow exactly what their tables say."""

from __future__ import annotations

import itertools

import pytest

from db.states import (
    CommitmentState,
    DeliveryState,
    FilmState,
    PulledStudyState,
    PullState,
    TransactionState,
    TransitionError,
    check_commitment_transition,
    check_delivery_transition,
    check_film_transition,
    check_pull_transition,
    check_pulled_study_transition,
    check_transaction_transition,
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
    ("delivered", "pending"),
    ("parked", "pending"),
    ("parked", "delivered"),
}
ALLOWED_COMMITMENT = {
    ("wanted", "asked"),
    ("wanted", "committed"),
    ("wanted", "parked"),
    ("asked", "wanted"),
    ("asked", "failed"),
    ("asked", "committed"),
    ("asked", "parked"),
    ("failed", "wanted"),
    ("failed", "parked"),
    ("parked", "wanted"),
    ("parked", "committed"),
}
ALLOWED_PULL = {
    ("idle", "running"),
    ("running", "running"),
    ("running", "idle"),
    ("running", "complete"),
    ("complete", "running"),
}
ALLOWED_PULLED_STUDY = {
    ("wanted", "fetching"),
    ("fetching", "wanted"),
    ("fetching", "complete"),
    ("fetching", "unwanted"),
    ("fetching", "failed"),
    ("complete", "wanted"),
    ("unwanted", "wanted"),
    ("failed", "wanted"),
}
ALLOWED_TRANSACTION = {("open", "lapsed"), ("open", "answered"), ("lapsed", "answered")}


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


@pytest.mark.parametrize(("before", "after"), itertools.product(CommitmentState, CommitmentState))
def test_a_commitment_makes_exactly_the_transitions_of_the_table(
    before: CommitmentState, after: CommitmentState
) -> None:
    if (before.value, after.value) in ALLOWED_COMMITMENT:
        check_commitment_transition(before, after)
    else:
        with pytest.raises(TransitionError, match=f"a commitment cannot go from {before} to {after}"):
            check_commitment_transition(before, after)


@pytest.mark.parametrize(("before", "after"), itertools.product(TransactionState, TransactionState))
def test_a_commitment_request_makes_exactly_the_transitions_of_the_table(
    before: TransactionState, after: TransactionState
) -> None:
    if (before.value, after.value) in ALLOWED_TRANSACTION:
        check_transaction_transition(before, after)
    else:
        with pytest.raises(TransitionError, match=f"request cannot go from {before} to {after}"):
            check_transaction_transition(before, after)


@pytest.mark.parametrize(("before", "after"), itertools.product(PullState, PullState))
def test_a_pull_makes_exactly_the_transitions_of_the_table(before: PullState, after: PullState) -> None:
    if (before.value, after.value) in ALLOWED_PULL:
        check_pull_transition(before, after)
    else:
        with pytest.raises(TransitionError, match=f"a pull cannot go from {before} to {after}"):
            check_pull_transition(before, after)


@pytest.mark.parametrize(("before", "after"), itertools.product(PulledStudyState, PulledStudyState))
def test_a_study_makes_exactly_the_transitions_of_the_table(
    before: PulledStudyState, after: PulledStudyState
) -> None:
    if (before.value, after.value) in ALLOWED_PULLED_STUDY:
        check_pulled_study_transition(before, after)
    else:
        with pytest.raises(TransitionError, match=f"cannot go from {before} to {after}"):
            check_pulled_study_transition(before, after)
