"""Audit records of the page fit the schema of the standard."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest
from starlette.testclient import TestClient

from db.database import Database
from dicom_gateway.audit.audit_settings import AuditSettings
from tbscreen.processes.page_audit import PageAudit
from tests.servers.audit_schema import check
from tests.unit.web import reading_room
from tests.unit.web.browsers import send, send_read, try_to_log_in
from tests.unit.web.conftest import HERE
from tests.unit.web.rest.test_rest import issue
from web.access.audit import ChangeKind
from web.application import build_application


@pytest.fixture
def page(sqlite_database: Database, place: Path) -> Iterator[TestClient]:
    reading_room.add_users(sqlite_database)
    reading_room.fill(sqlite_database, reading_room.MORNING[:1])
    audit = PageAudit(AuditSettings(), place, "TBSCREEN")
    audit.record_start()
    with TestClient(build_application(sqlite_database, "1", audit=audit), base_url=HERE) as client:
        yield client
    audit.record_stop()
    audit.close()


def read_records(place: Path) -> list[tuple[str, str, str, Element]]:
    """Return each record's event, who it was and how it ended, checked against the schema."""
    found = []
    for line in (place / "web.log").read_bytes().splitlines():
        message = fromstring(line)
        check(message)
        event = message.find("EventIdentification")
        code = message.find("EventIdentification/EventID")
        who = message.find("ActiveParticipant")
        assert event is not None
        assert code is not None
        assert who is not None
        outcome = event.attrib["EventActionCode"] + event.attrib["EventOutcomeIndicator"]
        found.append((code.attrib["originalText"], who.attrib["UserID"], outcome, message))
    return found


def test_logins_searches_views_and_reads_are_recorded(
    page: TestClient, place: Path, sqlite_database: Database
) -> None:
    try_to_log_in(page, "rosa", "wrong")
    try_to_log_in(page, "my password by mistake", "rosa")
    try_to_log_in(page, "rosa")
    page.get("/?text=okaf")
    page.get("/?text=okaf", headers={"X-By-Itself": "1"})
    page.get("/studies/1.2.1")
    page.get("/studies/1.2.1", headers={"X-By-Itself": "1"})
    page.get("/studies/1.2.9")
    send_read(page, "/studies/1.2.1", verdict="tb")
    token = issue(sqlite_database, "ada")
    page.get("/api/v1/worklist", headers=token)
    page.get("/api/v1/studies/1.2.1/films/1/film.jpg", headers=token)
    page.post("/api/v1/studies/1.2.1/reads", headers=token, json={"verdict": "unsure"})
    send(page, "/logout")

    records = read_records(place)
    assert [record[:3] for record in records] == [
        ("Application Activity", records[0][1], "E0"),
        ("User Authentication", "rosa", "E4"),
        ("User Authentication", "unknown", "E4"),
        ("User Authentication", "rosa", "E0"),
        ("Query", "rosa", "E0"),
        ("DICOM Instances Accessed", "rosa", "R0"),
        ("DICOM Instances Accessed", "rosa", "R0"),
        ("Query", "rosa", "E0"),
        ("DICOM Instances Accessed", "rosa", "U0"),
        ("Query", "ada", "E0"),
        ("DICOM Instances Accessed", "ada", "R0"),
        ("DICOM Instances Accessed", "ada", "U0"),
        ("Query", "rosa", "E0"),
        ("User Authentication", "rosa", "E0"),
    ]
    query = records[4][3].find("ParticipantObjectIdentification/ParticipantObjectQuery")
    assert query is not None
    assert base64.b64decode(query.text or "") == b"text=okaf"
    objects = records[5][3].findall("ParticipantObjectIdentification")
    assert [audited.attrib["ParticipantObjectID"] for audited in objects] == ["1.2.1", "P-4137"]
    text = (place / "web.log").read_text()
    for secret in ("mistake", "Okafor", reading_room.PASSWORD, token["Authorization"][7:]):
        assert secret not in text
    assert ((place / "web.log").stat().st_mode & 0o077) == 0


def test_changed_passwords_and_wrong_tokens_are_recorded(
    page: TestClient, place: Path, sqlite_database: Database
) -> None:
    try_to_log_in(page, "rosa")
    new = "another walk to the lake"
    for old in ("a wrong one", reading_room.PASSWORD):
        send(page, "/account", old=old, new=new, again=new)
    for _ in range(3):
        page.get("/api/v1/worklist", headers={"Authorization": "Bearer tbs_of_nobody"})
    page.get("/api/v1/worklist")

    records = [record for record in read_records(place) if record[0] != "Query"][2:]
    assert [record[:3] for record in records] == [
        ("Security Alert", "rosa", "E4"),
        ("Security Alert", "rosa", "E0"),
        ("User Authentication", "unknown", "E4"),
    ]
    assert [read_type(record[3]) for record in records] == [
        "User Security Attributes Changed",
        "User Security Attributes Changed",
        "Login",
    ]
    text = (place / "web.log").read_text()
    for secret in (new, "a wrong one", reading_room.PASSWORD, "tbs_of_nobody"):
        assert secret not in text


def test_changes_by_administrators_are_recorded_as_those_of_commands(place: Path) -> None:
    audit = PageAudit(AuditSettings(), place, "TBSCREEN")
    for kind in ChangeKind:
        audit.record_change("ada", "192.0.2.7", kind, f"a change of {kind}")
    audit.close()
    records = read_records(place)
    assert [record[:3] for record in records] == [("Security Alert", "ada", "E0")] * 3
    assert [read_type(record[3]) for record in records] == [
        "User Security Attributes Changed",
        "Security Roles Changed",
        "Software Configuration",
    ]
    detail = records[0][3].find("ParticipantObjectIdentification/ParticipantObjectDetail")
    assert detail is not None
    assert base64.b64decode(detail.attrib["value"]) == b"a change of account"


def read_type(message: Element) -> str:
    """Return the type of a record's event."""
    code = message.find("EventIdentification/EventTypeCode")
    assert code is not None
    return code.attrib["originalText"]


def test_wrong_tokens_are_counted_and_do_not_fill_the_trail(place: Path) -> None:
    audit = PageAudit(AuditSettings(), place, "TBSCREEN")
    for _ in range(50):
        audit.record_wrong_token("192.0.2.9")
    audit.close()
    told = [
        message.findtext("EventIdentification/EventOutcomeDescription") for *_, message in read_records(place)
    ]
    assert told == ["wrong bearer token (1 times)", "wrong bearer token (49 times)"]
