"""Films that do not end are found in each state, and by their ids."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from db.clock import now
from db.counts import late_films
from db.database import Database
from db.delivery import outbox, unbuilt_reports
from db.films import films
from db.tables import Instance, OutboxEntry, Screening
from domain.codes import Refusal
from domain.film_key import film_key
from tests.unit import rows

AGO = timedelta(hours=2)


@pytest.fixture
def late(database: Database) -> Database:
    """A film in each state before its report, two hours old, and one that is reported."""
    rows.register_model(database)
    reported = rows.receive_and_queue(database, "1.2.3.5")
    rows.screen(database, reported)
    rows.report(database)
    rows.receive(database, "1.2.3.1")
    rows.receive_and_queue(database, "1.2.3.2")
    rows.screen(database, rows.receive_and_queue(database, "1.2.3.3"))
    refused = rows.receive(database, "1.2.3.4").instance_id
    with database.write() as session:
        films.refuse(session, refused, Refusal.NOT_CHEST, "a hand")
        session.execute(update(Instance).values(received_at=now() - AGO, state_changed_at=now() - AGO))
        session.execute(update(Screening).values(finished_at=now() - AGO))
    return database


def test_a_film_is_late_in_any_state_before_its_report(late: Database) -> None:
    rows.receive(late, "1.2.3.9")
    with late.read() as session:
        found = late_films.find_late(session, 9)
        assert late_films.find_late(session, 2).count == 4
        assert len(late_films.find_late(session, 2).oldest) == 2
        assert late_films.find_late(session, 9, timedelta(hours=3)).count == 0
    assert found.count == 4
    assert {(film.film_key, film.state) for film in found.oldest} == {
        (film_key(f"1.2.3.{number}"), state)
        for number, state in ((1, "received"), (2, "queued"), (3, "screened"), (4, "refused"))
    }


def test_a_parked_report_waits_for_a_person(late: Database) -> None:
    with late.write() as session:
        (leased,) = outbox.lease(session, rows.LEASE, 9)
        outbox.park(session, leased.outbox_id, "sr: ValueError")
    with late.read() as session:
        assert late_films.find_late(session, 9).count == 3
        assert unbuilt_reports.count_parked(session) == 1
        entry = session.get_one(OutboxEntry, leased.outbox_id)
        assert entry.due_at > now() + timedelta(days=365)
