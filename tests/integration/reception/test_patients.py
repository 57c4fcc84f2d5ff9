"""Films of different patients by C-STORE: under one Study Instance UID."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import generate_uid
from sqlalchemy import select

from db.database import Database
from db.delivery import outbox
from db.tables import Instance
from db.worklist import worklist
from db.worklist.study_entries import StudyEntry
from db.worklist.worklist_filter import WorklistFilter
from dicom_gateway.results.structured_report import build_report
from dicom_gateway.settings import CourierSettings
from domain.codes import Finding, Notice, Priority
from tests.films import small_film
from tests.integration.conftest import store_raw
from tests.integration.listening import gateway
from tests.screened_films import MANIFEST
from tests.servers.ports import free_port
from tests.unit import rows

JANE = {"PatientName": "Doe^Jane", "PatientID": "P1", "PatientBirthDate": "19800229"}
MARY = {"PatientName": "Roe^Mary", "PatientID": "P2", "PatientBirthDate": "19550505"}


@pytest.fixture
def port(sqlite_database: Database, tmp_path: Path) -> Iterator[int]:
    """A gateway without preparation; an active bundle."""
    rows.register_model(sqlite_database)
    number = free_port()
    with gateway(sqlite_database, tmp_path / "spool", number):
        yield number


def test_a_film_of_another_patient_in_a_study_is_named_and_reported_as_its_own(
    port: int, sqlite_database: Database, tmp_path: Path
) -> None:
    study = generate_uid()
    jane = small_film(tmp_path, StudyInstanceUID=study, **JANE)
    coerced = small_film(
        tmp_path, 1, StudyInstanceUID=study, PatientName="DOE^JANE^^", PatientID="P1 ", PatientBirthDate=""
    )
    mary = small_film(tmp_path, 2, StudyInstanceUID=study, **MARY)
    assert [store_raw(port, film) for film in (jane, coerced)] == [0x0000, 0x0000]
    screen_all(sqlite_database, 0.9, Finding.PRESENT, Priority.HIGH)
    assert [entry.notices for entry in list_studies(sqlite_database)] == [[]]

    assert store_raw(port, mary) == 0x0000
    screen_all(sqlite_database, 0.1, Finding.ABSENT, Priority.LOW)
    (entry,) = list_studies(sqlite_database)
    assert (entry.patient_name, entry.priority, entry.finding) == ("Doe^Jane", "HIGH", "present")
    assert entry.notices == [Notice.PATIENT_MISMATCH]
    assert [film.patient_name for film in entry.films] == [None, None, "Roe^Mary"]
    assert report_patients(sqlite_database) == ["P1", "P1", "P2"]


def screen_all(database: Database, score: float, finding: Finding, priority: Priority) -> None:
    """Give every film that waits the same result."""
    with database.read() as session:
        waiting = session.scalars(select(Instance.id).where(Instance.state == "received")).all()
    for film in waiting:
        rows.queue(database, film)
        rows.screen(database, film, score, finding, priority)


def list_studies(database: Database) -> list[StudyEntry]:
    """Return the worklist."""
    with database.read() as session:
        return list(worklist.find_page(session, WorklistFilter()).studies)


def report_patients(database: Database) -> list[str]:
    """Return the Patient ID of each SR that the courier would build."""
    with database.write() as session:
        due = outbox.lease(session, rows.LEASE, 100)
    reports = [
        build_report(replace(screening, manifest=MANIFEST), CourierSettings(), "0") for screening in due
    ]
    return [str(dcmread(BytesIO(report.part10)).PatientID) for report in reports]
