"""E-mail at a real mail server, Exim: STARTTLS, TLS from the start, login, refusals, wrong certificates."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from db.database import Database
from notices import mail
from notices.notice_settings import MailSettings
from tests.servers.certificates import Certificates
from tests.servers.mail import PASSWORD, USER, MailServer, mail_server
from tests.servers.ports import free_port, wait_until
from tests.unit import rows
from tests.unit.notices.couriers import courier, look, make_settings, screen, wait_for

MAIL = {"host": "localhost", "sender": "tbscreen@clinic.example", "recipients": ["tb@hospital.example"]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[MailServer]:
    with mail_server(tmp_path_factory.mktemp("exim") / "exim", certificates.gateway) as started:
        yield started


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    rows.register_model(sqlite_database)
    return sqlite_database


def find(server: MailServer, row_count: int) -> list[EmailMessage]:
    wait_until(lambda: len(server.read()) >= row_count, 20, "the e-mails are in the queue")
    return server.read()


def test_a_high_finding_is_an_e_mail_encrypted_and_without_patient_data(
    database: Database, server: MailServer, certificates: Certificates, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    login = {"user": USER, "password_file": tmp_path / "password"}
    before = len(server.read())
    screen(database, 1, "CR1\r\nBcc: x@y.example")
    settings = make_settings({**MAIL, **login, "port": server.port, "ca": certificates.ca}, "mails")
    with courier(database, settings):
        wait_for(database, ["delivered"])
    message = find(server, before + 1)[-1]
    assert message["To"] == "tb@hospital.example"
    assert message["Bcc"] is None
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@clinic.example>")
    text = message.get_content()
    assert "not verified by a physician" in text
    assert not [word for word in ("4711", "Doe", "ACC1", "19700102") if word in message.as_string()]
    # Exim writes into each e-mail how it came: with TLS and a login (RFC 3848).
    assert "esmtpsa" in message["Received"]


def test_tls_from_the_start_and_several_notices_over_one_connection(
    database: Database, server: MailServer, certificates: Certificates
) -> None:
    for number in range(3):
        screen(database, number)
    before = len(server.read())
    receiver = {**MAIL, "port": server.tls_port, "security": "tls", "ca": certificates.ca}
    with courier(database, make_settings(receiver, "mails")):
        wait_for(database, ["delivered"] * 3)
    messages = find(server, before + 3)[before:]
    assert len({message["Message-ID"] for message in messages}) == 3


@pytest.mark.parametrize(
    ("recipients", "state", "reason"),
    [
        (["nobody@hospital.example"], "parked", "all recipients are refused: reply 550"),
        (["later@hospital.example"], "pending", "all recipients are refused: reply 451"),
        (["nobody@hospital.example", "tb@hospital.example"], "delivered", None),
    ],
)
def test_refused_recipients(
    recipients: list[str],
    state: str,
    reason: str | None,
    database: Database,
    server: MailServer,
    certificates: Certificates,
) -> None:
    screen(database)
    receiver = {**MAIL, "recipients": recipients, "port": server.port, "ca": certificates.ca}

    def is_settled() -> bool:
        notices = look(database)
        return bool(notices) and notices[0].state == state and bool(notices[0].last_error) == bool(reason)

    with courier(database, make_settings(receiver, "mails")):
        wait_until(is_settled, 20, f"the notice is {state}")
    assert look(database)[0].last_error == reason


def settle(database: Database, receiver: dict[str, Any]) -> str:
    """Let a notice be tried; return the reason for which it waits."""
    screen(database)
    with courier(database, make_settings({**MAIL, **receiver}, "mails")):
        wait_until(lambda: bool(look(database) and look(database)[0].last_error), 20, "an attempt")
    (row,) = look(database)
    assert row.state == "pending"
    return row.last_error or ""


def test_a_server_that_offers_no_encryption_gets_nothing(
    database: Database, certificates: Certificates, tmp_path: Path
) -> None:
    with mail_server(tmp_path / "exim", certificates.gateway, offers_starttls=False) as clear:
        reason = settle(database, {"port": clear.port, "ca": certificates.ca})
        assert "offers no STARTTLS" in reason
        assert clear.read() == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_with_another_certificate_gets_nothing(
    security: str, database: Database, server: MailServer, certificates: Certificates
) -> None:
    port = server.port if security == "starttls" else server.tls_port
    before = len(server.read())
    reason = settle(database, {"port": port, "security": security, "ca": certificates.other_ca})
    assert "its certificate" in reason
    assert len(server.read()) == before


def test_a_wrong_password_and_a_server_that_is_away(
    database: Database, server: MailServer, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "wrong")
    login = {"user": USER, "password_variable": "MAIL_PASSWORD"}
    reason = settle(database, {**login, "port": server.port, "ca": certificates.ca})
    assert "refuses the login (535)" in reason
    assert "wrong" not in reason
    away = MailSettings.model_validate({**MAIL, "name": "a", "port": free_port()})
    assert "nothing answers" in (mail.probe(away) or "")
    there = {**MAIL, "name": "a", "port": server.port, "ca": certificates.ca}
    assert mail.probe(MailSettings.model_validate(there)) is None
