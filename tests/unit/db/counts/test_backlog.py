"""Waiting films are counted by index; finished films are not read."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from db.clock import now
from db.counts import backlog
from db.database import Database
from db.films import films
from db.pulls import pulls
from db.states import FilmState
from db.tables import Pull
from domain.codes import Refusal
from tests.query_plans import statements_of
from tests.unit import rows


def test_an_empty_database_has_nothing_waiting(database: Database) -> None:
    with database.read() as session:
        measured = backlog.measure(session)
    assert {state: queue.count for state, queue in measured.films.items()} == {
        state.value: 0 for state in FilmState
    }
    assert measured.films["queued"].oldest is None
    assert (measured.reports, list(measured.deliveries), dict(measured.commitments)) == (0, [], {})
    assert measured.active_model is None


def test_each_queue_is_counted_with_its_oldest(database: Database) -> None:
    rows.register_model(database)
    waiting = [rows.receive(database, f"1.2.3.{number}").instance_id for number in range(3)]
    queued = rows.receive_and_queue(database, "1.2.3.8")
    rows.screen(database, rows.receive_and_queue(database, "1.2.3.9"))
    refused = rows.receive(database, "1.2.3.10").instance_id
    with database.write() as session:
        films.refuse(session, refused, Refusal.NOT_CHEST, "a hand")

    with database.read() as session:
        measured = backlog.measure(session)
    assert (measured.films["received"].count, measured.films["queued"].count) == (3, 1)
    assert measured.films["received"].oldest == rows.read_film(database, waiting[0]).received_at
    assert measured.films["queued"].oldest == rows.read_film(database, queued).received_at
    assert (measured.films["screened"].count, measured.films["refused"].count) == (1, 1)
    assert measured.films["refused"].oldest == rows.read_film(database, refused).state_changed_at
    assert (measured.reports, measured.parked_reports) == (2, 0)
    assert measured.active_model == ("test-model", "1.0", rows.DIGEST)

    rows.report(database, ["pacs", "archive"])
    with database.read() as session:
        measured = backlog.measure(session)
    assert [(row.peer, row.state, row.count) for row in measured.deliveries] == [
        ("archive", "pending", 1),
        ("pacs", "pending", 1),
    ]


def test_films_that_are_done_are_not_read(database: Database) -> None:
    rows.receive(database)
    with statements_of(database) as collected, database.read() as session:
        backlog.measure(session)
    looking = [row for row in collected if "FROM instances" in row[0]]
    assert len(looking) == 1
    is_sqlite = database.engine.dialect.name == "sqlite"
    with database.engine.connect() as connection:
        if not is_sqlite:
            connection.execute(text("SET LOCAL enable_seqscan = off"))  # it would read a table of one row
        statement, parameters = looking[0]
        word = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
        plan = connection.exec_driver_sql(f"{word} {statement}", parameters).all()
    assert "ix_instances_waiting" in str(plan)


def test_a_schedule_that_no_gateway_runs_any_more_fails_no_longer(database: Database) -> None:
    dates = ("20261101", "20261107")
    with database.write() as session:
        number = pulls.begin(session, "nightly", "pacs", dates, "here:1", timedelta(minutes=1))
        assert number is not None
        pulls.end(session, number, "here:1", complete=False, pause=timedelta(hours=1), error="away")

    def is_failing(since_due: timedelta) -> bool:
        with database.write() as session:
            session.get_one(Pull, number).due_at = now() - since_due
        with database.read() as session:
            (measured,) = backlog.measure(session).pulls
        return measured.failing

    assert is_failing(timedelta(hours=-1))
    assert is_failing(timedelta(hours=23))
    assert not is_failing(timedelta(days=3))
