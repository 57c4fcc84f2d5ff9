"""Header values stay text wherever they appear: page, REST, CSV, report, audit trail."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from db.database import Database
from db.worklist import worklist
from db.worklist.study_entries import StudyEntry
from dicom_gateway.audit.audit_settings import AuditSettings
from dicom_gateway.audit.audit_trail import AuditTrail
from reports.settings import ReportSettings
from tbscreen.processes.report_page import build_report_page
from tbscreen.terminal.worklist_csv import write_csv
from tests.films import read, small_film
from tests.integration.conftest import store_raw
from tests.integration.listening import gateway
from tests.integration.test_audit import records
from tests.servers.ports import free_port
from tests.unit.web import reading_room
from tests.unit.web.browsers import let_in
from tests.unit.web.conftest import HERE
from tests.unit.web.rest.test_rest import issue
from web.application import build_application

MARKUP = "<script>alert(1)</script>{{7*7}}${7*7}"
FORMULA = "=cmd|'/C calc'!A0"
HEADER = {
    "PatientName": f"Robert'); DROP TABLE instances;--^{MARKUP}",
    "PatientID": f"{MARKUP}' OR 1=1 --",
    "AccessionNumber": "' OR ''='",
    "StudyDescription": FORMULA,
    "StationName": "<img src=x>{{7*7}}",
    "InstitutionName": f"{MARKUP}'; --",
}
SENDER = "<b>' OR 1=1 --"


def flatten(found: dict[str, Any]) -> list[Any]:
    """Return all values in a JSON object, those of objects in it among them."""
    return [text for value in found.values() for text in (value if isinstance(value, list) else [value])]


@pytest.fixture
def study(sqlite_database: Database, tmp_path: Path) -> StudyEntry:
    """A film's study that came by C-STORE, told of in the audit trail."""
    film, port = small_film(tmp_path, **HEADER), free_port()
    audit = AuditTrail(AuditSettings(), tmp_path / "audit", "test", "TBSCREEN")
    with gateway(sqlite_database, tmp_path / "spool", port, audit=audit):
        assert store_raw(port, film, calling=SENDER) == 0x0000
    audit.close()
    with sqlite_database.read() as session:
        (found,) = worklist.find_page(session).studies
    assert found.study_instance_uid == read(film).StudyInstanceUID
    return found


def test_names_are_text_wherever_they_come_out(
    sqlite_database: Database, study: StudyEntry, tmp_path: Path
) -> None:
    assert (study.patient_name, study.patient_id) == (HEADER["PatientName"], HEADER["PatientID"])
    assert list(study.senders) == [SENDER]

    output = io.StringIO()
    write_csv([study], output)
    (line,) = csv.DictReader(io.StringIO(output.getvalue()))
    assert line["description"] == f"'{FORMULA}", "no spreadsheet computes it"
    assert line["patient_name"] == HEADER["PatientName"]

    reading_room.add_users(sqlite_database)
    report = build_report_page(sqlite_database, ReportSettings(), "1")
    with TestClient(build_application(sqlite_database, "1", render_report=report), base_url=HERE) as client:
        let_in(client, sqlite_database, "ada")
        uid = study.study_instance_uid
        for path in ("/", f"/studies/{uid}", "/report/document?by=station", "/report/document?by=site"):
            page = client.get(path)
            assert page.status_code == 200
            assert "&lt;" in page.text, f"{path} shows it"
            assert "{{7*7}}" in page.text, f"{path} computes nothing"
            assert not re.search("<script>|<img|<b>", page.text, re.IGNORECASE), path
        asked = client.get("/", params={"text": HEADER["PatientID"]})
        assert f'href="/studies/{study.key}"' in asked.text, "it is found by what it is called"
        headers = issue(sqlite_database, "ada")
        answer = client.get(f"/api/v1/studies/{uid}", headers=headers)
        assert answer.headers["content-type"] == "application/json"
        assert HEADER["PatientName"] in json.loads(answer.text, object_hook=flatten)

    (received,) = [message for event, message in records(tmp_path / "audit") if "Transferred" in event]
    told = [
        audited.attrib["ParticipantObjectID"]
        for audited in received.findall("ParticipantObjectIdentification")
    ]
    assert HEADER["PatientID"] in told
    with sqlite_database.read() as session:
        assert len(worklist.find_page(session).studies) == 1, "the table is there"
