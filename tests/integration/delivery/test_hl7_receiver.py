"""HL7 messages are read and acknowledged by another implementation, in a process of its own."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from db.database import Database
from db.hl7 import message_list
from db.worklist.studies import StudyHeader
from dicom_gateway.hl7.message_courier import MessageCourier
from dicom_gateway.hl7.message_settings import MessageSettings
from dicom_gateway.settings import CourierSettings
from domain.codes import Finding, Priority
from tests.servers.peers.node_receiver import node_receiver
from tests.servers.ports import wait_until
from tests.unit import rows

STUDY = StudyHeader("1.2.3", "ACC1", "4711", "Müller^山田", "19700102", "F")


def test_another_implementation_reads_results_and_corrections(database: Database, tmp_path: Path) -> None:
    rows.register_model(database)
    with node_receiver(tmp_path) as receiver:
        settings = MessageSettings.model_validate(
            {"receivers": [{"name": "ris", "host": "localhost", "port": receiver.port}]}
        )
        courier = MessageCourier(database, settings, CourierSettings(poll_interval_s=0.05))
        ending = threading.Event()
        thread = threading.Thread(target=courier.run, args=(ending,))
        thread.start()
        try:
            rows.screen(database, rows.receive_and_queue(database, study=STUDY))
            wait_until(lambda: len(receiver.read()) == 1, 60, "the result is read")
            corrected = rows.receive_and_queue(database, content="other pixels", study=STUDY)
            rows.screen(database, corrected, 0.1, Finding.ABSENT, Priority.LOW)
            wait_until(lambda: count_delivered(database) == 2, 60, "both are acknowledged")
        finally:
            ending.set()
            thread.join(60)
        first, second = receiver.read()

    assert first["type"] == "ORU^R01^ORU_R01"
    assert (first["patient_id"], first["family"], first["given"]) == ("4711", "Müller", "山田")
    assert (first["status"], second["status"]) == ("R", "C")
    assert first["filler"] == second["filler"]
    assert first["control_id"] != second["control_id"]
    assert (find(first, "TBCXR"), find(second, "TBCXR")) == ("52101004", "272519000")
    assert (find(first, "111012"), find(second, "111012")) == ("90.00", "10.00")


def find(message: dict[str, Any], code: str) -> str:
    return next(str(found["value"]) for found in message["observations"] if found["code"] == code)


def count_delivered(database: Database) -> int:
    with database.read() as session:
        rows_there = message_list.list_messages(session, None, 9)
    return [row.state for row in rows_there].count("delivered")
