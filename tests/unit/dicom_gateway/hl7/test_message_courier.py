"""Messages on their way: stored bytes sent again, answers told apart, a receiver in trouble, no double."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from db.database import Database
from db.erasure import patient_data
from db.erasure.patient_data import PatientData
from db.hl7 import hl7_messages, message_list
from db.hl7.hl7_messages import DueMessage, StoredMessage
from db.hl7.message_list import MessageRow
from db.tables import Hl7Message
from db.worklist.studies import StudyHeader
from dicom_gateway.hl7.message_courier import MessageCourier, MessageOutbox
from dicom_gateway.hl7.message_settings import MessageSettings
from dicom_gateway.settings import CourierSettings
from domain.codes import Finding, Priority
from tests.servers.peers.mllp_receiver import MllpReceiver, acknowledge, read_control_id
from tests.servers.ports import free_port, wait_until
from tests.unit import rows

STUDY = StudyHeader("1.2.3", "ACC1", "4711", "Doe^Jane", "19700102", "F")
HURRIED = CourierSettings(
    poll_interval_s=0.02, retry_first_s=0.05, retry_most_s=0.2, maximum_attempts=50, network_timeout_s=5
)


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    rows.register_model(sqlite_database)
    return sqlite_database


@pytest.fixture
def receiver() -> Iterator[MllpReceiver]:
    started = MllpReceiver()
    yield started
    started.go_away()


def screen(database: Database, number: int = 1, content: str = "pixels", **result: Any) -> None:
    rows.screen(database, rows.receive_and_queue(database, f"1.2.3.{number}", content, study=STUDY), **result)


@contextmanager
def courier(
    database: Database, *ports: int, settings: CourierSettings = HURRIED, **receiver: Any
) -> Iterator[None]:
    """Run a courier of messages to receivers at these ports of this host."""
    values = {"acknowledgement_timeout_s": 5} | receiver
    receivers = [{"name": f"r{port}", "host": "127.0.0.1", "port": port} | values for port in ports]
    messages = MessageCourier(
        database, MessageSettings.model_validate({"receivers": receivers}), settings, None
    )
    ending = threading.Event()
    thread = threading.Thread(target=messages.run, args=(ending,))
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join(30)
        assert not thread.is_alive()


def look(database: Database) -> list[MessageRow]:
    with database.read() as session:
        return message_list.list_messages(session, None, 100)[::-1]


def wait_for(database: Database, states: Sequence[str]) -> list[MessageRow]:
    wait_until(lambda: [row.state for row in look(database)] == list(states), 30, f"messages are {states}")
    return look(database)


def store_message(database: Database, number: int) -> DueMessage:
    """Lease the one message, on a film of its own."""
    film = rows.receive(database, f"1.2.3.{number}", study=STUDY).instance_id
    message = StoredMessage(f"control-{number}", "ris", film, None, f"filler-{number}", "result", "", b"MSH")
    with database.write() as session:
        hl7_messages.store(session, message)
        (due,) = hl7_messages.lease_due(session, rows.LEASE, 9, "ris")
    return due


def test_the_message_with_the_number_of_an_erased_one_is_another(sqlite_database: Database) -> None:
    messages = MessageOutbox(MessageSettings(), None)
    erased = store_message(sqlite_database, 1)
    with sqlite_database.write() as session:
        patient_data.erase(session, PatientData(films=[1]))
    waiting = store_message(sqlite_database, 2)
    assert waiting.number == erased.number, "SQLite gives it again"
    with sqlite_database.read() as session:
        assert [messages.is_stored(session, row) for row in (erased, waiting)] == [False, True]


def test_a_result_arrives_as_it_is_stored_and_once(database: Database, receiver: MllpReceiver) -> None:
    for number in range(3):
        screen(database, number)
    with courier(database, receiver.port):
        delivered = wait_for(database, ["delivered"] * 3)
    assert {row.acknowledgement for row in delivered} == {"AA"}
    with database.read() as session:
        stored = [
            found[1] for row in delivered if (found := message_list.find_message(session, row.message_id))
        ]
    assert sorted(receiver.received) == sorted(stored)
    assert len({read_control_id(message) for message in receiver.received}) == 3


def test_a_lost_answer_lets_the_same_bytes_come_again(database: Database, receiver: MllpReceiver) -> None:
    silent = iter([True, True])
    receiver.answer = lambda message: None if next(silent, False) else acknowledge(message)
    screen(database)
    with courier(database, receiver.port, acknowledgement_timeout_s=0.3):
        (row,) = wait_for(database, ["delivered"])
    assert row.attempts == len(receiver.received) == 3
    assert len(set(receiver.received)) == 1


@pytest.mark.parametrize(
    ("code", "error", "state"),
    [("AE", "101", "parked"), ("AR", "203", "parked"), ("AE", "207", "delivered"), ("AR", "", "delivered")],
)
def test_a_refused_message_is_parked_and_one_for_later_sent_again(
    code: str, error: str, state: str, database: Database, receiver: MllpReceiver
) -> None:
    refused = iter([True])
    receiver.answer = lambda message: (
        acknowledge(message, code, error, "no bed") if next(refused, False) else acknowledge(message)
    )
    screen(database)
    with courier(database, receiver.port):
        (row,) = wait_for(database, [state])
    if state == "parked":
        assert row.acknowledgement == code
        assert row.last_error == f"{code} {error}: no bed"
        assert len(receiver.received) == 1
    else:
        assert (row.acknowledgement, len(set(receiver.received)), len(receiver.received)) == ("AA", 1, 2)


def test_a_parked_message_is_replayed_with_its_number_and_bytes(
    database: Database, receiver: MllpReceiver
) -> None:
    receiver.answer = lambda message: acknowledge(message, "AE", "101")
    screen(database)
    with courier(database, receiver.port):
        wait_for(database, ["parked"])
        receiver.answer = acknowledge
        with database.write() as session:
            assert message_list.replay(session) == 1
        wait_for(database, ["delivered"])
    assert len(receiver.received) == 2
    assert len(set(receiver.received)) == 1


def test_a_receiver_that_is_away_delays_no_other_and_gets_everything(
    database: Database, receiver: MllpReceiver
) -> None:
    late = MllpReceiver()
    late.go_away()
    for number in range(3):
        screen(database, number)
    with courier(database, receiver.port, late.port):
        wait_until(lambda: len(receiver.received) == 3, 30, "the other receiver has all")
        assert late.received == []
        late.come_back()
        wait_for(database, ["delivered"] * 6)
    assert len({read_control_id(message) for message in late.received}) == 3
    late.go_away()


def test_a_correction_never_overtakes_the_result(database: Database, receiver: MllpReceiver) -> None:
    refused = iter([True] * 3)
    receiver.answer = lambda message: (
        acknowledge(message, "AE", "206") if next(refused, False) else acknowledge(message)
    )
    screen(database)
    screen(database, content="other", finding=Finding.ABSENT, priority=Priority.LOW, score=0.1)
    with courier(database, receiver.port):
        wait_until(lambda: [row.state for row in look(database)][-1:] == ["delivered"], 30, "all delivered")
        screen(database, content="third")
        wait_until(lambda: [row.kind for row in look(database)][-1] == "correction", 30, "corrected")
        wait_until(lambda: {row.state for row in look(database)} == {"delivered"}, 30, "all delivered")
    order = list(dict.fromkeys(read_control_id(message) for message in receiver.received))
    assert order == [row.control_id for row in look(database)]


def test_an_overtaken_message_is_not_replayed(database: Database, receiver: MllpReceiver) -> None:
    receiver.answer = lambda message: acknowledge(message, "AE", "101")
    screen(database)
    with courier(database, receiver.port):
        wait_for(database, ["parked"])
        receiver.answer = acknowledge
        screen(database, content="other")
        wait_for(database, ["parked", "delivered"])
        with database.write() as session:
            assert message_list.replay(session) == 0
            assert message_list.replay(session, delivered=True) == 1
        wait_for(database, ["parked", "delivered"])


def test_messages_to_a_receiver_that_is_gone_from_the_settings_are_parked(
    database: Database, receiver: MllpReceiver
) -> None:
    screen(database)
    nobody = free_port()
    with courier(database, nobody):
        wait_until(lambda: len(look(database)) == 1, 30, "made")
    rows.make_due(database, Hl7Message)
    with courier(database, receiver.port):
        (row,) = wait_for(database, ["parked"])
    assert row.last_error == "this receiver is not in the settings"
    assert receiver.received == []


@pytest.mark.parametrize("answer", [b"hello", b"MSH|^~\\&|x\r", acknowledge(b"MSH|^~\\&|||||||x|OTHER|")])
def test_an_answer_to_another_message_is_none(
    answer: bytes, database: Database, receiver: MllpReceiver
) -> None:
    wrong = iter([True])
    receiver.answer = lambda message: answer if next(wrong, False) else acknowledge(message)
    screen(database)
    with courier(database, receiver.port):
        (row,) = wait_for(database, ["delivered"])
    assert (row.attempts, len(receiver.received)) == (2, 2)


def test_an_endless_answer_is_cut_off(
    database: Database, receiver: MllpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicom_gateway.hl7.mllp_connection.MOST_ANSWER_BYTES", 10_000)
    receiver.answer = lambda _: b"x" * 100_000
    screen(database)
    with courier(database, receiver.port, settings=HURRIED.model_copy(update={"maximum_attempts": 1})):
        (row,) = wait_for(database, ["parked"])
    assert row.last_error == "the answer has more than 10000 bytes"


def test_no_line_of_the_log_quotes_a_receiver(database: Database, receiver: MllpReceiver) -> None:
    receiver.answer = lambda message: acknowledge(message, "AE", "101", "Doe^Jane is unknown")
    screen(database)
    with capture_logs() as lines, courier(database, receiver.port):
        (row,) = wait_for(database, ["parked"])
    assert "Doe" in (row.last_error or "")
    assert [line["reason"] for line in lines if line["event"] == "HL7 message parked"] == ["AE"]
    assert "Doe" not in str(lines)


def test_each_attempt_at_a_dead_receiver_is_counted_until_it_is_parked(database: Database) -> None:
    screen(database)
    settings = HURRIED.model_copy(update={"maximum_attempts": 3})
    with courier(database, free_port(), settings=settings):
        (row,) = wait_for(database, ["parked"])
    assert row.attempts == 3
    assert "nothing answers" in (row.last_error or "")
