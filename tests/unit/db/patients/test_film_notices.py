"""Notices: a film of another patient is named on its study, and changes neither finding nor priority."""

from __future__ import annotations

from dataclasses import replace

import pytest

from db.database import Database
from db.worklist import study_details, worklist
from db.worklist.studies import StudyHeader
from db.worklist.study_entries import StudyEntry
from db.worklist.worklist_filter import WorklistFilter
from domain.codes import Finding, Notice, Priority
from domain.patient_identity import Patient
from tests.unit import rows

JANE = StudyHeader("1.2", patient_id="P1", patient_name="Doe^Jane", patient_birth_date="19800229")
MARY = StudyHeader("1.2", patient_id="P2", patient_name="Roe^Mary", patient_birth_date="19550505")


@pytest.fixture
def screened(database: Database) -> Database:
    """A database with a screened film of Jane, HIGH."""
    rows.register_model(database)
    rows.screen(database, rows.receive_and_queue(database, "1.2.1", study=JANE))
    return database


def test_a_film_of_another_patient_is_named_and_the_result_stands(screened: Database) -> None:
    before = _find(screened)
    rows.screen(
        screened, rows.receive_and_queue(screened, "1.2.2", study=MARY), 0.1, Finding.ABSENT, Priority.LOW
    )
    study = _find(screened)
    assert (before.notices, study.notices) == ([], [Notice.PATIENT_MISMATCH])
    assert (study.patient_name, study.patient_id, study.patient_birth_date) == ("Doe^Jane", "P1", "19800229")
    assert (study.finding, study.priority) == (before.finding, before.priority) == ("present", "HIGH")
    named = [(film.notices, film.patient_id, film.patient_name) for film in study.films]
    assert named == [([], None, None), ([Notice.PATIENT_MISMATCH], "P2", "Roe^Mary")]
    with screened.read() as session:
        details = study_details.find_details(session, "1.2")
    assert details is not None
    assert details.notices == details.films[1].notices == [Notice.PATIENT_MISMATCH]
    assert details.films[1].patient == Patient("P2", None, "Roe^Mary", "19550505")


def test_a_coerced_film_of_the_same_patient_is_not_named(screened: Database) -> None:
    coerced = replace(JANE, patient_id="p1 ", patient_name="DOE^JANE^^", patient_id_issuer="HERE")
    rows.receive(screened, "1.2.2", study=coerced)
    study = _find(screened)
    assert (study.notices, study.patient_id, study.patient_id_issuer) == ([], "P1", "HERE")


def test_another_patient_fills_nothing(database: Database) -> None:
    rows.receive(database, "1.2.1", study=StudyHeader("1.2", patient_id="P1"))
    rows.receive(database, "1.2.2", study=replace(MARY, accession_number="A7"))
    study = _find(database)
    assert (study.patient_name, study.patient_birth_date, study.accession_number) == (None, None, None)


def test_a_corrected_name_is_shown_and_is_no_notice(database: Database) -> None:
    rows.receive(database, "1.2.1", study=replace(JANE, patient_name="Deo^Jane"))
    rows.receive(database, "1.2.1", "corrected", study=JANE)
    study = _find(database)
    assert (study.patient_name, study.notices) == ("Doe^Jane", [])
    assert [film.patient_name for film in study.films] == [None]


def test_two_films_that_are_corrected_in_turn_end_without_a_notice(database: Database) -> None:
    for uid in ("1.2.1", "1.2.2"):
        rows.receive(database, uid, study=replace(JANE, patient_name="Deo^Jane"))
    rows.receive(database, "1.2.1", "corrected", study=JANE)
    assert _find(database).notices == [Notice.PATIENT_MISMATCH]
    rows.receive(database, "1.2.2", "corrected", study=JANE)
    study = _find(database)
    assert (study.patient_name, study.notices) == ("Doe^Jane", [])


def test_the_worklist_is_filtered_by_notice(screened: Database) -> None:
    rows.receive(screened, "1.3.1", study=replace(JANE, study_instance_uid="1.3"))
    rows.receive(screened, "1.2.2", study=MARY)
    with screened.read() as session:
        wanted = WorklistFilter(notices=[Notice.PATIENT_MISMATCH])
        assert [study.study_instance_uid for study in worklist.find_page(session, wanted).studies] == ["1.2"]
        assert worklist.find_page(session, WorklistFilter(notices=[Notice.CONFLICT])).studies == []


def _find(database: Database) -> StudyEntry:
    with database.read() as session:
        (study,) = worklist.find_page(session, WorklistFilter(study_instance_uids=["1.2"])).studies
    return study
