"""Attempts and results: three strikes, one result, and the database enforces it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from db.clock import now
from db.database import Database
from db.films import films, screenings
from db.films.screenings import MAX_ATTEMPTS, MAX_STRIKES, Attempt
from db.states import FilmState
from db.tables import Instance, OutboxEntry, Screening
from domain.codes import Doubt, Refusal
from domain.film_key import film_key
from tests.unit import rows


def test_an_attempt_carries_what_was_pinned_and_what_is_in_doubt(database: Database) -> None:
    rows.register_model(database)
    instance_id = rows.receive(database).instance_id
    rows.queue(database, instance_id, [Doubt.AGE_UNKNOWN, Doubt.VIEW_UNKNOWN])
    rows.register_model(database, rows.OTHER_DIGEST)
    with database.write() as session:
        attempt = screenings.begin_attempt(session, instance_id)
    doubts = [Doubt.AGE_UNKNOWN, Doubt.VIEW_UNKNOWN]
    received_at = rows.read_film(database, instance_id).received_at
    assert attempt == Attempt(instance_id, 1, rows.DIGEST, "screening", doubts, received_at)


def test_a_doubt_of_a_newer_version_is_a_doubt(database: Database) -> None:
    rows.register_model(database)
    instance_id = rows.receive_and_queue(database)
    with database.write() as session:
        session.get_one(Instance, instance_id).doubts = ["age_unknown", "taken_through_a_window"]
    with database.write() as session:
        attempt = screenings.begin_attempt(session, instance_id)
    assert attempt is not None
    assert attempt.doubts == [Doubt.AGE_UNKNOWN, Doubt.OTHER]


@pytest.mark.parametrize("standing", ["unknown", "received", "refused", "screened"])
def test_only_a_queued_film_is_begun(database: Database, standing: str) -> None:
    rows.register_model(database)
    instance_id = rows.receive(database).instance_id
    if standing == "screened":
        rows.queue(database, instance_id)
        rows.screen(database, instance_id)
    elif standing == "refused":
        with database.write() as session:
            films.refuse(session, instance_id, Refusal.NOT_CHEST, "a hand")
    with database.write() as session:
        row = instance_id + 1000 if standing == "unknown" else instance_id
        assert screenings.begin_attempt(session, row) is None


def test_a_film_begun_ten_times_and_never_finished_is_refused(database: Database) -> None:
    rows.register_model(database)
    instance_id = rows.receive_and_queue(database)
    for number in range(1, MAX_ATTEMPTS + 1):
        with database.write() as session:
            attempt = screenings.begin_attempt(session, instance_id)
        assert isinstance(attempt, Attempt)
        assert attempt.number == number
    with database.write() as session:
        assert screenings.begin_attempt(session, instance_id) is Refusal.PROCESSING_FAILED
    film = rows.read_film(database, instance_id)
    assert (film.state, film.refusal) == (FilmState.REFUSED, Refusal.PROCESSING_FAILED)
    assert film.refusal_detail == "begun 10 times by a worker and never finished"


def test_a_film_with_three_strikes_is_refused(database: Database) -> None:
    rows.register_model(database)
    instance_id = rows.receive_and_queue(database)
    for _ in range(MAX_STRIKES):
        with database.write() as session:
            assert isinstance(screenings.begin_attempt(session, instance_id), Attempt)
        with database.write() as session:
            screenings.record_strike(session, instance_id)
    with database.write() as session:
        assert screenings.begin_attempt(session, instance_id) is Refusal.PROCESSING_FAILED
    film = rows.read_film(database, instance_id)
    assert film.refusal_detail == "its prediction failed 3 times and nothing else did"


def test_attempts_that_came_to_no_end_are_no_strikes(database: Database) -> None:
    rows.register_model(database)
    instance_id = rows.receive_and_queue(database)
    for _ in range(MAX_STRIKES + 1):
        with database.write() as session:
            assert isinstance(screenings.begin_attempt(session, instance_id), Attempt)
    rows.screen(database, instance_id)
    assert rows.read_film(database, instance_id).state == FilmState.SCREENED


def test_a_late_strike_changes_nothing(database: Database) -> None:
    rows.register_model(database)
    instance_id = rows.receive_and_queue(database)
    rows.screen(database, instance_id)
    with database.write() as session:
        screenings.record_strike(session, instance_id)
        screenings.record_strike(session, instance_id + 1000)
    assert rows.read_film(database, instance_id).screening_strikes == 0


def test_a_malformed_message_is_a_strike_and_its_film_is_dispatched_again(database: Database) -> None:
    rows.register_model(database)
    instance_id = rows.receive_and_queue(database)
    key = film_key("1.2.3.1")
    ends = []
    for _ in range(MAX_STRIKES):
        with database.write() as session:
            ends.append(screenings.strike(session, instance_id, key, "array values are 0..1"))
        film = rows.read_film(database, instance_id)
        if film.state == FilmState.RECEIVED:
            assert film.due_at <= now()
            rows.queue(database, instance_id)
    assert ends == [None, None, Refusal.PROCESSING_FAILED]
    assert (film.state, film.refusal) == (FilmState.REFUSED, Refusal.PROCESSING_FAILED)
    assert "array values are 0..1" in (film.refusal_detail or "")


def test_a_malformed_message_strikes_no_other_film_and_none_that_is_not_queued(database: Database) -> None:
    rows.register_model(database)
    waiting = rows.receive(database, "1.2.3.1").instance_id
    queued = rows.receive_and_queue(database, "1.2.3.2")
    with database.write() as session:
        assert screenings.strike(session, waiting, film_key("1.2.3.1"), "fault") is None
        assert screenings.strike(session, queued, film_key("1.2.3.1"), "fault") is None
        assert screenings.strike(session, 12345, film_key("1.2.3.1"), "fault") is None
    for film in (waiting, queued):
        assert rows.read_film(database, film).screening_strikes == 0


def test_attempts_are_counted_across_dispatches(database: Database) -> None:
    rows.register_model(database)
    instance_id = rows.receive_and_queue(database)
    for _ in range(MAX_ATTEMPTS):
        with database.write() as session:
            assert screenings.begin_attempt(session, instance_id) is not None
        rows.make_due(database, Instance)
        with database.write() as session:
            assert len(films.lease_due(session, rows.GATEWAY, rows.LEASE, 9)) == 1
        rows.queue(database, instance_id)
    with database.write() as session:
        assert screenings.begin_attempt(session, instance_id) is Refusal.PROCESSING_FAILED
    assert rows.read_film(database, instance_id).refusal == Refusal.PROCESSING_FAILED


def test_an_attempt_handed_back_is_no_strike(database: Database) -> None:
    rows.register_model(database)
    instance_id = rows.receive_and_queue(database)
    for _ in range(MAX_ATTEMPTS + 1):
        with database.write() as session:
            attempt = screenings.begin_attempt(session, instance_id)
            assert isinstance(attempt, Attempt)
            assert attempt.number == 1
            screenings.hand_back(session, instance_id, timedelta(0))
        rows.queue(database, instance_id)


def test_a_result_is_written_with_its_outbox_row(database: Database) -> None:
    rows.register_model(database)
    instance_id = rows.receive_and_queue(database)
    result = rows.make_result(instance_id, score=0.75)
    with database.write() as session:
        assert screenings.record_result(session, result)
    with database.read() as session:
        screening = session.scalars(select(Screening)).one()
        entry = session.scalars(select(OutboxEntry)).one()
    assert entry.screening_id == screening.id
    assert (screening.score, screening.finding, screening.priority) == (0.75, "present", "HIGH")
    assert (screening.started_at, screening.finished_at) == (result.started_at, result.finished_at)
    assert rows.read_film(database, instance_id).state == FilmState.SCREENED


def test_a_second_result_changes_nothing(database: Database) -> None:
    rows.register_model(database)
    instance_id = rows.receive_and_queue(database)
    rows.screen(database, instance_id, score=0.25)
    with database.write() as session:
        assert screenings.record_result(session, rows.make_result(instance_id, score=0.99)) is False
    with database.read() as session:
        assert session.scalars(select(Screening.score)).all() == [0.25]
        assert len(session.scalars(select(OutboxEntry)).all()) == 1


def test_results_at_the_same_time_are_one(database: Database) -> None:
    rows.register_model(database)
    instance_id = rows.receive_and_queue(database)
    barrier = Barrier(4)

    def record(number: int) -> bool:
        barrier.wait(timeout=30)
        with database.write() as session:
            return screenings.record_result(session, rows.make_result(instance_id, score=number / 10))

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(record, range(4))) == [False, False, False, True]
    with database.read() as session:
        assert len(session.scalars(select(Screening)).all()) == 1


def test_a_result_of_another_bundle_than_the_pinned_is_not_taken(database: Database) -> None:
    rows.register_model(database, rows.OTHER_DIGEST)
    rows.register_model(database, rows.DIGEST)
    instance_id = rows.receive_and_queue(database)
    with database.write() as session:
        result = rows.make_result(instance_id, digest=rows.OTHER_DIGEST)
        assert screenings.record_result(session, result) is False
    assert rows.read_film(database, instance_id).state == FilmState.QUEUED


def test_the_database_itself_refuses_a_second_screening(database: Database) -> None:
    rows.register_model(database)
    instance_id = rows.receive_and_queue(database)
    rows.screen(database, instance_id)
    with pytest.raises(IntegrityError, match=r"screenings.instance_id|uq_screenings_instance_id"):
        _insert_second_screening(database)


def test_a_film_handed_back_is_received_and_waits(database: Database) -> None:
    rows.register_model(database)
    instance_id = rows.receive_and_queue(database)
    with database.write() as session:
        screenings.hand_back(session, instance_id, timedelta(hours=1))
        assert films.lease_due(session, rows.GATEWAY, rows.LEASE, 9) == []
    rows.make_due(database, Instance)
    assert rows.read_film(database, instance_id).state == FilmState.RECEIVED
    with database.write() as session:
        assert len(films.lease_due(session, rows.GATEWAY, rows.LEASE, 9)) == 1


def test_a_screened_film_is_not_handed_back(database: Database) -> None:
    rows.register_model(database)
    instance_id = rows.receive_and_queue(database)
    rows.screen(database, instance_id)
    with database.write() as session:
        screenings.hand_back(session, instance_id, timedelta(0))
    assert rows.read_film(database, instance_id).state == FilmState.SCREENED


def _insert_second_screening(database: Database) -> None:
    with database.write() as session:
        first = session.scalars(select(Screening)).one()
        columns = {
            column.name: getattr(first, column.name)
            for column in Screening.__table__.columns
            if column.name != "id"
        }
        session.add(Screening(**columns))


def test_an_array_of_another_film_is_not_screened_as_this_one(database: Database) -> None:
    """A message in the queue is older than the backup that was restored; its number has another film now."""
    rows.register_model(database)
    instance_id = rows.receive_and_queue(database, "1.2.3.1")
    with database.write() as session:
        assert screenings.begin_attempt(session, instance_id, film_key("1.2.3.9")) is None
        assert screenings.begin_attempt(session, instance_id, film_key("1.2.3.1")) is not None
        stale = replace(rows.make_result(instance_id), film_key=film_key("1.2.3.9"))
        assert screenings.record_result(session, stale) is False
        assert screenings.record_result(session, replace(stale, film_key=film_key("1.2.3.1"))) is True
