"""A failure is blamed on a film where nothing else failed around it."""

from __future__ import annotations

import pytest

from domain.witness import KEPT_FILMS, Witness

QUIET_S = 60.0
FILM, OTHER = 7, 8


class Clock:
    """A clock that is set by hand, seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The clock of the witness."""
    return Clock()


@pytest.fixture
def witness(clock: Clock) -> Witness:
    """A witness that has watched for a while and saw nothing."""
    made = Witness(QUIET_S, clock)
    clock.now += 2 * QUIET_S
    return made


def test_a_film_that_fails_while_nothing_else_does_is_blamed(witness: Witness) -> None:
    for _ in range(3):
        witness.note(FILM)
        assert witness.blames(FILM)


def test_a_newcomer_blames_nobody(clock: Clock) -> None:
    witness = Witness(QUIET_S, clock)
    witness.note(FILM)
    assert not witness.blames(FILM)
    clock.now += QUIET_S
    assert witness.blames(FILM)


def test_a_process_that_ended_without_a_film_tells_of_a_cause_outside(witness: Witness, clock: Clock) -> None:
    witness.note(None)
    witness.note(FILM)
    assert not witness.blames(FILM)
    clock.now += QUIET_S
    assert witness.blames(FILM)
    witness.note(None)
    assert not witness.blames(FILM), "each such end counts anew"


def test_another_film_s_first_failure_tells_of_a_cause_outside(witness: Witness, clock: Clock) -> None:
    witness.note(OTHER)
    witness.note(FILM)
    assert not witness.blames(FILM)
    assert not witness.blames(OTHER)
    clock.now += QUIET_S
    assert witness.blames(FILM)


def test_two_films_that_kill_do_not_excuse_each_other_for_ever(witness: Witness, clock: Clock) -> None:
    for _ in range(20):
        witness.note(FILM)
        witness.note(OTHER)
        clock.now += QUIET_S / 10
    assert witness.blames(FILM)
    assert witness.blames(OTHER)


def test_a_witness_remembers_a_bounded_number_of_films(witness: Witness, clock: Clock) -> None:
    for film in range(10 * KEPT_FILMS):
        witness.note(film)
    assert len(witness._failures) == KEPT_FILMS
    clock.now += QUIET_S
    assert witness.blames(FILM)
