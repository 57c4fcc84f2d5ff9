"""Webhooks at a real HTTP server: signed, one key for one event, no redirect, no metadata service."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from db.database import Database
from db.notices import notice_list
from notices.permitted_address import is_forbidden
from tests.servers.certificates import Certificates
from tests.servers.peers.hook_receiver import HookReceiver
from tests.servers.ports import wait_until
from tests.unit import rows
from tests.unit.notices.couriers import SECRET, courier, look, make_settings, screen, wait_for, write_secret

PATIENT = ("4711", "Doe", "Jane", "19700102", "ACC1", "1.2.3")


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    rows.register_model(sqlite_database)
    return sqlite_database


@pytest.fixture
def hook() -> Iterator[HookReceiver]:
    started = HookReceiver()
    yield started
    started.close()


@pytest.fixture
def receiver(hook: HookReceiver, tmp_path: Path) -> dict[str, object]:
    return {"url": f"http://127.0.0.1:{hook.port}/in?a=1", "secret_file": write_secret(tmp_path)}


def test_a_high_finding_arrives_once_signed_and_without_patient_data(
    database: Database, hook: HookReceiver, receiver: dict[str, object]
) -> None:
    screen(database)
    with courier(database, make_settings(receiver)):
        wait_for(database, ["delivered"])
    (request,) = hook.received
    assert request.path == "/in?a=1"
    timestamp = request.headers["tbscreen-timestamp"]
    signed = hmac.new(SECRET.encode(), f"{timestamp}.".encode() + request.body, hashlib.sha256).hexdigest()
    assert request.headers["tbscreen-signature"] == f"sha256={signed}"
    assert abs(time.time() - int(timestamp)) < 60
    content = json.loads(request.body)
    assert content["id"] == request.key
    assert (content["event"], content["details"]["station"]) == ("high_finding", "CR1")
    assert "not verified by a physician" in content["details"]["note"]
    assert "patient" not in content
    text = request.body.decode()
    assert [word for word in PATIENT if f'"{word}' in text or f"^{word}" in text] == []


def test_a_notice_holds_the_fields_that_the_settings_name_and_no_others(
    database: Database, hook: HookReceiver, receiver: dict[str, object]
) -> None:
    screen(database)
    named = receiver | {"patient_fields": ["patient_id", "study_instance_uid"]}
    with courier(database, make_settings(named, page_url="https://tb.example")), capture_logs() as logs:
        wait_for(database, ["delivered"])
    content = json.loads(hook.received[0].body)
    assert content["patient"] == {"patient_id": "4711", "study_instance_uid": "1.2.3"}
    assert content["link"] == "https://tb.example/studies/1.2.3"
    assert "Doe" not in hook.received[0].body.decode()
    assert "4711" not in str(logs)


def test_a_server_that_fails_is_asked_again_with_the_same_key(
    database: Database, hook: HookReceiver, receiver: dict[str, object]
) -> None:
    statuses = iter([500, 429])
    hook.answer = lambda request: next(statuses, 204)
    screen(database)
    with courier(database, make_settings(receiver)):
        (row,) = wait_for(database, ["delivered"])
    assert row.attempts == len(hook.received) == 3
    assert len({request.key for request in hook.received}) == 1
    assert len({request.body for request in hook.received}) == 1


def test_a_refused_notice_is_parked_and_replayed(
    database: Database, hook: HookReceiver, receiver: dict[str, object]
) -> None:
    hook.answer = lambda request: 422
    screen(database)
    with courier(database, make_settings(receiver)):
        (row,) = wait_for(database, ["parked"])
        assert row.last_error == "status 422"
        hook.answer = lambda request: 200
        with database.write() as session:
            assert notice_list.replay(session) == 1
        wait_for(database, ["delivered"])
    assert len({request.key for request in hook.received}) == 1


def test_a_redirect_is_not_followed(
    database: Database, hook: HookReceiver, receiver: dict[str, object]
) -> None:
    elsewhere = HookReceiver()
    hook.answer, hook.location = (lambda request: 307), f"http://127.0.0.1:{elsewhere.port}/"
    screen(database)
    with courier(database, make_settings(receiver)):
        (row,) = wait_for(database, ["parked"])
    elsewhere.close()
    assert row.last_error == "status 307: redirects are not followed"
    assert elsewhere.received == []


def test_a_server_that_drips_its_answer_is_cut_off(
    database: Database, hook: HookReceiver, receiver: dict[str, object]
) -> None:
    hook.answer = lambda request: -1
    screen(database)
    begun = time.monotonic()
    with courier(database, make_settings(receiver | {"timeout_s": 0.5})):
        wait_until(lambda: len(hook.received) >= 2, 20, "it is tried again")
    assert time.monotonic() - begun < 15
    assert "gave no whole answer within 0.5 s" in (look(database)[0].last_error or "")


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "fe80::1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::",
        "fd00:ec2::254",
        "100.100.100.200",
        "224.0.0.1",
        "0.0.0.0",
    ],
)
def test_metadata_services_and_link_local_addresses_are_forbidden(address: str) -> None:
    assert is_forbidden(address)
    assert not is_forbidden("10.0.0.7")


def test_a_name_that_leads_to_a_metadata_service_gets_nothing(
    database: Database, receiver: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo

    def lead_astray(host: str, *others: object, **named: object) -> object:
        return resolve("169.254.169.254" if host == "engine.example" else host, *others, **named)  # type: ignore[arg-type]

    def refuse(*address: object, **named: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket, "getaddrinfo", lead_astray)
    monkeypatch.setattr(socket, "create_connection", refuse)
    screen(database)
    with courier(database, make_settings(receiver | {"url": "https://engine.example/"})):
        (row,) = wait_for(database, ["parked"])
    assert "169.254.169.254, to which no notice is sent" in (row.last_error or "")


@pytest.mark.parametrize("kind", ["stranger", "elsewhere", "expired"])
def test_no_notice_goes_to_a_server_without_the_right_certificate(
    kind: str, database: Database, receiver: dict[str, object], certificates: Certificates
) -> None:
    pair = getattr(certificates, kind)
    hook = HookReceiver((pair.certificate, pair.key))
    screen(database)
    named = receiver | {"url": f"https://127.0.0.1:{hook.port}/", "ca": certificates.ca}
    with courier(database, make_settings(named)):
        wait_until(lambda: bool(look(database) and look(database)[0].last_error), 20, "an attempt")
    hook.close()
    assert "its certificate" in (look(database)[0].last_error or "")
    assert hook.received == []


def test_a_notice_goes_over_tls(
    database: Database, receiver: dict[str, object], certificates: Certificates
) -> None:
    hook = HookReceiver((certificates.gateway.certificate, certificates.gateway.key))
    screen(database)
    named = receiver | {"url": f"https://localhost:{hook.port}/", "ca": certificates.ca}
    with courier(database, make_settings(named)):
        wait_for(database, ["delivered"])
    hook.close()


def test_a_missing_secret_lets_notices_wait_and_nothing_unsigned_is_sent(
    database: Database, hook: HookReceiver, receiver: dict[str, object], tmp_path: Path
) -> None:
    (tmp_path / "secret.txt").write_text("short")
    screen(database)
    with courier(database, make_settings(receiver)):
        wait_until(lambda: bool(look(database) and look(database)[0].last_error), 20, "an attempt")
        assert hook.received == []
        write_secret(tmp_path)
        (row,) = wait_for(database, ["delivered"])
    assert row.attempts > 1
