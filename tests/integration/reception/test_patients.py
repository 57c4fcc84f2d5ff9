"""Films of different patients by C-STORE: under one Study Instance UID, and under one SOP Instance UID."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import RLELossless, generate_uid
from sqlalchemy import select
from structlog.testing import capture_logs

from db.database import Database
from db.delivery import outbox
from db.patients import conflicts
from db.tables import Instance
from db.worklist import worklist
from db.worklist.study_entries import StudyEntry
from db.worklist.worklist_filter import WorklistFilter
from dicom_gateway import metrics
from dicom_gateway.audit.audit_settings import AuditSettings
from dicom_gateway.audit.audit_trail import AuditTrail
from dicom_gateway.results.structured_report import build_report
from dicom_gateway.settings import CourierSettings
from domain.codes import Finding, Notice, Priority
from tests.films import read, small_film
from tests.fuzzing.campaign import make_database
from tests.integration.conftest import store_raw
from tests.integration.listening import gateway
from tests.screened_films import MANIFEST
from tests.servers.gateway import gateway as gateway_process
from tests.servers.ports import free_port, wait_until
from tests.servers.redis import redis_server
from tests.unit import rows

JANE = {"PatientName": "Doe^Jane", "PatientID": "P1", "PatientBirthDate": "19800229"}
MARY = {"PatientID": "P2", "PatientName": "Roe^Mary", "PatientBirthDate": "19550505"}


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


def test_a_film_of_another_patient_under_a_known_uid_leaves_the_first_result(
    sqlite_database: Database, tmp_path: Path
) -> None:
    rows.register_model(sqlite_database)
    jane = small_film(tmp_path, **JANE)
    uid = str(read(jane).SOPInstanceUID)
    (tmp_path / "mary").mkdir()
    mary = small_film(tmp_path / "mary", 1, SOPInstanceUID=uid, **MARY)
    folder = tmp_path / "audit"
    trail = AuditTrail(AuditSettings(), folder, "gateway", "TBSCREEN")
    counted = metrics.CONFLICTS._value.get()
    port = free_port()
    with gateway(sqlite_database, tmp_path / "spool", port, audit=trail):
        assert store_raw(port, jane) == 0x0000
        screen_all(sqlite_database, 0.9, Finding.PRESENT, Priority.HIGH)
        with capture_logs() as logs:
            assert store_raw(port, mary) == 0x0000
    trail.close()
    screen_all(sqlite_database, 0.1, Finding.ABSENT, Priority.LOW)
    high, low = list_studies(sqlite_database)
    assert (high.patient_name, high.priority, high.notices) == ("Doe^Jane", "HIGH", [Notice.CONFLICT])
    assert (low.patient_name, low.priority, low.notices) == ("Roe^Mary", "LOW", [Notice.CONFLICT])
    assert report_patients(sqlite_database) == ["P1", "P2"]
    assert metrics.CONFLICTS._value.get() == counted + 1
    warning = next(event for event in logs if event["log_level"] == "warning")
    assert "both stand" in warning["event"]
    assert uid not in str(logs)
    assert "Roe" not in str(logs)
    alerts = [line for file in folder.iterdir() for line in file.read_text().splitlines() if "110113" in line]
    assert len(alerts) == 1
    assert 'ParticipantObjectID="P2"' in alerts[0]
    assert "Roe" not in alerts[0]


def test_an_archive_s_merge_is_proposed_by_its_pixels(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tbscreen.db'}"
    database = make_database(url)
    port = free_port()
    jane = small_film(tmp_path, **JANE)
    merged = read(jane)
    merged.PatientID, merged.PatientName, merged.PatientBirthDate = MARY.values()
    merged.compress(RLELossless, generate_instance_uid=False)
    of_archive = tmp_path / "merged.dcm"
    merged.save_as(of_archive)
    with redis_server() as broker:
        changes = {
            "TBSCREEN_BROKER_URL": broker,
            "TBSCREEN_GATEWAY__ARCHIVE_CALLING_AE_TITLES": '["ARCH*"]',
        }
        with gateway_process(tmp_path / "data", port, url, changes):
            assert store_raw(port, jane) == 0x0000
            assert store_raw(port, of_archive, calling="ARCHIVE1") == 0x0000
            wait_until(lambda: count_proposed(database) == 1, 60, "the merge is proposed")
    database.close()


def count_proposed(database: Database) -> int:
    """Return the number of proposed merges."""
    with database.read() as session:
        return conflicts.count_open(session)["proposed_merge"]


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
        build_report(replace(screening, manifest=MANIFEST), None, CourierSettings(), "0") for screening in due
    ]
    return [str(dcmread(BytesIO(report.part10)).PatientID) for report in reports]
