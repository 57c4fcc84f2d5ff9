"""Events become notices: each once, by rule; silent stations are found, old rows deleted."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from db.clock import now
from db.database import Database
from db.delivery import deliveries
from db.erasure import patient_data
from db.erasure.patient_data import PatientData
from db.hl7 import hl7_messages
from db.notices import notice_events, notice_outbox
from db.tables import Hl7Message, Instance, NoticeEvent, NoticeRow
from domain.codes import Finding, NoticedEvent, Priority
from notices.alarms import AlarmSource, SilentStations
from notices.notice_round import NoticeRound
from notices.notice_settings import NoticeSettings
from tests.unit import rows
from tests.unit.notices.couriers import look, screen

WEBHOOKS = [
    {"name": name, "url": "https://a.example/", "secret_variable": "HOOK"} for name in ("ops", "reader")
]


@pytest.fixture
def database(database: Database) -> Database:
    rows.register_model(database)
    return database


def tell(database: Database, *rules: dict[str, Any], sources: tuple[AlarmSource, ...] = ()) -> None:
    """Run one round with these rules."""
    settings = NoticeSettings.model_validate({"webhooks": WEBHOOKS, "rules": rules})
    notices = NoticeRound(database, settings, sources)
    while notices.make_due(threading.Event()):
        pass


def count(database: Database, table: type[Any]) -> int:
    """Return the number of rows."""
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_the_finding_of_another_film_is_another_event_though_sqlite_gives_its_number_again(
    database: Database,
) -> None:
    keys = []
    for number in (1, 2):
        screen(database, number, "CR1")
        with database.write() as session:
            keys.append(session.scalars(select(NoticeEvent.event_key)).one())
            patient_data.erase(session, PatientData(films=list(session.scalars(select(Instance.id)))))
    assert len(set(keys)) == 2


def test_a_high_finding_is_one_event_and_one_notice_to_each_receiver_of_its_rules(database: Database) -> None:
    screen(database, 1, "CR1")
    screen(database, 2, "CR2")
    screen(database, 3, "CR1", score=0.5, finding=Finding.PRESENT, priority=Priority.MEDIUM)
    high = {"event": "high_finding", "to": ["ops"]}
    tell(database, high, high | {"to": ["ops", "reader"], "stations": ["CR1"]})
    assert [(row.receiver, row.kind) for row in look(database)] == [
        ("ops", "high_finding"),
        ("reader", "high_finding"),
        ("ops", "high_finding"),
    ]
    tell(database, high)
    assert count(database, NoticeRow) == 3
    assert count(database, NoticeEvent) == 2


def test_two_couriers_tell_an_event_once(database: Database) -> None:
    for number in range(8):
        screen(database, number)
    rule = {"event": "high_finding", "to": ["ops"]}
    threads = [threading.Thread(target=tell, args=(database, rule)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert count(database, NoticeRow) == 8


def test_without_rules_events_are_deleted_and_nobody_is_told(database: Database) -> None:
    screen(database)
    tell(database)
    assert (count(database, NoticeEvent), count(database, NoticeRow)) == (0, 0)


def test_parked_deliveries_of_a_peer_are_one_event_a_day(database: Database) -> None:
    for number in range(3):
        screen(database, number)
    rows.report(database, ["pacs", "archive"])
    with database.write() as session:
        for due in deliveries.lease_due(session, rows.LEASE, 99):
            deliveries.park(session, due.delivery_id, "status 0xA900")
    tell(database, {"event": "parked_delivery", "to": ["ops"]})
    assert sorted((row.kind, row.subject) for row in look(database)) == [
        ("parked_delivery", "archive"),
        ("parked_delivery", "pacs"),
    ]


def test_a_station_that_fell_silent_is_told_once_for_each_silence(database: Database) -> None:
    for number in range(12):
        screen(database, number, "CR1" if number < 11 else "TYPO")
    silence = SilentStations(72)
    rule = {"event": "silent_station", "to": ["ops"]}
    tell(database, rule, sources=(silence,))
    assert look(database) == []
    for days, told in ((4, 1), (4, 1), (10, 2), (40, 2)):
        if days != 4 or told != len(look(database)):
            with database.write() as session:
                session.execute(update(Instance).values(received_at=now() - timedelta(days=days)))
        tell(database, rule, sources=(silence,))
        assert [row.subject for row in look(database)] == ["CR1"] * told


def test_a_parked_notice_raises_no_event_and_an_erased_one_no_error(database: Database) -> None:
    screen(database)
    tell(database, {"event": "high_finding", "to": ["ops"]})
    before = count(database, NoticeEvent)
    with database.write() as session:
        (due,) = notice_outbox.lease_due(session, rows.LEASE, 9, "ops")
        notice_outbox.park(session, due.number, "status 422")
        for number in (due.number, 77):
            notice_outbox.retry_later(session, number, timedelta(0), "late")
            notice_outbox.mark_delivered(session, 77)
            notice_outbox.park(session, 77, "late")
    assert count(database, NoticeEvent) == before
    assert look(database)[0].state == "parked"


def test_old_events_are_deleted_with_their_notices_but_not_what_is_on_its_way(database: Database) -> None:
    screen(database, 1)
    screen(database, 2)
    tell(database, {"event": "high_finding", "to": ["ops"]})
    with database.write() as session:
        session.execute(update(NoticeEvent).values(told_at=now() - timedelta(days=100)))
        (due, _) = notice_outbox.lease_due(session, rows.LEASE, 9, "ops")
        notice_outbox.mark_delivered(session, due.number)
        notice_events.purge(session, timedelta(days=90))
    assert [row.state for row in look(database)] == ["pending"]


def test_the_same_alarm_of_two_installations_is_two_notices(database: Database) -> None:
    """Receivers and mail servers drop what has an identifier that they know."""
    keys, identifiers = [], []
    for _ in range(2):
        with database.write() as session:
            notice_events.record(session, NoticedEvent.DRIFT, "CR1", "week 1", {"summary": "Drift"})
        tell(database, {"event": "drift", "to": ["ops"]})
        with database.write() as session:
            keys.append(session.scalars(select(NoticeEvent.event_key)).one())
            identifiers.append(session.scalars(select(NoticeRow)).one().content["id"])
            session.execute(delete(NoticeRow))
            session.execute(delete(NoticeEvent))
    assert keys[0] == keys[1]
    assert identifiers[0] != identifiers[1]


def test_the_same_alarm_is_one_event(database: Database) -> None:
    with database.write() as session:
        for occasion in ("week 1", "week 1", "week 2"):
            notice_events.record(session, NoticedEvent.DRIFT, "CR1", occasion, {"summary": "Drift"})
    assert count(database, NoticeEvent) == 2


def test_a_parked_hl7_message_is_an_event(database: Database) -> None:
    screen(database)
    with database.write() as session:
        film = session.scalars(select(Instance)).one()
        values = {"control_id": "1", "receiver": "ris", "instance_id": film.id, "screening_id": None}
        session.add(
            Hl7Message(**values, filler_number="f", kind="result", subject="s", content=b"x",
                       state="pending", due_at=now(), created_at=now())
        )  # fmt: skip
        session.flush()
        (due,) = hl7_messages.lease_due(session, rows.LEASE, 9, "ris")
        hl7_messages.park(session, due.message_id, "AE", "AE")
    tell(database, {"event": "parked_delivery", "to": ["ops"]})
    assert [row.subject for row in look(database)] == ["ris"]
