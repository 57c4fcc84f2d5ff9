"""The gateway's port for TLS, called by DCMTK, by ourselves and by those who mean no good."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from pynetdicom import build_context
from sqlalchemy import select
from structlog.testing import capture_logs

from db.database import Database
from db.tables import Instance
from dicom_gateway.association.peer_association import open_association
from dicom_gateway.association.pynetdicom_repairs.film_socket import BLOCK_BYTES
from dicom_gateway.association.tls_settings import ListenerTlsSettings, PeerTlsSettings
from dicom_gateway.association.verification import echo as echo_by_us
from tests.films import read, small_film
from tests.integration.delivery.couriers import peer
from tests.integration.listening import gateway
from tests.servers.certificates import Certificates, Pair, make_certificates
from tests.servers.pacs import echo, store
from tests.servers.ports import is_listening, wait_until


@contextmanager
def tls_gateway(
    database: Database, folder: Path, certificates: Certificates, **changes: Any
) -> Iterator[int]:
    """A gateway with nothing but a port for TLS."""
    own = {"certificate": certificates.gateway.certificate, "key": certificates.gateway.key}
    tls = ListenerTlsSettings(**({"port": 0, "ca": certificates.ca, **own} | changes))
    with gateway(database, folder / "spool", 0, accept_plain=False, tls=tls) as scp:
        (port,) = scp.ports
        yield port


@pytest.fixture
def port(sqlite_database: Database, tmp_path: Path, certificates: Certificates) -> Iterator[int]:
    with tls_gateway(sqlite_database, tmp_path, certificates) as port:
        yield port


def with_certificate(certificates: Certificates, pair: Pair, ca: Path | None = None) -> list[str]:
    """DCMTK's options."""
    return ["+tls", str(pair.key), str(pair.certificate), "+cf", str(ca or certificates.ca)]


def client(certificates: Certificates, **changes: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certificates.ca)
    context.load_cert_chain(certificates.modality.certificate, certificates.modality.key)
    for name, value in changes.items():
        setattr(context, name, value)
    return context


def shake_hands(port: int, context: ssl.SSLContext) -> tuple[str | None, str]:
    """TLS version and cipher suite."""
    with (
        socket.create_connection(("127.0.0.1", port), 10) as connection,
        context.wrap_socket(connection, server_hostname="localhost") as encrypted,
    ):
        return encrypted.version(), (encrypted.cipher() or ("",))[0]


def hashes(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(Instance.sop_instance_uid)))


def test_storescu_with_a_client_certificate_brings_films(
    port: int, sqlite_database: Database, certificates: Certificates, tmp_path: Path
) -> None:
    films = [
        small_film(tmp_path, number, PixelData=os.urandom(2 * BLOCK_BYTES + 2 * 77)) for number in range(3)
    ]
    sent = store(port, *films, options=with_certificate(certificates, certificates.modality))
    assert sent.returncode == 0, sent.stderr
    assert sorted(hashes(sqlite_database)) == sorted(read(film).SOPInstanceUID for film in films)


def test_our_own_scu_brings_films_over_tls_13(
    port: int, sqlite_database: Database, certificates: Certificates, tmp_path: Path
) -> None:
    film = read(small_film(tmp_path, PixelData=os.urandom(2 * BLOCK_BYTES + 2 * 77)))
    pair = certificates.modality
    tls = PeerTlsSettings(ca=certificates.ca, certificate=pair.certificate, key=pair.key)
    gateway_ = peer("gateway", "TBSCREEN", port, tls=tls)
    contexts = [build_context(film.SOPClassUID, film.file_meta.TransferSyntaxUID)]
    association = open_association(gateway_, "MODALITY", contexts, 30)
    transport: Any = association.dul.socket
    assert transport.socket.version() == "TLSv1.3"
    assert association.send_c_store(film).Status == 0x0000
    association.release()
    assert hashes(sqlite_database) == [film.SOPInstanceUID]


def test_who_has_no_good_certificate_gets_no_association(port: int, certificates: Certificates) -> None:
    with capture_logs() as lines:
        assert not echo(port, "TBSCREEN", "+tla", "-ic")
        assert not echo(port, "TBSCREEN", *with_certificate(certificates, certificates.stranger))
        assert not echo(port, "TBSCREEN", *with_certificate(certificates, certificates.expired))
        assert not echo(port, "TBSCREEN")
        assert echo(port, "TBSCREEN", *with_certificate(certificates, certificates.modality))
    reasons = " / ".join(line["reason"] for line in lines if line["event"] == "TLS handshake failed")
    assert "peer did not return a certificate" in reasons
    assert "certificate has expired" in reasons
    assert "unable to get local issuer certificate" in reasons
    assert "wrong version number" in reasons


def test_a_caller_that_does_not_know_our_ca_hangs_up(port: int, certificates: Certificates) -> None:
    options = with_certificate(certificates, certificates.modality, certificates.other_ca)
    assert not echo(port, "TBSCREEN", *options)


def test_without_the_obligation_no_certificate_is_needed_but_a_bad_one_is_refused(
    sqlite_database: Database, tmp_path: Path, certificates: Certificates
) -> None:
    with tls_gateway(sqlite_database, tmp_path, certificates, require_client_certificate=False) as port:
        assert echo(port, "TBSCREEN", "+tla", "+cf", str(certificates.ca))
        assert not echo(port, "TBSCREEN", *with_certificate(certificates, certificates.stranger))


def test_tls_13_where_both_have_it_12_else_and_nothing_older(port: int, certificates: Certificates) -> None:
    assert shake_hands(port, client(certificates))[0] == "TLSv1.3"
    version, suite = shake_hands(port, client(certificates, maximum_version=ssl.TLSVersion.TLSv1_2))
    assert (version, suite) == ("TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384")
    weak = client(certificates, maximum_version=ssl.TLSVersion.TLSv1_2)
    weak.set_ciphers("ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305")
    with pytest.raises(ssl.SSLError, match="handshake failure"):
        shake_hands(port, weak)
    old = client(certificates)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match="alert protocol version"):
        shake_hands(port, old)


def test_callers_that_say_nothing_block_nobody_and_are_cut_off(
    sqlite_database: Database, tmp_path: Path, certificates: Certificates
) -> None:
    options = with_certificate(certificates, certificates.modality)
    with (
        tls_gateway(sqlite_database, tmp_path, certificates, handshake_timeout_s=2.0) as port,
        ExitStack() as open_,
    ):
        before = threading.active_count()
        address = ("127.0.0.1", port)
        silent = [open_.enter_context(socket.create_connection(address, 30)) for _ in range(20)]
        halfway = open_.enter_context(socket.create_connection(address, 30))
        halfway.sendall(b"\x16\x03\x01\x02\x00\x01")  # the beginning of a ClientHello
        assert echo(port, "TBSCREEN", *options)
        for connection in [*silent, halfway]:
            assert connection.recv(1) == b""
        wait_until(lambda: threading.active_count() <= before, 10, "their threads have ended")


def test_a_flood_of_silent_callers_from_one_address_is_turned_away_at_the_door(
    sqlite_database: Database, tmp_path: Path, certificates: Certificates
) -> None:
    pair = certificates.gateway
    tls = ListenerTlsSettings(
        port=0, ca=certificates.ca, certificate=pair.certificate, key=pair.key, handshake_timeout_s=60
    )
    settings: dict[str, Any] = {"tls": tls, "maximum_associations_per_address": 2}
    with gateway(sqlite_database, tmp_path / "spool", 0, **settings) as scp, ExitStack() as open_:
        address = ("127.0.0.1", scp.ports[1])
        held = [open_.enter_context(socket.create_connection(address, 30)) for _ in range(8)]
        wait_until(
            lambda: (
                sum("process_request_thread" in thread.name for thread in threading.enumerate()) >= len(held)
            ),
            10,
            "they shake hands",
        )
        with socket.create_connection(address, 30) as further:
            assert further.recv(1) == b""


def test_a_renewed_certificate_needs_no_restart(sqlite_database: Database, tmp_path: Path) -> None:
    made = make_certificates(tmp_path / "made")
    live = Pair(tmp_path / "live.crt", tmp_path / "live.key")

    def install(pair: Pair) -> None:
        for source, target in ((pair.certificate, live.certificate), (pair.key, live.key)):
            new = target.with_suffix(".new")
            shutil.copy(source, new)
            new.replace(target)

    def shown(port: int) -> str:
        context = client(made, check_hostname=False)
        with (
            socket.create_connection(("127.0.0.1", port), 10) as connection,
            context.wrap_socket(connection) as encrypted,
        ):
            subject: Any = (encrypted.getpeercert() or {})["subject"]
            return str(subject[0][0][1])

    install(made.gateway)
    own = {"certificate": live.certificate, "key": live.key}
    with tls_gateway(sqlite_database, tmp_path, made, **own) as port:
        assert shown(port) == "gateway"
        live.key.write_text("half written")
        assert shown(port) == "gateway"
        install(made.elsewhere)
        assert shown(port) == "elsewhere"


def test_the_plain_port_is_closed_where_it_is_not_wanted(
    sqlite_database: Database, tmp_path: Path, certificates: Certificates
) -> None:
    pair = certificates.gateway
    tls = ListenerTlsSettings(port=0, ca=certificates.ca, certificate=pair.certificate, key=pair.key)
    with gateway(sqlite_database, tmp_path / "spool", 0, tls=tls) as scp:
        plain, encrypted = scp.ports
        assert echo(plain, "TBSCREEN")
        assert echo(encrypted, "TBSCREEN", *with_certificate(certificates, certificates.modality))
        assert echo_by_us(peer("gateway", "TBSCREEN", plain), "MODALITY") is None
    assert not is_listening(plain)
    assert not is_listening(encrypted)
