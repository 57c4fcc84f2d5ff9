"""A worker's parent process judges which film ended a predicting process; another process records it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from worker.film_strikes import FilmStrikes

FILM = 7


@pytest.fixture
def strikes() -> Iterator[FilmStrikes]:
    """Strikes of a worker on which every failure is quiet enough."""
    made = FilmStrikes(quiet_s=0.0)
    yield made
    made.close()


def die(strikes: FilmStrikes, *, attempt: int = 1, predicting: bool = True) -> int:
    """Let a child process die by a signal, and return its process id."""
    pid = os.fork()
    if pid == 0:
        if predicting:
            with strikes.predicting(FILM, attempt):
                os.kill(os.getpid(), signal.SIGKILL)
        with strikes.predicting(FILM, attempt):
            pass
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    return pid


def test_a_film_whose_process_dies_in_its_prediction_gets_a_strike(strikes: FilmStrikes) -> None:
    assert strikes.judge(die(strikes)) is True
    assert strikes.take() == [FILM]
    assert strikes.take() == []


def test_a_process_that_dies_before_or_after_the_prediction_gives_no_strike(strikes: FilmStrikes) -> None:
    assert strikes.judge(die(strikes, predicting=False)) is None
    assert strikes.judge(None) is None
    assert strikes.take() == []


def test_a_time_limit_that_was_reached_before_the_prediction_gives_no_strike(strikes: FilmStrikes) -> None:
    pid = die(strikes)
    assert strikes.judge(pid, hung_s=600.0) is None
    assert strikes.take() == []
    assert strikes.judge(pid, hung_s=0.0) is True


def test_one_attempt_gives_one_strike(strikes: FilmStrikes) -> None:
    pid = die(strikes)
    assert [strikes.judge(pid), strikes.judge(pid)] == [True, False]
    assert strikes.take() == [FILM]


def test_on_a_worker_that_is_not_quiet_there_is_no_strike() -> None:
    strikes = FilmStrikes(quiet_s=600.0)
    assert strikes.judge(die(strikes)) is False
    assert strikes.take() == []
    strikes.close()


def test_a_process_that_ends_without_a_film_disturbs(strikes: FilmStrikes) -> None:
    strikes._witness._quiet_s = 600.0
    strikes._witness._started = -float("inf")
    pid = die(strikes)
    assert strikes.judge(pid) is True
    strikes.note_end(die(strikes, predicting=False))
    assert strikes.judge(die(strikes, attempt=2)) is False


def test_a_strike_reaches_exactly_one_process(strikes: FilmStrikes) -> None:
    strikes.judge(die(strikes))
    reader, writer = os.pipe()
    children = []
    for _ in range(2):
        pid = os.fork()
        if pid == 0:
            os.write(writer, bytes([len(strikes.take())]))
            os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
    assert sorted(os.read(reader, 2)) == [0, 1]
    os.close(reader)
    os.close(writer)


def test_more_strikes_than_anybody_takes_are_forgotten(strikes: FilmStrikes) -> None:
    for attempt in range(1, 9000):
        strikes._judged.clear()
        with strikes.predicting(FILM, attempt):
            strikes.judge(os.getpid())
    assert 1000 < len(strikes.take()) < 9000
