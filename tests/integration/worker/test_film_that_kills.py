"""A film that ends its predicting process is refused; a film whose worker is killed from outside is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import psutil
import pytest
from redis import Redis

from chaos.films import BLOCK, SIZE, Poison, find_poison
from db.database import Database
from db.films import screenings
from db.films.screenings import MAX_STRIKES, Attempt
from db.states import FilmState
from dicom_gateway.dispatch import Dispatcher
from domain.array.normalization import SPEC
from domain.film_key import film_key
from domain.screening_request import ScreeningRequest
from tests.servers.ports import wait_until
from tests.servers.product import make_environment
from tests.unit import rows
from tests.unit.worker.conftest import register
from tests.unit.worker.networks import write_network

TIME_LIMIT_S: Final = 4
"""Also how long a worker must have been quiet before it blames a film."""


@dataclass
class Worker:
    """A worker that a poisoned film kills, or that hangs with it (`chaos.poisonable_worker`)."""

    process: subprocess.Popen[bytes]

    def child(self) -> psutil.Process:
        """Return its predicting process."""
        (child,) = psutil.Process(self.process.pid).children()
        return child


@pytest.fixture
def dispatcher(redis_url: str) -> Iterator[Dispatcher]:
    """The gateway's side of the broker."""
    made = Dispatcher(redis_url)
    yield made
    made.close()
    with Redis.from_url(redis_url) as client:
        client.flushdb()


@contextmanager
def worker(
    database: Database, broker_url: str, folder: Path, time_limit_s: float, batch: int = 1
) -> Iterator[Worker]:
    """Run the worker inside the block, in a process group of its own."""
    folder.mkdir(exist_ok=True)
    ready = folder / "ready"
    ready.unlink(missing_ok=True)
    values = {
        "TBSCREEN_DATABASE_URL": str(database.engine.url),
        "TBSCREEN_BROKER_URL": broker_url,
        "TBSCREEN_DATA_DIRECTORY": str(folder),
        "TBSCREEN_WORKER__TIME_LIMIT_S": str(time_limit_s),
        "TBSCREEN_WORKER__BATCH": str(batch),
    }
    command = [sys.executable, "-m", "chaos.poisonable_worker", "worker", "--ready-file", str(ready)]
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            command, env=make_environment(values), stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_until(ready.exists, 90, f"the worker is ready: {folder}")
        yield Worker(process)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def make_request(film: int, poison: Poison) -> ScreeningRequest:
    """Return the message of a poisoned film."""
    block = BLOCK * SPEC.columns // SIZE
    array = np.full((SPEC.rows, SPEC.columns), 0.5, np.float32)
    array[:block, :block] = 0.0 if poison is Poison.KILLS else 1.0
    array[:block, block : 2 * block] = 1.0 if poison is Poison.KILLS else 0.0
    assert find_poison(array) is poison
    return ScreeningRequest(film, film_key(f"1.2.3.{film}"), SPEC.version, array)


def attempts(database: Database, film: int) -> int:
    """Return how often the film was begun."""
    return rows.read_film(database, film).screening_attempts


def test_a_film_whose_whole_worker_is_killed_is_not_struck_out(
    sqlite_database: Database, redis_url: str, tmp_path: Path, dispatcher: Dispatcher
) -> None:
    register(sqlite_database, write_network(tmp_path / "bundle"))
    film = rows.receive_and_queue(sqlite_database)
    for kill in range(1, MAX_STRIKES + 1):
        with worker(sqlite_database, redis_url, tmp_path / "data", 600) as started:
            dispatcher.send(make_request(film, Poison.HANGS))
            wait_until(lambda: attempts(sqlite_database, film) == kill, 60, "the worker is at the film")  # noqa: B023
            os.killpg(started.process.pid, signal.SIGKILL)
    with sqlite_database.write() as session:
        assert isinstance(screenings.begin_attempt(session, film), Attempt)
    row = rows.read_film(sqlite_database, film)
    assert (row.state, row.screening_strikes) == (FilmState.QUEUED, 0)


def test_a_film_that_kills_is_struck_out_and_the_next_one_is_screened(
    sqlite_database: Database, redis_url: str, tmp_path: Path, dispatcher: Dispatcher
) -> None:
    register(sqlite_database, write_network(tmp_path / "bundle"))
    film = rows.receive_and_queue(sqlite_database)
    other = rows.receive_and_queue(sqlite_database, "1.2.3.2")
    with worker(sqlite_database, redis_url, tmp_path / "data", TIME_LIMIT_S):
        dispatcher.send(make_request(film, Poison.KILLS))
        wait_until(
            lambda: rows.read_film(sqlite_database, film).state == FilmState.REFUSED, 180, "struck out"
        )
        array = np.full((SPEC.rows, SPEC.columns), 0.5, np.float32)
        dispatcher.send(ScreeningRequest(other, film_key(f"1.2.3.{other}"), SPEC.version, array))
        wait_until(lambda: rows.read_film(sqlite_database, other).state == FilmState.SCREENED, 90, "screened")
    row = rows.read_film(sqlite_database, film)
    assert row.refusal == "processing_failed"
    assert row.refusal_detail == f"its prediction failed {MAX_STRIKES} times and nothing else did"


def test_of_a_batch_only_the_film_that_kills_is_struck_out(
    sqlite_database: Database, redis_url: str, tmp_path: Path, dispatcher: Dispatcher
) -> None:
    register(sqlite_database, write_network(tmp_path / "bundle"))
    films = [rows.receive_and_queue(sqlite_database, f"1.2.3.{number}") for number in range(1, 6)]
    poisoned = films[2]
    for film in films:
        request = make_request(film, Poison.KILLS)
        if film != poisoned:
            request.array[:] = 0.5
        dispatcher.send(request)

    def states() -> list[str]:
        return [rows.read_film(sqlite_database, film).state for film in films]

    with worker(sqlite_database, redis_url, tmp_path / "data", TIME_LIMIT_S, batch=4):
        wait_until(lambda: FilmState.QUEUED not in states(), 240, "every film has its end")
    ends = dict(zip(films, states(), strict=True))
    assert ends.pop(poisoned) == FilmState.REFUSED
    assert set(ends.values()) == {FilmState.SCREENED}
    strikes = {film: rows.read_film(sqlite_database, film).screening_strikes for film in films}
    assert strikes.pop(poisoned) == MAX_STRIKES
    assert set(strikes.values()) == {0}
