"""The page Patients: administrators decide conflicts and correct patients; others may not."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from db.database import Database
from db.patients import conflicts
from db.tables import Conflict
from db.worklist import worklist
from db.worklist.studies import StudyHeader
from tests.unit import rows
from tests.unit.web.browsers import let_in, send
from tests.unit.web.conftest import HERE
from web.access.audit import NoAuditTrail
from web.application import build_application

JANE = StudyHeader("1.2", patient_id="P1", patient_name="Doe^Jane", patient_birth_date="19800229")
MARY = StudyHeader("1.3", patient_id="P2", patient_name="<b>Roe^Mary", patient_birth_date="19550505")


class Trail(NoAuditTrail):
    """Keeps what was recorded."""

    def __init__(self) -> None:
        self.records: list[tuple[Any, ...]] = []

    def record_reconciliation(self, *record: Any) -> None:
        """Keep a record."""
        self.records.append(record)


@pytest.fixture
def trail() -> Trail:
    """An audit trail in memory."""
    return Trail()


@pytest.fixture
def admin(peopled: Database, trail: Trail) -> TestClient:
    """A browser in which `ada` is logged in, and one conflict."""
    rows.receive(peopled, "1.2.1", study=JANE)
    rows.receive(peopled, "1.2.1", "other", study=MARY)
    application = build_application(peopled, "1.2.3", audit=trail)
    return let_in(TestClient(application, base_url=HERE), peopled, "ada")


@pytest.mark.parametrize("name", ["rosa", "max"])
def test_only_an_administrator_decides(admin: TestClient, peopled: Database, name: str) -> None:
    other = let_in(admin, peopled, name)
    assert other.get("/patients").status_code == 403
    assert 'href="/patients"' not in other.get("/" if name == "rosa" else "/account").text
    for path in ("conflicts/1", "proposed", "merge", "move", "split", "corrections/1/end"):
        assert send(other, f"/patients/{path}", decision="both").status_code == 403


def test_a_conflict_is_shown_and_decided(admin: TestClient, peopled: Database, trail: Trail) -> None:
    page = admin.get("/patients").text
    assert "Doe, Jane" in page
    assert "&lt;b&gt;Roe, Mary" in page
    number = find_conflict(peopled)
    assert admin.post(f"/patients/conflicts/{number}", data={"decision": "older"}).status_code == 403, (
        "no csrf"
    )
    assert send(admin, f"/patients/conflicts/{number}", decision="each").status_code == 400
    done = send(admin, f"/patients/conflicts/{number}", decision="older", reason="a clock")
    assert (done.status_code, done.headers["location"]) == (303, "/patients")
    assert list_patients(peopled) == {"1.2": "P1"}
    (record,) = trail.records
    assert (record[0], *record[2:]) == (
        "ada",
        f"conflict {number} decided: older",
        ["P1", "P2"],
        ["1.2", "1.3"],
    )
    again = send(admin, f"/patients/conflicts/{number}", decision="older")
    assert again.status_code == 422
    assert "decided already" in again.text
    assert send(admin, "/patients/conflicts/99", decision="both").status_code == 422


def test_proposed_merges_are_accepted_with_one_click(admin: TestClient, peopled: Database) -> None:
    with peopled.write() as session:
        session.get_one(Conflict, find_conflict(peopled)).proposed = True
    assert "Accept all" in admin.get("/patients").text
    assert send(admin, "/patients/proposed", reason="merged").status_code == 303
    assert list_patients(peopled) == {"1.3": "P2"}
    with peopled.read() as session:
        assert conflicts.count_open(session) == {"conflict": 0, "proposed_merge": 0}


def test_patients_are_merged_moved_and_split_and_a_correction_ends(
    admin: TestClient, peopled: Database, trail: Trail
) -> None:
    assert send(admin, "/patients/merge", prior="P1", patient_id="P9", reason="twice").status_code == 303
    assert list_patients(peopled)["1.2"] == "P9"
    assert send(admin, "/patients/corrections/1/end").status_code == 303
    assert list_patients(peopled)["1.2"] == "P1"
    assert send(admin, "/patients/move", study="1.3", patient_id="P7", name="Poe^Ann").status_code == 303
    assert list_patients(peopled)["1.3"] == "P7"
    assert "Move the study" in admin.get("/studies/1.2").text
    assert send(admin, "/patients/split", study="1.2", film="1", to_study="1.9").status_code == 303
    assert set(list_patients(peopled)) == {"1.3", "1.9"}
    for path, form in (
        ("merge", {"prior": "P1", "patient_id": "P1"}),
        ("move", {"study": "8.8", "patient_id": "P1"}),
        ("move", {"study": "1.3", "patient_id": "P1", "birth_date": "yesterday"}),
        ("split", {"study": "1.9", "film": "77"}),
        ("split", {"study": "1.9", "film": "1", "to_study": "../x"}),
    ):
        assert send(admin, f"/patients/{path}", **form).status_code == 422
    assert len(trail.records) == 4


def find_conflict(database: Database) -> int:
    """Return the number of the conflict."""
    with database.read() as session:
        return conflicts.list_conflicts(session)[0].id


def list_patients(database: Database) -> dict[str, str | None]:
    """Return the patient ID of each study."""
    with database.read() as session:
        return {study.study_instance_uid: study.patient_id for study in worklist.find_page(session).studies}
