"""Bacteriology results by HL7, from a sender in a process of its own to the answer after the commit."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from db.database import Database
from db.hl7 import received_messages
from db.tables import BacteriologyResult
from dicom_gateway.association.tls_context import RenewedContext
from dicom_gateway.association.tls_settings import ListenerTlsSettings
from dicom_gateway.audit.audit_reading import read_newest
from dicom_gateway.audit.audit_settings import AuditSettings
from dicom_gateway.audit.audit_trail import AuditTrail
from dicom_gateway.hl7.message_settings import MessageSettings
from dicom_gateway.laboratory.result_intake import ResultIntake
from dicom_gateway.laboratory.result_listener import REFUSED, ResultListener
from dicom_gateway.reception.refusal_log import RefusalLog
from tests.servers.certificates import Certificates
from tests.servers.ports import free_port, wait_until

START, END = b"\x0b", b"\x1c\r"
ULTRA = {"code": "MTBU", "system": "99LAB", "method": "ultra"}


def write_message(
    control_id: str, outcome: str = "MTB detected", status: str = "F", patient: str = "P0042"
) -> bytes:
    segments = [
        f"MSH|^~\\&|LIS|LAB|TBSCREEN||20261103||ORU^R01^ORU_R01|{control_id}|P|2.5.1||||||UNICODE UTF-8",
        f"PID|1||{patient}^^^HOSP^MR||Müller^Jürgen||19700102|F",
        "OBR|1|ORDER1|S-17^LIS|MTB^Tuberculosis^99LAB|||20261102083000",
        f"OBX|1|ST|MTBU^Xpert Ultra^99LAB||{outcome}||||||{status}",
        "OBX|2|ST|RIF^Rifampicin resistance^99LAB||not detected||||||F",
    ]
    return ("\r".join(segments) + "\r").encode()


@contextmanager
def listening(
    database: Database,
    audit: AuditTrail | None = None,
    tls: ListenerTlsSettings | None = None,
    **changes: Any,
) -> Iterator[int]:
    port = free_port()
    values = {"port": port, "codes": [ULTRA], **changes}
    settings = MessageSettings.model_validate({"results": values})
    context = None if tls is None else RenewedContext(tls)
    listener = ResultListener(settings, context, ResultIntake(settings, database, audit), RefusalLog())
    listener.start()
    try:
        yield port
    finally:
        listener.stop()


def exchange(connection: socket.socket, content: bytes) -> str:
    connection.sendall(START + content + END)
    return receive(connection)


def receive(connection: socket.socket) -> str:
    received = b""
    while END not in received:
        block = connection.recv(4096)
        assert block, "closed without an answer"
        received += block
    return received.strip(START + END).decode()


def read_code(answer: str) -> tuple[str, str]:
    """Return MSA-1 and MSA-2."""
    (acknowledgement,) = [line for line in answer.split("\r") if line.startswith("MSA|")]
    return (acknowledgement.split("|")[1], acknowledgement.split("|")[2])


def list_outcomes(database: Database, *, history: bool = False) -> list[str]:
    with database.read() as session:
        query = select(BacteriologyResult).order_by(BacteriologyResult.id)
        rows = session.scalars(query).all()
        return [row.outcome for row in rows if history or row.superseded_at is None]


def test_results_come_from_another_process_and_are_recorded_once_with_their_corrections(
    database: Database, tmp_path: Path
) -> None:
    audit = AuditTrail(AuditSettings(), tmp_path / "audit", "courier", "TBSCREEN")
    steps = [
        ("1", "MTB trace detected", "F", ["trace"]),
        ("1", "MTB trace detected", "F", ["trace"]),
        ("2", "MTB detected", "C", ["positive"]),
        ("3", "MTB trace detected", "C", ["trace"]),
        ("2", "MTB detected", "C", ["trace"]),
        ("4", "MTB detected", "P", ["trace"]),
        ("5", "", "W", ["withdrawn"]),
        ("6", "MTB detected", "C", ["positive"]),
        ("7", "", "D", ["withdrawn"]),
    ]
    with listening(database, audit) as port, capture_logs() as lines:
        for number, (control_id, outcome, status, standing) in enumerate(steps):
            file = tmp_path / f"{number}.hl7"
            file.write_bytes(write_message(control_id, outcome, status))
            words = [sys.executable, "-c", "from hl7.client import mllp_send; mllp_send()"]
            sent = subprocess.run(
                [*words, "--file", str(file), "--port", str(port), "--loose", "127.0.0.1"],
                capture_output=True,
                check=True,
                timeout=60,
            )
            assert f"MSA|AA|{control_id}".encode() in sent.stdout
            assert list_outcomes(database) == standing
    assert list_outcomes(database, history=True) == [
        "trace", "positive", "trace", "withdrawn", "positive", "withdrawn",
    ]  # fmt: skip
    with database.read() as session:
        row = session.scalars(select(BacteriologyResult)).first()
    assert row is not None
    assert (row.patient_id, row.patient_id_issuer, row.specimen_id) == ("P0042", "HOSP", "S-17")
    assert (row.specimen_date, row.method) == ("20261102", "ultra")
    assert row.entered_by == "HL7 LIS/LAB from 127.0.0.1"
    audit.close()
    records = read_newest(tmp_path / "audit", 100, event="Patient Record")
    assert len(records) == 6
    assert not [line for line in lines if "P0042" in str(line) or "ller" in str(line)]


def test_two_couriers_that_take_a_message_at_once_record_it_once(database: Database) -> None:
    with listening(database) as first, listening(database) as second:
        for number in range(5):
            content = write_message(str(number), patient=f"P{number}")
            with ExitStack() as stack:
                connections = [
                    stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                    for port in (first, second) * 2
                ]
                for connection in connections:
                    connection.sendall(START + content + END)
                assert {read_code(receive(connection)) for connection in connections} == {("AA", str(number))}
    assert list_outcomes(database, history=True) == ["positive"] * 5


def test_an_accepted_message_stays_accepted(database: Database) -> None:
    with database.write() as session:
        received_messages.record(session, "LIS/LAB", "1", "d1", "AA")
        received_messages.record(session, "LIS/LAB", "1", "d1", "AR", "the database is away")
        assert received_messages.is_accepted(session, "LIS/LAB", "1", "d1")


def test_a_message_that_leaves_something_open_is_refused_whole_and_taken_when_it_is_mapped(
    database: Database,
) -> None:
    unknown = write_message("9", outcome="rather yes")
    with listening(database) as port, socket.create_connection(("127.0.0.1", port)) as connection:
        answer = exchange(connection, unknown)
        assert read_code(answer) == ("AE", "9")
        assert "ERR||OBX^1^5|103^Table value not found^HL70357|E" in answer
        assert "rather" not in answer
    assert list_outcomes(database) == []
    with database.read() as session:
        refused = received_messages.find_refused(session)
    assert (refused.count, refused.newest_reason.startswith("OBX[1]-5: ")) == (1, True)
    values = [{"value": "Rather yes", "outcome": "positive"}]
    with (
        listening(database, values=values) as port,
        socket.create_connection(("127.0.0.1", port)) as connection,
    ):
        assert read_code(exchange(connection, unknown)) == ("AA", "9")
    assert list_outcomes(database) == ["positive"]
    with database.read() as session:
        assert received_messages.find_refused(session).count == 0


def test_an_answer_says_aa_only_after_the_commit(sqlite_database: Database) -> None:
    with listening(sqlite_database) as port, socket.create_connection(("127.0.0.1", port)) as connection:
        with sqlite_database.engine.begin() as other:
            other.exec_driver_sql("DROP TABLE bacteriology_results")
        answer = exchange(connection, write_message("1"))
        assert read_code(answer) == ("AR", "1")
        assert "207^Application internal error" in answer


def test_only_the_systems_that_are_named_connect(sqlite_database: Database) -> None:
    with (
        capture_logs() as lines,
        listening(sqlite_database, peers=["192.0.2.0/24"]) as port,
        socket.create_connection(("127.0.0.1", port), timeout=10) as connection,
    ):
        assert connection.recv(10) == b""
    (line,) = [line for line in lines if line["event"] == REFUSED]
    assert "hl7.results.peers" in line["reason"]


def test_the_port_has_limits_of_size_time_connections_and_rate(sqlite_database: Database) -> None:
    limits = {
        "maximum_message_bytes": 5000,
        "message_s": 1.0,
        "maximum_connections": 2,
        "messages_per_minute": 2,
    }
    with capture_logs() as lines, listening(sqlite_database, **limits) as port:

        def call() -> socket.socket:
            return socket.create_connection(("127.0.0.1", port), timeout=20)

        with call() as large:
            large.sendall(START + b"x" * 6000)
            assert is_closed(large), "too large"
        with call() as stray:
            stray.sendall(b"MSH|^~\\&|")
            assert is_closed(stray), "outside of a frame"
        with call() as slow:
            slow.sendall(START + b"MSH|")
            assert is_closed(slow), "too slow"
        with call() as first, call() as second:
            for connection in (first, second):
                assert read_code(exchange(connection, write_message("1"))) == ("AA", "1")
            with call() as third:
                assert is_closed(third), "too many"
            answer = exchange(first, write_message("2"))
            assert "MSA|AR" in answer
            assert "a minute" in answer
    assert {line["reason"] for line in lines if line["event"] == REFUSED} == {
        "larger than hl7.results.maximum_message_bytes",
        "bytes outside of a frame",
        "not complete within hl7.results.message_s",
        "hl7.results.maximum_connections are open",
        "hl7.results.messages_per_minute",
    }


def is_refused(connection: socket.socket) -> bool:
    """True for a connection that ends without an answer; a TLS alert may come before."""
    try:
        return not connection.recv(4096).startswith(START)
    except ConnectionError:
        return True


def call_without_certificate(port: int, context: ssl.SSLContext) -> None:
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as stranger,
    ):
        exchange(stranger, write_message("1"))


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(10) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "AE"),
        (b"\x00\xff" * 500, "AE"),
        (b"MSH|^~\\&|" + b"|" * 900, "AE"),
        (b"MSH|^~\\&" + b"|a~b^c&d\\" * 300, "AE"),
        (write_message("1").replace(b"UNICODE UTF-8", b"ASCII"), "AE"),
        (write_message("1").replace(b"UNICODE UTF-8", b"KLINGON"), "AE"),
        (write_message("1").replace(b"ORU^R01", b"ADT^A01"), "AR"),
        (write_message("1").replace(b"|2.5.1|", b"|2.9|"), "AR"),
        (write_message("1").replace(b"|P|2.5.1", b"|T|2.5.1"), "AR"),
        (write_message("1").replace(b"PID|", b"ZID|"), "AE"),
        (write_message("1").replace(b"OBX|", b"PID|"), "AE"),
        (b"\r".join([write_message("1")] * 600), "AE"),
    ],
)
def test_hostile_bytes_are_answered_and_the_next_message_is_taken(
    sqlite_database: Database, content: bytes, code: str
) -> None:
    with listening(sqlite_database) as port, socket.create_connection(("127.0.0.1", port)) as connection:
        assert f"MSA|{code}" in exchange(connection, content)
        assert read_code(exchange(connection, write_message("2"))) == ("AA", "2")
    assert list_outcomes(sqlite_database) == ["positive"]


def test_the_port_speaks_tls_and_wants_a_certificate(
    sqlite_database: Database, certificates: Certificates
) -> None:
    own = {"certificate": certificates.gateway.certificate, "key": certificates.gateway.key}
    tls = ListenerTlsSettings(ca=certificates.ca, **own)
    context = ssl.create_default_context(cafile=certificates.ca)
    with listening(sqlite_database, tls=tls) as port:
        with socket.create_connection(("127.0.0.1", port)) as plain:
            plain.sendall(START + write_message("1") + END)
            assert is_refused(plain)
        with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
            call_without_certificate(port, context)
        assert list_outcomes(sqlite_database) == []
        context.load_cert_chain(certificates.modality.certificate, certificates.modality.key)
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as known,
        ):
            assert read_code(exchange(known, write_message("1"))) == ("AA", "1")
    wait_until(lambda: list_outcomes(sqlite_database) == ["positive"], 10, "it is recorded")
