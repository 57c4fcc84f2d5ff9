"""`POST /results`: a laboratory's system sends what its CSV says, all or none, as often as it likes."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from db.database import Database
from db.tables import BacteriologyResult
from db.worklist.studies import StudyHeader
from domain.roles import Permission
from tests.unit import rows
from tests.unit.web.conftest import HERE
from tests.unit.web.rest.test_rest import issue
from web.access.audit import NoAuditTrail
from web.application import build_application
from web.rest.results import LARGEST_BODY, MOST_RESULTS

PATH = "/api/v1/results"
ULTRA = {
    "patient_id": "P1", "specimen_id": "S1", "specimen_date": "2026-11-02", "method": "Xpert Ultra",
    "result": "MTB trace detected",
}  # fmt: skip
SMEAR = {"accession_number": "A1", "specimen_date": "20261103", "method": "smear", "result": "negative"}


class KeptTrail(NoAuditTrail):
    def __init__(self) -> None:
        self.changes: list[tuple[str, list[str]]] = []

    def record_reconciliation(
        self, user: str, address: str, change: str, patient_ids: Any, study_instance_uids: Any
    ) -> None:
        self.changes.append((f"{user}: {change}", list(patient_ids)))


@pytest.fixture
def trail() -> KeptTrail:
    return KeptTrail()


@pytest.fixture
def laboratory(peopled: Database, trail: KeptTrail) -> TestClient:
    """A laboratory's system, with a token of `ada`."""
    headers = issue(peopled, "ada", {Permission.RESULTS})
    return TestClient(build_application(peopled, "1.2.3", audit=trail), base_url=HERE, headers=headers)


def count(database: Database) -> int:
    with database.read() as session:
        return len(session.scalars(select(BacteriologyResult.id)).all())


def test_the_same_again_changes_nothing_and_a_correction_is_kept_with_its_history(
    laboratory: TestClient, peopled: Database, trail: KeptTrail
) -> None:
    rows.receive(peopled, "1.2.1", study=StudyHeader("1.2", accession_number="A1", study_date="20261101"))
    first = laboratory.post(PATH, json={"results": [ULTRA, SMEAR]})
    assert (first.status_code, first.json()) == (
        200,
        {
            "new": [0, 1],
            "corrected": [],
            "unchanged": [],
            "outdated": [],
            "links": {"linked": 1, "no_study": 1},
        },
    ), first.text
    assert laboratory.post(PATH, json={"results": [ULTRA, SMEAR]}).json()["unchanged"] == [0, 1]
    corrected = laboratory.post(PATH, json={"results": [ULTRA | {"result": "negative"}]}).json()
    assert corrected["corrected"] == [0]
    assert laboratory.post(PATH, json={"results": [ULTRA]}).json()["outdated"] == [0]
    assert laboratory.post(PATH, json={"results": [ULTRA], "restate": True}).json()["corrected"] == [0]
    with peopled.read() as session:
        entered = session.execute(select(BacteriologyResult.outcome, BacteriologyResult.entered_by))
        assert [tuple(row) for row in entered] == [
            ("trace", "ada"), ("negative", "ada"), ("negative", "ada"), ("trace", "ada"),
        ]  # fmt: skip
    assert trail.changes == [
        ("ada: 2 bacteriology results recorded", ["P1"]),
        ("ada: 1 bacteriology results recorded", ["P1"]),
        ("ada: 1 bacteriology results recorded", ["P1"]),
    ]


def test_each_bad_result_is_named_and_nothing_is_recorded(laboratory: TestClient, peopled: Database) -> None:
    bad = [
        SMEAR,
        ULTRA | {"method": "xray"},
        ULTRA | {"patient_id": "SECRET", "specimen_date": "02/11/2026"},
        ULTRA | {"patient_id": "1.23E+11"},
        SMEAR | {"result": "positive"},
        ULTRA | {"patient_id": " "},
    ]
    answer = laboratory.post(PATH, json={"results": bad})
    assert answer.status_code == 422
    detail = answer.json()["detail"]
    for words in (
        "results.1: method 'xray' is unknown", "results.2: specimen_date '02/11/2026' is no day",
        "results.3: patient_id was rounded", "results.4: it differs from result 0",
        "results.5: neither accession_number nor patient_id",
    ):  # fmt: skip
        assert words in detail
    assert "SECRET" not in detail
    assert count(peopled) == 0


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"results": []}, 422, "results: List should have at least 1 item"),
        ({"results": [ULTRA] * (MOST_RESULTS + 1)}, 422, "at most 1000 items"),
        ({"results": [ULTRA | {"name": "Doe"}]}, 422, "results.0.name: Extra inputs"),
        ({"results": [{**ULTRA, "result": "x" * LARGEST_BODY}]}, 413, "bytes"),
    ],
)
def test_a_body_of_another_form_is_refused(
    laboratory: TestClient, body: dict[str, Any], status: int, words: str
) -> None:
    answer = laboratory.post(PATH, json=body)
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text
    assert laboratory.post(PATH, content=b"{}").status_code == 415


def test_a_token_without_the_scope_sends_none(stranger: TestClient, peopled: Database) -> None:
    for headers in (issue(peopled), issue(peopled, "max"), issue(peopled, "ada", {Permission.WORKLIST})):
        assert stranger.post(PATH, json={"results": [ULTRA]}, headers=headers).status_code == 403
    assert stranger.post(PATH, json={"results": [ULTRA]}).status_code == 401
    assert count(peopled) == 0
