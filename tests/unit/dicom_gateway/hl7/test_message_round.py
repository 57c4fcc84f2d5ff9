"""Messages that receivers get of films: results, corrections under the same number, withdrawals, refusals."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select

from db.database import Database
from db.delivery import unbuilt_reports
from db.films import films
from db.hl7 import hl7_messages
from db.patients import conflict_resolution, patient_changes
from db.patients.patient_changes import Author
from db.tables import Conflict, Hl7Message, Hl7OutboxEntry, Instance
from db.worklist.studies import StudyHeader
from dicom_gateway.hl7.message_round import MessageRound
from dicom_gateway.hl7.message_settings import MessageSettings
from dicom_gateway.settings import CourierSettings
from domain.codes import ConflictDecision, Finding, Priority, Refusal
from domain.patient_identity import Patient
from tests.unit import rows
from tests.unit.dicom_gateway.hl7.messages import split

STUDY = StudyHeader("1.2.3", "ACC1", "4711", "Doe^Jane", "19700102", "F")
OTHER = StudyHeader("1.2.4", "ACC2", "4712", "Roe^Ann", "19800102", "F")
AUTHOR = Author("admin", "why not")


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    rows.register_model(sqlite_database)
    return sqlite_database


def tell(database: Database, *receivers: dict[str, Any]) -> None:
    """Make all messages that are due; by default for one receiver without rules."""
    chosen = receivers or ({},)
    named = [{"name": f"r{number}", "host": "h", "port": 1} | given for number, given in enumerate(chosen)]
    settings = MessageSettings.model_validate({"receivers": named})
    message_round = MessageRound(database, settings, CourierSettings())
    while message_round.make_due(threading.Event()):
        pass


def look(database: Database) -> list[Hl7Message]:
    with database.read() as session:
        return list(session.scalars(select(Hl7Message).order_by(Hl7Message.id)))


def kinds(database: Database) -> list[str]:
    return [message.kind for message in look(database)]


def count_waiting(database: Database) -> int:
    with database.read() as session:
        return len(session.scalars(select(Hl7OutboxEntry)).all())


def screen(database: Database, content: str = "pixels", study: StudyHeader = STUDY, **result: Any) -> int:
    """Receive and screen one revision of a film."""
    instance_id = rows.receive_and_queue(database, content=content, study=study)
    rows.screen(database, instance_id, **result)
    return instance_id


def refuse(database: Database, refusal: Refusal, content: str = "pixels") -> int:
    instance_id = rows.receive(database, content=content, study=STUDY).instance_id
    with database.write() as session:
        assert films.refuse(session, instance_id, refusal, "why")
    return instance_id


def test_each_receiver_is_told_of_a_result_once(database: Database) -> None:
    screen(database)
    tell(database, {}, {})
    with database.write() as session:
        session.add(Hl7OutboxEntry(instance_id=1, due_at=look(database)[0].created_at))
    tell(database, {}, {})

    first, second = look(database)
    assert (first.receiver, second.receiver) == ("r0", "r1")
    assert (first.kind, first.state) == ("result", "pending")
    assert first.control_id != second.control_id
    assert split(first.content)["MSH"][0][10] == first.control_id
    assert len(first.control_id) == 20
    assert split(first.content)["PID"][0][3] == "4711"
    assert count_waiting(database) == 0


def test_without_receivers_nothing_is_kept(database: Database) -> None:
    screen(database)
    message_round = MessageRound(database, MessageSettings(), CourierSettings())
    assert message_round.make_due(threading.Event())
    assert (count_waiting(database), kinds(database)) == (0, [])


@pytest.mark.parametrize(
    ("receiver", "told"),
    [
        ({}, ["result"]),
        ({"rules": [{"findings": ["present"]}]}, ["result"]),
        ({"rules": [{"findings": ["absent"]}, {"priorities": ["HIGH"]}]}, ["result"]),
        ({"rules": [{"findings": ["absent"]}]}, []),
        ({"rules": [{"refusals": ["not_chest"]}]}, []),
        ({"rules": [{"senders": ["MOD*"]}]}, ["result"]),
    ],
)
def test_rules_choose_the_results(receiver: dict[str, Any], told: list[str], database: Database) -> None:
    screen(database)
    tell(database, receiver)
    assert kinds(database) == told


@pytest.mark.parametrize(
    ("receiver", "refusal", "told"),
    [
        ({}, Refusal.NOT_CHEST, []),
        ({"refusals": True}, Refusal.NOT_CHEST, ["refusal"]),
        ({"rules": [{"refusals": ["not_chest"]}]}, Refusal.NOT_CHEST, ["refusal"]),
        ({"refusals": True}, Refusal.UNSUPPORTED_SOP_CLASS, []),
        ({"rules": [{"refusals": ["unsupported_sop_class"]}]}, Refusal.UNSUPPORTED_SOP_CLASS, ["refusal"]),
        ({"refusals": True}, Refusal.OWN_OUTPUT, []),
    ],
)
def test_refusals_are_told_to_who_asks(
    receiver: dict[str, Any], refusal: Refusal, told: list[str], database: Database
) -> None:
    refuse(database, refusal)
    tell(database, receiver)
    assert kinds(database) == told


def test_a_corrected_film_corrects_its_result_under_the_same_number(database: Database) -> None:
    screen(database)
    tell(database)
    screen(database, "other pixels", finding=Finding.ABSENT, priority=Priority.LOW, score=0.1)
    tell(database, {"rules": [{"findings": ["present"]}]})  # who was told must be told

    first, second = look(database)
    assert (first.kind, second.kind) == ("result", "correction")
    assert first.filler_number == second.filler_number
    assert first.control_id != second.control_id
    assert split(second.content)["OBX"][0][5] == "272519000^Absent^SCT"


def test_a_corrected_film_that_is_refused_withdraws_its_result(database: Database) -> None:
    screen(database)
    tell(database)
    refuse(database, Refusal.UNDER_AGE, "other pixels")
    tell(database, {"refusals": True})

    first, second = look(database)
    assert (second.kind, second.filler_number) == ("withdrawal", first.filler_number)
    assert "Patient too young" in split(second.content)["OBX"][-1][5]


@pytest.mark.parametrize("refusal", [Refusal.UNDECODABLE, Refusal.PROCESSING_FAILED])
def test_a_technical_failure_withdraws_nothing(refusal: Refusal, database: Database) -> None:
    screen(database)
    tell(database)
    refuse(database, refusal, "other pixels")
    tell(database, {"refusals": True})
    assert kinds(database) == ["result"]


@pytest.mark.parametrize(
    ("decision", "told"),
    [
        (ConflictDecision.BOTH, ["result", "result"]),
        (ConflictDecision.NEWER, ["result", "result", "withdrawal"]),
        (ConflictDecision.OLDER, ["result", "result", "withdrawal"]),
        (ConflictDecision.MERGE, ["result", "result", "withdrawal", "withdrawal", "result"]),
    ],
)
def test_a_decided_conflict(decision: ConflictDecision, told: Sequence[str], database: Database) -> None:
    screen(database)
    screen(database, "other pixels", OTHER)
    tell(database)
    with database.write() as session:
        number = session.scalars(select(Conflict.id)).one()
        conflict_resolution.resolve(session, number, decision, AUTHOR)
    tell(database)

    messages = look(database)
    assert [message.kind for message in messages] == told
    patients = [split(message.content)["PID"][0][3] for message in messages]
    if decision is ConflictDecision.NEWER:
        assert patients[2] == "4711"
    if decision is ConflictDecision.OLDER:
        assert patients[2] == "4712"
    if decision is ConflictDecision.MERGE:
        assert sorted(patients[2:4]) == ["4711", "4712"]
        assert patients[4] == "4712"


def test_a_study_that_is_given_to_another_patient_is_withdrawn_from_the_first(database: Database) -> None:
    screen(database)
    tell(database)
    with database.write() as session:
        patient_changes.move_study(session, "1.2.3", Patient("4799", None, "Poe^Zoe"), AUTHOR)
    tell(database)

    first, withdrawal, anew = look(database)
    assert (withdrawal.kind, withdrawal.filler_number) == ("withdrawal", first.filler_number)
    assert split(withdrawal.content)["PID"] == split(first.content)["PID"]
    assert anew.kind == "result"
    assert anew.filler_number != first.filler_number
    assert split(anew.content)["PID"][0][3:6] == ["4799", "", "Poe^Zoe^^^^^L^A"]


def test_a_refusal_for_another_patient_has_another_number(database: Database) -> None:
    refuse(database, Refusal.NOT_FRONTAL)
    tell(database, {"refusals": True})
    with database.write() as session:
        patient_changes.move_study(session, "1.2.3", Patient("4799", None, "Poe^Zoe"), AUTHOR)
    tell(database, {"refusals": True})
    refuse(database, Refusal.UNDER_AGE, "other pixels")
    tell(database, {"refusals": True})

    first, moved, again = look(database)
    assert [message.kind for message in (first, moved, again)] == ["refusal"] * 3
    patients = [split(message.content)["PID"][0][3] for message in (first, moved, again)]
    assert (patients[0], patients[1:]) == ("4711", ["4799", "4799"])
    assert first.filler_number != moved.filler_number == again.filler_number


def test_a_corrected_name_alone_sends_nothing(database: Database) -> None:
    screen(database)
    tell(database)
    with database.write() as session:
        patient_changes.move_study(session, "1.2.3", Patient("4711", None, "Doe^Janet"), AUTHOR)
    tell(database)
    assert kinds(database) == ["result"]


def test_a_film_without_patient_id_is_parked_until_it_has_one(database: Database) -> None:
    screen(database, study=StudyHeader("1.2.3", "ACC1", None, "Doe^Jane"))
    tell(database)
    with database.read() as session:
        (parked,) = unbuilt_reports.list_parked(session, 9)
    assert (parked.of, parked.attempts) == ("hl7", 1)
    assert "no patient ID" in (parked.last_error or "")
    assert kinds(database) == []

    with database.write() as session:
        patient_changes.move_study(session, "1.2.3", Patient("4711"), AUTHOR)
    tell(database)
    assert kinds(database) == ["result"]
    assert count_waiting(database) == 0


def test_a_message_that_cannot_be_made_is_tried_again_and_parked(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen(database)
    monkeypatch.setattr(hl7_messages, "store", lambda *_: 1 / 0)
    for attempt in range(1, 11):
        tell(database)
        with database.read() as session:
            entry = session.scalars(select(Hl7OutboxEntry)).one()
        assert (entry.attempts, entry.parked_at is not None) == (attempt, attempt == 10)
        rows.make_due(database, Hl7OutboxEntry)
    assert kinds(database) == []
    monkeypatch.undo()
    with database.write() as session:
        assert unbuilt_reports.replay(session) == 1
    tell(database)
    assert kinds(database) == ["result"]


def test_two_couriers_make_each_message_once(database: Database) -> None:
    for number in range(6):
        rows.screen(database, rows.receive_and_queue(database, f"1.2.3.{number}", study=STUDY))
    threads = [threading.Thread(target=tell, args=(database, {}, {})) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    told = {(message.receiver, message.instance_id) for message in look(database)}
    with database.read() as session:
        films_there = session.scalars(select(Instance.id)).all()
    assert len(look(database)) == len(told) == 2 * len(films_there) == 12
