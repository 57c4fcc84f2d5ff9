"""What waits is counted; what is done is not even looked at."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from db import films, gauges, pulled_studies, pulls
from db.codes import Refusal
from db.database import Database
from db.pulled_studies import FoundStudy
from db.states import FilmState
from tests.unit import rows


def test_an_empty_database_has_nothing_waiting(database: Database) -> None:
    with database.read() as session:
        measured = gauges.measure(session)
    assert {state: queue.count for state, queue in measured.films.items()} == {"received": 0, "queued": 0}
    assert measured.films["queued"].oldest is None
    assert (measured.reports.count, list(measured.deliveries), dict(measured.commitments)) == (0, [], {})
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
        measured = gauges.measure(session)
    assert (measured.films["received"].count, measured.films["queued"].count) == (3, 1)
    assert measured.films["received"].oldest == rows.read_film(database, waiting[0]).received_at
    assert measured.films["queued"].oldest == rows.read_film(database, queued).received_at
    assert measured.reports.count >= 1
    assert measured.active_model == ("test-model", "1.0", rows.DIGEST)

    rows.report(database, ["pacs", "archive"])
    with database.read() as session:
        measured = gauges.measure(session)
    assert [(row.peer, row.state, row.count) for row in measured.deliveries] == [
        ("archive", "pending", 1),
        ("pacs", "pending", 1),
    ]


def test_films_that_are_done_are_not_read(database: Database) -> None:
    explain = "EXPLAIN QUERY PLAN" if database.engine.dialect.name == "sqlite" else "EXPLAIN"
    with database.read() as session:
        if database.engine.dialect.name == "postgresql":
            session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = session.execute(
            text(
                f"{explain} SELECT state, count(*), min(received_at) FROM instances "
                f"WHERE state IN ('{FilmState.RECEIVED.value}', '{FilmState.QUEUED.value}') GROUP BY state"
            )
        ).all()
    assert "ix_instances_waiting" in str(plan)


def test_a_schedule_fails_until_a_round_ends_well_and_commands_are_left_out(database: Database) -> None:
    lease = timedelta(minutes=1)

    def begin(name: str) -> int:
        with database.write() as session:
            pull_id = pulls.begin(session, name, "pacs", ("20261101", "20261107"), "here:1", lease)
            assert pull_id is not None
            found = [FoundStudy(f"1.{name.count(' ')}.{number}") for number in range(3)]
            pulled_studies.record_found(session, pull_id, found, retry_failed=True)
        return pull_id

    def measure() -> list[tuple[str, bool, dict[str, int]]]:
        with database.read() as session:
            return [(one.name, one.failing, dict(one.studies)) for one in gauges.measure(session).pulls]

    begin("pacs 2026-11-01..2026-11-07")
    pull_id = begin("new")
    with database.write() as session:
        study = pulled_studies.take(session, pull_id)
        assert study is not None
        pulled_studies.mark_failed(session, study.row_id, 0, "0xC000")
        pulls.end(session, pull_id, "here:1", complete=False, error="nothing answers")
    assert measure() == [("new", True, {"wanted": 2, "failed": 1})]
    with database.write() as session:
        pulls.begin(session, "new", "pacs", ("20261101", "20261107"), "here:1", lease)
    assert measure()[0][1], "a round that has only begun proves nothing"
    with database.write() as session:
        pulls.end(session, pull_id, "here:1", complete=False)
    assert not measure()[0][1]
