"""A film whose preparation fails on a quiet gateway is refused; one that fails among other failures waits."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from redis import Redis
from sqlalchemy import event, text, update
from sqlalchemy.orm import Session

from db.clock import now
from db.database import Database
from db.erasure import patient_data
from db.erasure.patient_data import PatientData
from db.films import films
from db.states import FilmState
from db.tables import Instance, Rendition
from dicom_gateway.dispatch import Dispatcher
from dicom_gateway.preparation import preparation_loop
from dicom_gateway.preparation.dispatch_round import ROUND
from dicom_gateway.preparation.film_preparation import Preparation
from dicom_gateway.preparation.preparation_loop import MAX_STRIKES, PreparationLoop
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.spool import Spool
from domain.witness import Witness
from tests.films import small_film
from tests.unit import rows

TOO_SHORT_S = 0.001
"""Time for a preparation that no decoder keeps."""


@dataclass
class Bench:
    """A gateway's loop over one film."""

    database: Database
    spool: Spool
    dispatcher: Dispatcher
    film: int

    def loop(self, timeout_s: float, quiet_s: float) -> PreparationLoop:
        """Return a loop that is not started, and whose gateway has run for a while."""
        settings = GatewaySettings(name=rows.GATEWAY, preparation_timeout_s=timeout_s)
        loop = PreparationLoop(self.database, self.spool, self.dispatcher, settings)
        loop._witness = Witness(quiet_s)
        loop._witness._started = float("-inf")
        return loop

    def take(self, loop: PreparationLoop, times: int) -> Instance:
        """Have the film taken so often, and return its row."""
        for _ in range(times):
            with self.database.write() as session:
                session.execute(update(Instance).values(due_at=now()))
            assert loop._work_once()
        loop._child.close()
        return rows.read_film(self.database, self.film)


@pytest.fixture
def bench(
    sqlite_database: Database, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    """A received film that can be prepared, and a broker."""
    monkeypatch.setattr(preparation_loop, "ROUND_S", 600.0)  # rounds are complete on a slow machine, too
    rows.register_model(sqlite_database)
    spool = Spool(tmp_path / "spool")
    film = rows.receive(sqlite_database, spool_path="film.dcm").instance_id
    shutil.copy(small_film(tmp_path), spool.path("film.dcm"))
    dispatcher = Dispatcher(redis_url)
    yield Bench(sqlite_database, spool, dispatcher, film)
    dispatcher.close()
    with Redis.from_url(redis_url) as client:
        client.flushdb()


def test_a_film_that_fails_alone_is_refused_after_its_third_strike(bench: Bench) -> None:
    row = bench.take(bench.loop(TOO_SHORT_S, quiet_s=600.0), MAX_STRIKES + 1)
    assert (row.state, row.refusal) == (FilmState.REFUSED, "processing_failed")
    assert row.refusal_detail == "preparation failed 3 times"


def test_a_lateral_whose_decoder_fails_is_refused_for_what_it_is(bench: Bench) -> None:
    path = bench.spool.path("film.dcm")
    film = dcmread(path)
    film.ViewPosition = "LL"
    film.save_as(path)
    assert bench.take(bench.loop(TOO_SHORT_S, quiet_s=600.0), MAX_STRIKES).preparation_strikes == MAX_STRIKES

    row = bench.take(bench.loop(60.0, quiet_s=600.0), 1)

    assert (row.state, row.refusal) == (FilmState.REFUSED, "not_frontal")
    assert (row.refusal_detail or "").endswith("; preparation failed 3 times")


def test_a_film_that_fails_where_other_processes_died_waits_and_is_prepared(bench: Bench) -> None:
    loop = bench.loop(TOO_SHORT_S, quiet_s=600.0)
    loop._witness.note(None)
    row = bench.take(loop, MAX_STRIKES + 1)
    assert (row.state, row.preparation_strikes) == (FilmState.RECEIVED, 0)
    assert row.due_at > now(), "it is not tried again at once"
    row = bench.take(bench.loop(60.0, quiet_s=600.0), 1)
    assert (row.state, row.preparation_attempts) == (FilmState.QUEUED, 0)


@pytest.mark.parametrize("ends", ["dispatched", "refused", "failed"])
def test_what_is_found_of_an_erased_film_is_not_that_of_the_film_with_its_number(
    bench: Bench, ends: str
) -> None:
    """Its patient is erased while the gateway decodes it, and SQLite gives its number to the next film."""
    loop = bench.loop(TOO_SHORT_S if ends == "failed" else 60.0, quiet_s=600.0)
    with bench.database.write() as session:
        leased = loop._dispatches.lease(session, 0)
    with bench.database.write() as session:
        patient_data.erase(session, PatientData(films=[bench.film]))
    if ends == "refused":
        bench.spool.path("film.dcm").unlink()
    next_film = rows.receive(bench.database, "1.2.9.1", study="1.2.9").instance_id
    assert next_film == bench.film
    loop._take(leased)
    loop._child.close()
    row = rows.read_film(bench.database, next_film)
    assert (row.state, row.refusal, row.prepared_at, row.preparation_strikes) == ("received", None, None, 0)
    with bench.database.read() as session:
        assert session.get(Rendition, next_film) is None


def test_a_film_that_always_fails_ends_whatever_else_fails(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation_loop, "MAX_ATTEMPTS", 4)
    loop = bench.loop(TOO_SHORT_S, quiet_s=600.0)
    loop._witness.note(None)
    row = bench.take(loop, 4 + 1)
    assert (row.state, row.refusal) == (FilmState.REFUSED, "processing_failed")
    assert row.refusal_detail == "preparation begun 4 times and never finished"


def test_a_child_that_dies_without_a_film_is_told(bench: Bench) -> None:
    loop = bench.loop(60.0, quiet_s=600.0)
    loop._child.open()
    assert loop._child._child._process is not None
    loop._child._child._process.kill()
    loop._child._child._process.join()
    loop._child.open()
    loop._child.close()
    assert not loop._witness.blames(bench.film)


class Crashed(BaseException):
    """The end of a gateway between commit and message."""


def receive_more(bench: Bench, count: int) -> list[int]:
    """Receive further films with the same file; return the rows of all."""
    further = [
        rows.receive(bench.database, f"1.2.3.{9 + number}", spool_path="film.dcm") for number in range(count)
    ]
    return [bench.film, *(reception.instance_id for reception in further)]


def crash_at_dispatch(bench: Bench, loop: PreparationLoop) -> None:
    """Let the gateway end between commit and message."""

    def crash(*_: object) -> None:
        raise Crashed

    bench.dispatcher.send = crash  # type: ignore[method-assign,assignment]
    with pytest.raises(Crashed):
        loop._work_once()
    loop._child.close()


def test_the_next_film_is_leased_with_the_dispatch_before_it_is_decoded(bench: Bench) -> None:
    *first, following = receive_more(bench, ROUND)
    crash_at_dispatch(bench, bench.loop(60.0, quiet_s=600.0))

    second = rows.read_film(bench.database, following)
    assert (second.state, second.preparation_attempts) == (FilmState.RECEIVED, 1), "counted"
    assert second.due_at > now(), "leased before its decoding"
    assert {rows.read_film(bench.database, film).state for film in first} == {FilmState.QUEUED}
    with bench.database.write() as session:
        assert films.end_leases(session, rows.GATEWAY) == 1


def test_films_that_wait_are_leased_and_dispatched_in_one_transaction_each(bench: Bench) -> None:
    waiting = receive_more(bench, ROUND - 1)
    commits: list[object] = []
    count = commits.append
    event.listen(bench.database.engine, "commit", count)
    loop = bench.loop(60.0, quiet_s=600.0)
    assert loop._work_once()
    loop._child.close()
    event.remove(bench.database.engine, "commit", count)

    assert len(commits) == 2
    assert {rows.read_film(bench.database, film).state for film in waiting} == {FilmState.QUEUED}


def test_a_film_that_ends_its_preparation_strikes_itself_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = receive_more(bench, ROUND - 1)
    shutil.copy(bench.spool.path("film.dcm"), bench.spool.path("killer.dcm"))
    with bench.database.write() as session:
        session.execute(update(Instance).where(Instance.id == waiting[1]).values(spool_path="killer.dcm"))
    loop = bench.loop(60.0, quiet_s=600.0)
    prepare = loop._child.prepare

    def die_of_killer(path: Path, *values: Any, **further: Any) -> Preparation | None:
        if path.name == "killer.dcm":
            loop._child.open()
            assert loop._child._child._process is not None
            loop._child._child._process.kill()
            opened = loop._child._child._connection
            with monkeypatch.context() as patched:
                patched.setattr(loop._child._child, "open", lambda: opened)
                return prepare(path, *values, **further)
        return prepare(path, *values, **further)

    monkeypatch.setattr(loop._child, "prepare", die_of_killer)
    assert loop._work_once()
    loop._child.close()

    found = [rows.read_film(bench.database, film) for film in waiting]
    assert [row.preparation_strikes > 0 for row in found] == [False, True, False, False]
    others = {row.state for row in found if row.id != waiting[1]}
    assert others == {FilmState.QUEUED}


def test_a_film_whose_preparation_was_begun_before_is_taken_alone(bench: Bench) -> None:
    waiting = receive_more(bench, ROUND - 1)
    with bench.database.write() as session:
        session.execute(update(Instance).where(Instance.id == bench.film).values(preparation_attempts=1))
        first = films.lease_due(session, rows.GATEWAY, rows.LEASE, ROUND)
        others = films.lease_due(session, rows.GATEWAY, rows.LEASE, ROUND)

    assert [film.instance_id for film in first] == waiting[:1]
    assert [film.instance_id for film in others] == waiting[1:]
    assert {film.preparation_attempts for film in others} == {1}


def test_a_film_that_the_database_does_not_take_holds_up_no_other(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = receive_more(bench, ROUND - 1)
    record = films.record_preparation

    def refuse_first(session: Session, instance_id: int, *values: Any, **further: Any) -> bool:
        if instance_id == waiting[0]:
            session.execute(text("INSERT INTO renditions (instance_id) VALUES (NULL)"))
        return record(session, instance_id, *values, **further)

    monkeypatch.setattr(films, "record_preparation", refuse_first)
    loop = bench.loop(60.0, quiet_s=600.0)
    assert loop._work_once()
    loop._child.close()

    states = [rows.read_film(bench.database, film).state for film in waiting]
    assert states == [FilmState.RECEIVED, *[FilmState.QUEUED] * (ROUND - 1)]
