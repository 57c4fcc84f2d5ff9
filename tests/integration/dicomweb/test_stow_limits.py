"""Requests that are too large, too slow, too many, malformed, or from nobody known."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from db.accounts import api_tokens
from db.database import Database
from db.settings import DatabaseSettings
from dicom_gateway.association.tls_settings import ListenerTlsSettings
from dicom_gateway.settings import GatewaySettings
from domain.roles import Permission
from http_server import request_deadline
from tests.films import read, small_film
from tests.integration.dicomweb.test_stow import list_rows, port_of
from tests.integration.listening import Listening, gateway
from tests.servers.certificates import CertificateAuthority, Certificates, Pair
from tests.servers.peers.stow_requests import (
    BOUNDARY,
    CONTENT_TYPE,
    STUDIES,
    encode_body,
    encode_part,
    make_token,
    post,
)
from tests.servers.ports import free_port, wait_until

FAILED = "00081198"


def spooled(listening: Listening) -> list[Path]:
    """Every file in the spool, also the unfinished."""
    return [path for path in listening.spool.directory.rglob("*.dcm") if path.is_file()]


def send_raw(port: int, *pieces: bytes) -> bytes:
    """Send bytes and return everything that comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def head(token: str, *lines: str) -> bytes:
    """The head of a request."""
    fixed = ("Host: gateway", f"Content-Type: {CONTENT_TYPE}", f"Authorization: Bearer {token}")
    return "\r\n".join((f"POST {STUDIES} HTTP/1.1", *fixed, *lines, "", "")).encode()


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return small_film(tmp_path)


def test_nobody_sends_without_a_token_that_allows_it(
    listening: Listening, sqlite_database: Database, token: str, film: Path
) -> None:
    port, body = port_of(listening), encode_body([film])
    reading = make_token(sqlite_database, "READER", [Permission.WORKLIST])
    labelled = make_token(sqlite_database, "no AE title, too long")
    assert post(port, body, None).status == 401
    assert post(port, body, None).headers["www-authenticate"].startswith("Bearer")
    assert post(port, body, "tbs_guessed").status == 401
    assert post(port, body, None, Authorization="Basic YWRtaW46YWRtaW4=").status == 401
    assert post(port, body, reading).status == 403
    assert post(port, body, labelled).status == 403
    assert list_rows(sqlite_database) == []
    assert post(port, body, token).status == 200

    with sqlite_database.write() as session:
        for entry in api_tokens.list_tokens(session):
            api_tokens.revoke(session, entry.id)
    assert post(port, body, token).status == 401


def test_a_sender_is_held_to_the_callers_of_the_dicom_port(
    sqlite_database: Database, token: str, tmp_path: Path, film: Path
) -> None:
    for callers, status in (
        ([{"ae_title": "MODALITY", "addresses": ["127.0.0.0/8"]}], 200),
        ([{"ae_title": "MODALITY", "addresses": ["192.0.2.0/24"]}], 403),
        ([{"ae_title": "OTHER"}], 403),
    ):
        web = {"port": 0}
        with (
            gateway(sqlite_database, tmp_path / "spool", 0, dicomweb=web, callers=callers) as running,
            capture_logs() as logs,
        ):
            assert post(port_of(running), encode_body([film]), token).status == status
        refused = [entry for entry in logs if entry["event"] == "DICOMweb sender refused"]
        assert bool(refused) is (status == 403)


def test_excluded_senders_are_excluded_by_this_door_too(
    sqlite_database: Database, token: str, tmp_path: Path, film: Path
) -> None:
    urgent = {"urgent_calling_ae_titles": ["MODAL*"]}
    with gateway(sqlite_database, tmp_path / "spool", 0, dicomweb={"port": 0}, **urgent) as running:
        assert post(port_of(running), encode_body([film]), token).status == 200
    (row,) = list_rows(sqlite_database)
    assert row.urgent


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/dicom", 415),
        ('multipart/related; type="application/dicom+json"; boundary=x', 415),
        ('multipart/form-data; type="application/dicom"; boundary=x', 415),
        ("multipart/related; boundary=x", 415),
        ('multipart/related; type="application/dicom"', 400),
        (f'multipart/related; type="application/dicom"; boundary={"x" * 201}', 400),
        ('multipart/related; type="application/dicom"; boundary=another', 400),
        ("", 415),
    ],
)
def test_another_media_type_is_refused(
    content_type: str, status: int, listening: Listening, token: str, film: Path
) -> None:
    answer = post(port_of(listening), encode_body([film]), token, Content_Type=content_type)
    assert answer.status == status
    encoded = post(port_of(listening), encode_body([film]), token, Content_Encoding="gzip")
    assert encoded.status == 415


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no multipart",
        f"--{BOUNDARY}--".encode(),
        f"--{BOUNDARY}\r\nContent-Type application/dicom\r\n\r\nx\r\n--{BOUNDARY}--".encode(),
        encode_part(b"x")[:-2],
        f"--{BOUNDARY}\r\n".encode() + b"X: y\r\n" * 17 + f"\r\nx\r\n--{BOUNDARY}--".encode(),
        f"--{BOUNDARY}\r\nX: {'y' * 5000}\r\n\r\nx\r\n--{BOUNDARY}--".encode(),
    ],
    ids=["empty", "text", "no part", "no header", "cut short", "many headers", "long header"],
)
def test_a_body_that_is_no_multipart_is_malformed(body: bytes, listening: Listening, token: str) -> None:
    assert post(port_of(listening), body, token).status == 400
    assert spooled(listening) == []


def test_what_came_before_the_fault_is_kept_and_told(listening: Listening, token: str, film: Path) -> None:
    body = encode_body([film]).removesuffix(b"--\r\n") + b"\r\nContent-Type: application/dicom\r\n\r\nhalf"
    answer = post(port_of(listening), body, token)
    assert answer.status == 202
    assert answer.stored == [str(read(film).SOPInstanceUID)]
    assert answer.list_reasons("0008119A") == [0xC000]


def test_a_request_that_is_too_large_is_refused(
    sqlite_database: Database, token: str, tmp_path: Path
) -> None:
    films = [small_film(tmp_path, number) for number in range(4)]
    web = {"port": 0, "maximum_request_bytes": 1_000_000}
    with gateway(sqlite_database, tmp_path / "spool", 0, dicomweb=web) as running:
        body = encode_body(films)
        announced = post(port_of(running), body, token)
        assert announced.status == 413
        assert list_rows(sqlite_database) == []
        endless = post(port_of(running), iter([body]), token)
        assert (endless.status, len(endless.stored)) in ((413, 0), (202, 1))
        assert len(list_rows(sqlite_database)) == len(endless.stored)
        assert list(running.spool.incoming.iterdir()) == []


def test_too_many_instances_are_refused(sqlite_database: Database, token: str, tmp_path: Path) -> None:
    films = [small_film(tmp_path, number) for number in range(3)]
    web = {"port": 0, "maximum_instances": 2}
    with gateway(sqlite_database, tmp_path / "spool", 0, dicomweb=web) as running:
        answer = post(port_of(running), encode_body(films), token)
    assert (answer.status, len(answer.stored)) == (202, 2)
    assert answer.list_reasons("0008119A") == [0xA700]


def test_an_instance_that_is_too_large_is_dropped_and_the_next_is_kept(
    sqlite_database: Database, token: str, tmp_path: Path
) -> None:
    large, small = small_film(tmp_path, 1, PixelData=bytes(2_000_000)), small_film(tmp_path, 2)
    limits = {"dicomweb": {"port": 0}, "maximum_dataset_bytes": 1_000_000}
    with gateway(sqlite_database, tmp_path / "spool", 0, **limits) as running:
        both = post(port_of(running), encode_body([large, small]), token)
        alone = post(port_of(running), encode_body([large]), token)
        assert len(spooled(running)) == 1
    assert (both.status, both.stored) == (202, [str(read(small).SOPInstanceUID)])
    assert both.list_reasons(FAILED) == [0xA700]
    assert (alone.status, alone.list_reasons(FAILED)) == (413, [0xA700])


def test_a_full_disk_is_told_before_anything_is_read(
    sqlite_database: Database, token: str, tmp_path: Path, film: Path
) -> None:
    limits = {"dicomweb": {"port": 0}, "reserved_disk_bytes": 10**18}
    with gateway(sqlite_database, tmp_path / "spool", 0, **limits) as running:
        unread = post(port_of(running), b"no parts: 400 for who reads it", token)
        answer = post(port_of(running), encode_body([film]), token)
        assert spooled(running) == []
    assert (unread.status, answer.status) == (503, 503)
    assert int(answer.headers["retry-after"]) > 0


def test_a_database_that_is_away_is_told(token: str, tmp_path: Path, film: Path) -> None:
    nobody = f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/nothing"
    away = Database.open(DatabaseSettings(url=nobody))
    with gateway(away, tmp_path / "spool", 0, dicomweb={"port": 0}) as running:
        answer = post(port_of(running), encode_body([film]), token)
    away.close()
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0


def test_too_many_requests_at_once_are_told_to_come_again(
    sqlite_database: Database, token: str, tmp_path: Path, film: Path
) -> None:
    limits = {"dicomweb": {"port": 0}, "maximum_associations_per_address": 1}
    with gateway(sqlite_database, tmp_path / "spool", 0, **limits) as running:
        port, body = port_of(running), encode_body([film])
        with socket.create_connection(("127.0.0.1", port), 30) as waiting:
            waiting.sendall(head(token, f"Content-Length: {len(body)}", "Expect: 100-continue"))
            assert waiting.recv(1000).startswith(b"HTTP/1.1 100")
            assert post(port, body, token).status == 503
            waiting.sendall(body)
            assert waiting.recv(1000).startswith(b"HTTP/1.1 200")
        assert post(port, body, token).status == 200


def is_refused(port: int) -> bool:
    """True when a new connection is closed at once, long before the deadline for its header."""
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        try:
            return connection.recv(10) == b""
        except TimeoutError:
            return False
        except ConnectionResetError:
            return True


def test_a_flood_of_silent_connections_from_one_address_is_turned_away(
    sqlite_database: Database, token: str, tmp_path: Path, film: Path
) -> None:
    limits = {"dicomweb": {"port": 0}, "maximum_associations_per_address": 1}
    with gateway(sqlite_database, tmp_path / "spool", 0, **limits) as running:
        port = port_of(running)
        silent = [socket.create_connection(("127.0.0.1", port), 30) for _ in range(4)]
        assert is_refused(port)
        for connection in silent:
            connection.close()

        def is_taken() -> bool:
            try:
                return post(port, encode_body([film]), token).status == 200
            except OSError:
                return False

        wait_until(is_taken, 20, "there is room again")


def test_who_sends_the_body_too_slowly_is_cut_off(
    sqlite_database: Database, token: str, tmp_path: Path, film: Path
) -> None:
    limits = {"dicomweb": {"port": 0}, "network_timeout_s": 0.5}
    ending = threading.Event()
    with gateway(sqlite_database, tmp_path / "spool", 0, **limits) as running:
        content = encode_body([film])

        def drip() -> Iterator[bytes]:
            yield content[:3000]
            for at in range(3000, len(content)):
                if ending.wait(0.1):
                    return
                yield content[at : at + 1]

        with socket.create_connection(("127.0.0.1", port_of(running)), 30) as slow:
            slow.sendall(head(token, f"Content-Length: {len(content)}"))
            pieces = drip()

            def is_answered() -> bool:
                slow.sendall(next(pieces))
                slow.settimeout(0.05)
                try:
                    return slow.recv(1000).startswith(b"HTTP/1.1 408")
                except TimeoutError:
                    return False

            wait_until(is_answered, 20, "who drips is told")
            ending.set()
        wait_until(lambda: spooled(running) == [], 10, "the half film is gone")


def test_who_sends_no_header_is_cut_off(
    listening: Listening, token: str, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_deadline, "REQUEST_S", 0.6)
    for begin in (b"", head(token, "Content-Length: 10")[:60]):
        assert send_raw(port_of(listening), begin) == b""
    body = encode_body([film])
    with socket.create_connection(("127.0.0.1", port_of(listening)), 30) as patient:
        patient.sendall(head(token, f"Content-Length: {len(body)}") + body[:5000])
        assert send_raw(port_of(listening), b"") == b"", "the deadline of a later header is over"
        patient.sendall(body[5000:])
        assert patient.recv(1000).startswith(b"HTTP/1.1 200"), "a long body is no slow header"


def test_a_header_without_end_is_refused(listening: Listening, token: str) -> None:
    answer = send_raw(port_of(listening), head(token)[:-2], b"X-Long: " + b"y" * 100_000)
    assert answer.startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 60", "Transfer-Encoding: chunked"),
        ("Content-Length: 60", "Content-Length: 61"),
        ("Transfer-Encoding: gzip, chunked",),
    ],
)
def test_a_request_whose_body_has_two_lengths_is_refused(
    lines: tuple[str, ...], listening: Listening, token: str
) -> None:
    smuggled = f"0\r\n\r\nPOST {STUDIES} HTTP/1.1\r\nHost: gateway\r\n\r\n".encode()
    answer = send_raw(port_of(listening), head(token, *lines) + smuggled)
    assert len(re.findall(rb"HTTP/1\.1 \d", answer)) == 1, "the rest is no request"
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 501"))


def test_beyond_this_machine_only_with_tls() -> None:
    with pytest.raises(ValidationError, match="in the clear"):
        GatewaySettings(dicomweb={"port": 0, "host": "0.0.0.0"})  # type: ignore[arg-type]
    behind = GatewaySettings(
        dicomweb={"port": 0, "host": "0.0.0.0", "allow_unencrypted": True}  # type: ignore[arg-type]
    )
    assert behind.dicomweb is not None


def own(pair: Pair) -> dict[str, Path]:
    return {"certificate": pair.certificate, "key": pair.key}


def trusting(ca: Path, pair: Pair | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca)
    if pair is not None:
        context.load_cert_chain(pair.certificate, pair.key)
    return context


def test_who_begins_no_tls_handshake_is_cut_off(
    sqlite_database: Database, tmp_path: Path, certificates: Certificates
) -> None:
    pair = certificates.gateway
    tls = ListenerTlsSettings(
        port=0,
        ca=certificates.ca,
        certificate=pair.certificate,
        key=pair.key,
        handshake_timeout_s=0.5,
    )
    with gateway(sqlite_database, tmp_path / "spool", 0, tls=tls, dicomweb={"port": 0}) as running:
        with socket.create_connection(("127.0.0.1", port_of(running)), 15) as silent:
            assert silent.recv(10) == b"", "closed long before the minute that asyncio would wait"
        assert running.scp.find_deaf(5.0) == []


def test_a_certificate_or_a_token_opens_the_port_over_tls(
    sqlite_database: Database, token: str, tmp_path: Path, film: Path
) -> None:
    authority = CertificateAuthority(tmp_path / "ca", "Hospital CA")
    server, named, other = (authority.sign(name) for name in ("server", "ct-1", "other"))
    stranger = CertificateAuthority(tmp_path / "strangers", "Strangers").sign("ct-1")
    crl = tmp_path / "live.crl"
    shutil.copy(authority.list_revoked(), crl)
    tls = ListenerTlsSettings(port=0, ca=authority.certificate, crl=crl, **own(server))
    senders = [{"ae_title": "CT1", "certificate_names": ["CT-1"]}]
    settings: dict[str, Any] = {"tls": tls, "dicomweb": {"port": 0, "senders": senders}}
    with gateway(sqlite_database, tmp_path / "spool", 0, **settings) as running:
        port, body, ca = port_of(running), encode_body([film]), authority.certificate
        assert post(port, body, None, context=trusting(ca, named)).status == 200
        (row,) = list_rows(sqlite_database)
        assert row.calling_ae_title == "CT1"
        assert post(port, body, None, context=trusting(ca, other)).status == 403
        assert post(port, body, None, context=trusting(ca, None)).status == 401
        assert post(port, body, token, context=trusting(ca, None)).status == 200
        with pytest.raises((ssl.SSLError, OSError)):
            post(port, body, None, context=trusting(ca, stranger))
        with pytest.raises(OSError):  # noqa: PT011  the port speaks TLS alone
            post(port, body, token)
        shutil.copy(authority.list_revoked(named), crl)
        with pytest.raises((ssl.SSLError, OSError)):
            post(port, body, None, context=trusting(ca, named))
