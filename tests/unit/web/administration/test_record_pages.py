"""The pages Audit records and Settings: what is on this host, without secrets, and not unseen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import fromstring

import pytest
from starlette.testclient import TestClient

from db.database import Database
from dicom_gateway.audit.audit_settings import audit_directory
from tbscreen.administration.local_installation import LocalInstallation
from tbscreen.processes.page_audit import PageAudit
from tbscreen.settings import Settings, load_settings
from tests.servers.audit_schema import check
from tests.unit.web import reading_room
from tests.unit.web.browsers import let_in
from tests.unit.web.conftest import HERE
from web.access.audit import ChangeKind
from web.application import build_application


@pytest.fixture
def audited(settings: Settings, peopled: Database) -> Iterator[TestClient]:
    """A browser in which `ada` is logged in, on a page that writes audit records."""
    reading_room.fill(peopled, reading_room.MORNING[:1])
    audit = PageAudit(settings.audit, audit_directory(settings.data_directory), "TBSCREEN")
    audit.record_change("max", "192.0.2.7", ChangeKind.ROLE, "role of user rosa set to <b>admin</b>")
    audit.record_login("rosa", "192.0.2.8", is_right=False)
    application = build_application(
        peopled, "1", audit=audit, installation=LocalInstallation(settings, peopled)
    )
    with TestClient(application, base_url=HERE) as client:
        yield let_in(client, peopled, "ada")
    audit.close()


def list_rows(page: str) -> list[str]:
    """Return the rows of the table as text."""
    rows = re.findall(r"<tr><td>.*?</tr>", page, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in rows]


def test_audit_records_are_shown_newest_first_and_filtered(audited: TestClient, settings: Settings) -> None:
    audited.get("/studies/1.2.1")
    directory = audit_directory(settings.data_directory)
    older = (directory / "web.log").read_bytes().splitlines()[0]
    long_ago = re.sub(rb'(?<=EventDateTime=")\d{4}', b"2020", older)
    (directory / "gateway.log.1").write_bytes(long_ago.replace(b"max", b"PACS") + b"\n")
    (directory / "gateway.log").write_bytes(b"<!DOCTYPE x>\n<AuditMessage>\n<AuditMessage/>\n\xff\n")
    page = audited.get("/administration/audit").text
    rows = list_rows(page)
    assert [re.sub(r"^\S+ \S+ UTC ", "", row) for row in rows[:2]] == [
        "ada testclient, web Audit Log Used done URI file://" + str(directory.resolve()),
        "ada testclient, web DICOM Instances Accessed done Study Instance UID 1.2.1 Patient Number P-4137",
    ]
    assert "role of user rosa set to &lt;b&gt;admin" in page
    assert "failed" in rows[2]
    assert "PACS" in rows[-1]
    only = list_rows(audited.get("/administration/audit?who=max&event=Security+Alert").text)
    assert [row.split("UTC ")[1][:4] for row in only] == ["max "]
    assert list_rows(audited.get("/administration/audit?who=nobody").text) == []


def test_a_view_of_audit_records_is_one_itself_in_the_form_of_the_standard(
    audited: TestClient, settings: Settings
) -> None:
    audited.get("/administration/audit")
    line = (audit_directory(settings.data_directory) / "web.log").read_bytes().splitlines()[-1]
    message = fromstring(line)
    check(message)
    event = message.find("EventIdentification/EventID")
    assert event is not None
    assert event.attrib["csd-code"] == "110101"
    assert message.findtext("ParticipantObjectIdentification/ParticipantObjectName") == "Security Audit Log"


def test_settings_in_force_are_shown_without_passwords(settings: Settings, peopled: Database) -> None:
    peer = {"name": "pacs", "protocol": "dicomweb", "url": "https://pacs.example/dicom-web"}
    changed = load_settings(
        data_directory=settings.data_directory,
        database_url=settings.database_url,
        broker_url="rediss://user:s3cret-word@redis.example:6379/1",
        peers=[peer],
    )
    installation = LocalInstallation(changed, peopled)
    with TestClient(build_application(peopled, "1", installation=installation), base_url=HERE) as client:
        page = let_in(client, peopled, "ada").get("/administration/settings").text
    assert "s3cret-word" not in page
    assert "rediss://redis.example:6379/1" in page
    assert "https://pacs.example/dicom-web" in page
    mine, _, every = page.partition("<h2>All</h2>")
    assert "<code>broker_url</code>" in mine
    assert "<code>gateway.ae_title</code>" not in mine
    assert "<code>gateway.ae_title</code>" in every
    assert "<code>web.session_idle_minutes</code>" in every
