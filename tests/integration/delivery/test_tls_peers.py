"""Peers over TLS: real ones, and each way in which it fails told apart, with what to do."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from db.database import Database
from dicom_gateway.association.tls_settings import PeerTlsSettings
from dicom_gateway.association.verification import echo
from dicom_gateway.delivery.commitment_settings import CommitmentSettings
from dicom_gateway.settings import PeerSettings
from tests.integration.delivery.couriers import courier, look, make_reports, peer
from tests.integration.listening import gateway
from tests.servers.certificates import Certificates, Pair
from tests.servers.pacs import orthanc, storescp
from tests.servers.ports import free_port, wait_until


def settings(certificates: Certificates, pair: Pair | None = None, **changes: Any) -> PeerTlsSettings:
    own = {} if pair is None else {"certificate": pair.certificate, "key": pair.key}
    return PeerTlsSettings(**({"ca": certificates.ca, **own} | changes))


def storescp_options(certificates: Certificates, pair: Pair, *more: str) -> list[str]:
    return ["+tls", str(pair.key), str(pair.certificate), "+cf", str(certificates.ca), *more]


def test_reports_go_over_tls_to_storescp_and_orthanc_which_answers_for_them(
    sqlite_database: Database, tmp_path: Path, certificates: Certificates
) -> None:
    uids = make_reports(sqlite_database, 2, ["storescp", "orthanc"], tmp_path)
    back, port = free_port(), free_port()
    tls = settings(certificates, certificates.gateway)
    further = {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(certificates.modality.certificate),
        "DicomTlsPrivateKey": str(certificates.modality.key),
        "DicomTlsTrustedCertificates": str(certificates.ca),
        "DicomTlsRemoteCertificateRequired": True,
    }
    with (
        storescp(tmp_path / "scp", port, *storescp_options(certificates, certificates.modality)) as receiver,
        orthanc(tmp_path / "orthanc", back, route=False, further=further) as pacs,
        gateway(
            sqlite_database,
            tmp_path / "spool",
            back,
            peers=[peer("orthanc", pacs.ae_title, pacs.dicom_port, tls=tls, commitment=True)],
        ),
    ):
        peers = [
            peer("storescp", "STORESCP", port, tls=tls),
            peer("orthanc", pacs.ae_title, pacs.dicom_port, tls=tls, commitment=True),
        ]
        with courier(sqlite_database, peers, commitment=CommitmentSettings(delay_s=0, wait_s=0.5)):
            for name in ("storescp", "orthanc"):
                wait_until(
                    lambda name=name: look(sqlite_database, name).states == ["delivered"] * 2, 60, name
                )
            wait_until(
                lambda: look(sqlite_database, "orthanc").commitments == ["committed"] * 2, 60, "commitment"
            )
        assert len(receiver.files()) == 2
        assert all(pacs.find("Instance", {"SOPInstanceUID": uid}) for uid in uids)


Case = Callable[[Certificates], tuple[Pair, PeerTlsSettings | None]]
"""The peer's certificate, and how it is called."""

FAILURES: dict[str, tuple[Case, str]] = {
    "its CA is not known": (
        lambda made: (made.modality, settings(made, made.gateway, ca=made.other_ca)),
        "put the peer's certificate, or that of its CA, into peers.tls.ca",
    ),
    "its certificate has expired": (
        lambda made: (made.expired, settings(made, made.gateway)),
        "certificate has expired; the peer has to renew",
    ),
    "its certificate is another host's": (
        lambda made: (made.elsewhere, settings(made, made.gateway)),
        "set peers.tls.host_name",
    ),
    "it wants a certificate": (lambda made: (made.modality, settings(made)), "certificate"),
    "it does not know who signed ours": (
        lambda made: (made.modality, settings(made, made.stranger)),
        "the peer does not know the CA of our certificate",
    ),
    "it wants TLS": (lambda made: (made.modality, None), "does it require TLS"),
    "our key is not there": (
        lambda made: (
            made.modality,
            settings(made, certificate=made.gateway.certificate, key=Path("/nowhere/key.pem")),
        ),
        "peers.tls.key: /nowhere/key.pem cannot be read: No such file",
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_says_what_to_do(case: str, certificates: Certificates, tmp_path: Path) -> None:
    arrange, expected = FAILURES[case]
    theirs, tls = arrange(certificates)
    port = free_port()
    with storescp(tmp_path / "scp", port, *storescp_options(certificates, theirs)):
        said = echo(peer("pacs", "STORESCP", port, tls=tls), "TBSCREEN")
    assert said is not None
    assert expected in said


@pytest.mark.parametrize("name", ["check_host_name", "host_name"])
def test_another_name_in_the_certificate_is_taken_where_it_is_said_so(
    name: str, certificates: Certificates, tmp_path: Path
) -> None:
    port = free_port()
    change = {"check_host_name": False} if name == "check_host_name" else {"host_name": "pacs.example.org"}
    tls = settings(certificates, certificates.gateway, **change)
    with storescp(tmp_path / "scp", port, *storescp_options(certificates, certificates.elsewhere)):
        assert echo(peer("pacs", "STORESCP", port, tls=tls), "TBSCREEN") is None


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[PeerSettings]:
    """A TCP server that does as it is told with its first connection, and holds it open."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                answer(connection)
                ended.wait(30)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield peer("pacs", "PACS", server.getsockname()[1])
        finally:
            ended.set()
            thread.join(timeout=30)


def test_a_peer_without_tls_is_told_from_one_that_is_away(certificates: Certificates, tmp_path: Path) -> None:
    tls = settings(certificates)
    with storescp(tmp_path / "plain") as plain:
        said = echo(peer("pacs", "STORESCP", plain.port, tls=tls), "TBSCREEN")
    assert said is not None
    assert "does it use TLS at this port" in said
    said = echo(peer("pacs", "STORESCP", free_port(), tls=tls), "TBSCREEN")
    assert said is not None
    assert "nothing answers" in said


def test_a_peer_that_is_silent_after_its_tls_13_tickets_costs_its_timeout_and_no_more(
    certificates: Certificates,
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.modality.certificate, certificates.modality.key)
    connections: list[ssl.SSLSocket] = []

    def shake_hands(connection: socket.socket) -> None:
        # Tickets make the socket readable, and there is nothing to read.
        connections.append(context.wrap_socket(connection, server_side=True))

    with answering(shake_hands) as silent:
        tls = settings(certificates)
        said = echo(silent.model_copy(update={"tls": tls}), "TBSCREEN", timeout_s=1.0)
    assert said is not None
    assert "nothing answers" in said
    assert "though it accepts the connection" in said
    with connections[0] as connection:
        assert connection.version() == "TLSv1.3"


def test_a_peer_that_is_silent_in_the_handshake_costs_its_timeout(certificates: Certificates) -> None:
    with answering(lambda connection: None) as silent:
        said = echo(silent.model_copy(update={"tls": settings(certificates)}), "TBSCREEN", timeout_s=0.5)
    assert said is not None
    assert "no answer to the handshake" in said
