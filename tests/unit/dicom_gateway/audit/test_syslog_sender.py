"""Audit records on their way to a repository."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from datetime import UTC, datetime

from structlog.testing import capture_logs

from dicom_gateway.association.tls_settings import PeerTlsSettings
from dicom_gateway.audit import syslog_sender
from dicom_gateway.audit.audit_settings import AuditSettings
from dicom_gateway.audit.syslog_sender import SyslogSender
from tests.servers.certificates import Certificates
from tests.servers.ports import free_port, wait_until

MOMENT = datetime(2026, 11, 25, 9, 30, 1, 250000, tzinfo=UTC)
HEAD = rb"<85>1 2026-11-25T09:30:01\.250\+00:00 \S+ tbscreen-gateway \d+ DICOM\+RFC3881 - \xef\xbb\xbf"


def test_udp_carries_one_record_in_one_datagram() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as repository:
        repository.bind(("127.0.0.1", 0))
        repository.settimeout(10)
        port = repository.getsockname()[1]
        sender = SyslogSender(
            AuditSettings(syslog="udp", syslog_host="127.0.0.1", syslog_port=port), "gateway"
        )
        sender.start()
        sender.put("<AuditMessage>é</AuditMessage>".encode(), MOMENT)
        came = repository.recv(65536)
        sender.end()
    assert re.fullmatch(HEAD + "<AuditMessage>é</AuditMessage>".encode(), came)


def test_a_record_that_udp_cannot_carry_holds_up_none_behind_it() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as repository:
        repository.bind(("127.0.0.1", 0))
        repository.settimeout(10)
        port = repository.getsockname()[1]
        sender = SyslogSender(
            AuditSettings(syslog="udp", syslog_host="127.0.0.1", syslog_port=port), "gateway"
        )
        sender.start()
        sender.put(b"<AuditMessage>" + b"x" * 100_000, MOMENT)
        sender.put(b"<AuditMessage>short</AuditMessage>", MOMENT)
        came = repository.recv(65536)
        sender.end()
    assert came.endswith(b"short</AuditMessage>")


def test_tls_carries_records_behind_their_lengths(certificates: Certificates) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.gateway.certificate, certificates.gateway.key)
    context.load_verify_locations(certificates.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    came = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with context.wrap_socket(server.accept()[0], server_side=True) as connection:
                while piece := connection.recv(65536):
                    came.extend(piece)

        thread = threading.Thread(target=serve)
        thread.start()
        own = certificates.modality
        settings = AuditSettings(
            syslog="tls",
            syslog_host="127.0.0.1",
            syslog_port=server.getsockname()[1],
            tls=PeerTlsSettings(ca=certificates.ca, certificate=own.certificate, key=own.key),
        )
        sender = SyslogSender(settings, "gateway")
        sender.start()
        sender.put(b"<first/>", MOMENT)
        sender.put(b"<second/>", MOMENT)
        sender.end()
        thread.join(timeout=10)
    match = re.match(rb"(\d+) ", came)
    assert match is not None
    length, begin = int(match[1]), match.end()
    assert re.fullmatch(HEAD + b"<first/>", came[begin : begin + length])
    assert re.fullmatch(rb"\d+ " + HEAD + b"<second/>", came[begin + length :])


def test_a_repository_that_is_away_holds_nothing_up_and_what_is_lost_is_counted() -> None:
    settings = AuditSettings(syslog="tls", syslog_host="127.0.0.1", syslog_port=free_port())
    sender = SyslogSender(settings, "gateway")
    with capture_logs() as lines:
        sender.start()
        for _ in range(syslog_sender.WAITING + 10):
            sender.put(b"<record/>", MOMENT)
        wait_until(lambda: bool(lines), 10, "it is said that the repository is away")
        sender.end()
    assert lines[0]["event"] == "audit repository unavailable"
    assert any(line["event"] == "audit repository unavailable: records not sent" for line in lines)
