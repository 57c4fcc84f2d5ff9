"""The doctor's checks of HL7 receivers and messages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from db.database import Database
from db.hl7 import hl7_messages
from db.worklist.studies import StudyHeader
from dicom_gateway.hl7.message_round import MessageRound
from dicom_gateway.hl7.message_settings import MessageSettings
from dicom_gateway.settings import CourierSettings
from tbscreen.doctor.check import Health
from tbscreen.doctor.message_checks import examine_messages, examine_receivers
from tbscreen.settings import Settings
from tests.servers.peers.mllp_receiver import MllpReceiver
from tests.servers.ports import free_port
from tests.unit import rows


@pytest.fixture
def receiver() -> Iterator[MllpReceiver]:
    started = MllpReceiver()
    yield started
    started.go_away()


def make_settings(*ports: int) -> MessageSettings:
    receivers = [
        {"name": f"r{number}", "host": "127.0.0.1", "port": port} for number, port in enumerate(ports)
    ]
    return MessageSettings.model_validate({"receivers": receivers})


def test_a_receiver_is_connected_to_and_gets_no_message(receiver: MllpReceiver) -> None:
    settings = make_settings(receiver.port, free_port())
    there, away = examine_receivers(Settings(hl7=settings))
    assert (there.part, there.health) == ("HL7 receiver r0", Health.GOOD)
    assert (away.part, away.health) == ("HL7 receiver r1", Health.BAD)
    assert "nothing answers" in away.finding
    assert receiver.received == []


def test_parked_messages_are_bad(sqlite_database: Database) -> None:
    assert list(examine_messages(sqlite_database)) == []
    rows.register_model(sqlite_database)
    study = StudyHeader("1.2.3", "ACC1", "4711", "Doe^Jane")
    rows.screen(sqlite_database, rows.receive_and_queue(sqlite_database, study=study))
    MessageRound(sqlite_database, make_settings(1), CourierSettings()).make_due(threading.Event())
    with sqlite_database.write() as session:
        (due,) = hl7_messages.lease_due(session, timedelta(minutes=5), 9, "r0")
        hl7_messages.park(session, due.message_id, "AE", "AE")
    (check,) = examine_messages(sqlite_database)
    assert check.health is Health.BAD
    assert "1 refused by a receiver" in check.finding
