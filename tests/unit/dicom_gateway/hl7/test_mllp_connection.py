"""Connections to receivers, plain and TLS, and what is said when there is none."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dicom_gateway.association.tls_settings import PeerTlsSettings
from dicom_gateway.hl7.message_settings import ReceiverSettings
from dicom_gateway.hl7.mllp_connection import NoAnswerError, open_connection, probe
from tests.servers.certificates import Certificates, Pair
from tests.servers.peers.mllp_receiver import MllpReceiver, acknowledge
from tests.servers.ports import free_port

MESSAGE = b"MSH|^~\\&|TBSCREEN||||||ORU^R01^ORU_R01|CONTROL1|P|2.5.1\r"


@contextmanager
def running(pair: Pair | None = None, ca: Path | None = None) -> Iterator[MllpReceiver]:
    """Run a receiver, with TLS where it has a certificate; with a CA it requires one of its caller."""
    context = None
    if pair is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
    if context is not None and ca is not None:
        context.load_verify_locations(ca)
        context.verify_mode = ssl.CERT_REQUIRED
    receiver = MllpReceiver(context)
    yield receiver
    receiver.go_away()


def settings(port: int, **changes: Any) -> ReceiverSettings:
    values = {"name": "ris", "host": "localhost", "port": port, "acknowledgement_timeout_s": 5}
    return ReceiverSettings.model_validate(values | changes)


def test_a_message_goes_over_tls(certificates: Certificates) -> None:
    with running(certificates.modality) as receiver:
        tls = PeerTlsSettings(ca=certificates.ca)
        with open_connection(settings(receiver.port, tls=tls)) as connection:
            assert connection.exchange(MESSAGE) == acknowledge(MESSAGE)
    assert receiver.received == [MESSAGE]


@pytest.mark.parametrize(
    ("pair", "why"),
    [("stranger", "certificate"), ("elsewhere", "Hostname mismatch"), ("expired", "expired")],
)
def test_no_message_goes_to_a_receiver_without_the_right_certificate(
    pair: str, why: str, certificates: Certificates
) -> None:
    with running(getattr(certificates, pair)) as receiver:
        tls = PeerTlsSettings(ca=certificates.ca)
        with (
            pytest.raises(NoAnswerError, match=why) as raised,
            open_connection(settings(receiver.port, tls=tls)) as connection,
        ):
            connection.exchange(MESSAGE)
    assert "peers.tls" not in str(raised.value)
    assert receiver.received == []


def test_a_receiver_may_require_our_certificate(certificates: Certificates) -> None:
    own = {"certificate": certificates.gateway.certificate, "key": certificates.gateway.key}
    with running(certificates.modality, certificates.ca) as receiver:
        tls = PeerTlsSettings(ca=certificates.ca, **own)
        with open_connection(settings(receiver.port, tls=tls)) as connection:
            assert connection.exchange(MESSAGE) == acknowledge(MESSAGE)
        without = PeerTlsSettings(ca=certificates.ca)
        with (
            pytest.raises(NoAnswerError, match=r"hl7\.receivers\.tls\.certificate"),
            open_connection(settings(receiver.port, tls=without)) as connection,
        ):
            connection.exchange(MESSAGE)
    assert receiver.received == [MESSAGE]


@pytest.mark.parametrize("reset", [True, False])
def test_a_receiver_that_leaves_after_the_handshake_may_want_our_certificate(
    reset: bool, certificates: Certificates
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.modality.certificate, certificates.modality.key)
    with socket.create_server(("localhost", 0)) as listener, ThreadPoolExecutor(1) as pool:

        def leave() -> None:
            connected = context.wrap_socket(listener.accept()[0], server_side=True)
            connected.recv(1)
            linger = struct.pack("ii", reset, 0)  # with a time of 0, close() resets the connection
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            connected.close()

        left = pool.submit(leave)
        port = listener.getsockname()[1]
        with (
            pytest.raises(NoAnswerError, match=r"hl7\.receivers\.tls\.certificate"),
            open_connection(settings(port, tls=PeerTlsSettings(ca=certificates.ca))) as connection,
        ):
            connection.exchange(MESSAGE)
        left.result(timeout=10)


def test_the_doctor_is_told_what_is_wrong(certificates: Certificates) -> None:
    with running() as plain:
        assert probe(settings(plain.port)) is None
        tls = PeerTlsSettings(ca=certificates.ca)
        plain.answer = lambda _: None
        assert "nothing answers" in (probe(settings(free_port())) or "")
        assert "cannot be resolved" in (probe(settings(1, host="no.such.host.invalid")) or "")
        missing = PeerTlsSettings(ca=certificates.ca.with_name("missing"))
        assert "hl7.receivers.tls.ca" in (probe(settings(plain.port, tls=missing)) or "")
        assert plain.received == []
    with running(certificates.modality) as encrypted:
        assert probe(settings(encrypted.port, tls=tls)) is None


def test_a_receiver_that_ends_the_connection_gives_no_answer() -> None:
    with running() as receiver:

        def leave(_: bytes) -> None:
            receiver.go_away()

        receiver.answer = leave
        with (
            pytest.raises(NoAnswerError, match=r"ends the connection|connection broke"),
            open_connection(settings(receiver.port)) as connection,
        ):
            connection.exchange(MESSAGE)
