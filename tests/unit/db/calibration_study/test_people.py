"""People of a calibration study: each once, drawn by band, tested by bacteriology."""

from __future__ import annotations

from datetime import date

import pytest

from db.bacteriology import results
from db.bacteriology.results import NewResult
from db.calibration_study import people, studies
from db.calibration_study.studies import CalibrationStudyEntry
from db.database import Database
from db.patients.patient_changes import Author, merge_patients, split_study
from db.tables import Instance, Study
from db.worklist.studies import StudyHeader
from domain.bacteriology import Method, Outcome, Truth
from domain.codes import Finding
from domain.errors import PermanentError
from domain.patient_identity import Patient
from tests.unit import rows

TODAY = f"{date.today():%Y%m%d}"


def start(database: Database, shares: tuple[float, float] = (1.0, 1.0)) -> CalibrationStudyEntry:
    rows.register_model(database)
    with database.write() as session:
        return studies.start(session, "north", rows.DIGEST, 0.5, [0.5], shares, {}, "me@here")


def screen(database: Database, number: int, patient_id: str | None, score: float = 0.9) -> None:
    study = StudyHeader(
        f"1.2.{number}", accession_number=f"A{number}", patient_id=patient_id, study_date=TODAY
    )
    film = rows.receive_and_queue(database, f"1.2.{number}.1", study=study)
    rows.screen(database, film, score)


def enrol(database: Database, study: CalibrationStudyEntry) -> int:
    with database.write() as session:
        return people.enrol(session, study)


def test_each_person_is_enrolled_once_with_the_first_study(database: Database) -> None:
    study = start(database)
    screen(database, 1, "P1", 0.9)
    screen(database, 2, "P2", 0.3)
    screen(database, 3, None, 0.7)
    assert enrol(database, study) == 3
    screen(database, 4, " p1 ", 0.2)
    screen(database, 5, None, 0.7)
    assert enrol(database, study) == 1, "a film without Patient ID is a person of its own"
    assert enrol(database, study) == 0
    with database.read() as session:
        enrolled = people.list_people(session, study)
    assert [(person.score, person.band) for person in enrolled] == [(0.9, 1), (0.3, 0), (0.7, 1), (0.7, 1)]
    assert all(person.drawn for person in enrolled)


def test_films_that_tell_nothing_of_a_person_are_left_out(database: Database) -> None:
    screen_before = StudyHeader("1.3.1", patient_id="EARLY")
    rows.register_model(database)
    rows.screen(database, rows.receive_and_queue(database, "1.3.1.1", study=screen_before))
    with database.write() as session:
        study = studies.start(session, "north", rows.DIGEST, 0.5, [0.5], [1, 1], {}, "me@here")
    for number in (1, 2, 3):
        screen(database, number, f"P{number}")
    undetermined = rows.receive_and_queue(database, "1.2.9.1", study=StudyHeader("1.2.9", patient_id="P9"))
    rows.screen(database, undetermined, 0.9, Finding.UNDETERMINED)
    rows.receive_and_queue(database, "1.2.2.2", study=StudyHeader("1.2.2", patient_id="P2"))
    with database.write() as session:
        noticed = session.query(Study).filter_by(study_instance_uid="1.2.3").one()
        noticed.notices = "patient_mismatch"
    assert enrol(database, study) == 1, "received before, undetermined, waiting, with a notice"
    with database.write() as session:
        studies.close(session, study, "me@here", "done")
        noticed = session.query(Study).filter_by(study_instance_uid="1.2.3").one()
        noticed.notices = None
    assert enrol(database, study) == 0, "it is closed"
    with database.write() as session, pytest.raises(PermanentError, match="was closed on"):
        studies.close(session, study, "me@here", "done")


def test_a_share_of_the_people_is_drawn_by_band(database: Database) -> None:
    study = start(database, (0.25, 1.0))
    for number in range(60):
        screen(database, number, f"P{number}", 0.2 if number < 50 else 0.8)
    enrol(database, study)
    with database.read() as session:
        enrolled = people.list_people(session, study)
    below = [person for person in enrolled if person.band == 0]
    # Of 50 people, each drawn with a quarter, 3 to 25 are drawn but once in 10,000 studies.
    assert 3 <= sum(person.drawn for person in below) <= 25
    assert all(person.drawn for person in enrolled if person.band == 1)


def test_results_are_found_and_who_has_none_is_listed(database: Database) -> None:
    study = start(database)
    for number in (1, 2, 3):
        screen(database, number, f"P{number}")
    enrol(database, study)
    with database.write() as session:
        results.record(
            session,
            [
                NewResult(Method.ULTRA, Outcome.POSITIVE, TODAY, accession_number="A1"),
                NewResult(Method.ULTRA, Outcome.TRACE, TODAY, patient_id="P2"),
            ],
            "lab@host",
        )
    with database.read() as session:
        enrolled = people.list_people(session, study)
        waiting = people.list_people_to_test(session, study)
    assert [person.truth for person in enrolled] == [Truth.TB, Truth.UNSURE, None]
    assert [(person.patient_id, person.truth, person.days) for person in waiting] == [
        ("P2", Truth.UNSURE, 0), ("P3", None, 0),
    ]  # fmt: skip


def test_people_who_turn_out_to_be_one_count_once(database: Database) -> None:
    study = start(database)
    screen(database, 1, "P1", 0.9)
    screen(database, 2, "P2", 0.3)
    enrol(database, study)
    with database.write() as session:
        merge_patients(session, Patient("P2"), Patient("P1"), Author("me@here", "the same woman"))
    with database.read() as session:
        assert [person.score for person in people.list_people(session, study)] == [0.9]
        assert people.count_enrolled(session, study) == 2


def test_a_place_goes_with_the_films_into_another_dicom_study(database: Database) -> None:
    study = start(database)
    screen(database, 1, "P1", 0.9)
    screen(database, 2, "P2", 0.3)
    enrol(database, study)
    for number, into in ((1, "1.9"), (2, "1.9")):
        with database.write() as session:
            film = session.query(Instance).filter_by(sop_instance_uid=f"1.2.{number}.1").one()
            split_study(session, f"1.2.{number}", [film.id], Author("me@here"), into)
        with database.read() as session:
            assert session.query(Study).filter_by(study_instance_uid=f"1.2.{number}").count() == 0
            enrolled = people.list_people(session, study)
        assert enrolled[0].score == 0.9
    assert len(enrolled) == 1, "the study holds the films of both: the first place stays"
    assert enrol(database, study) == 0


def test_one_study_of_a_bundle_is_open(database: Database) -> None:
    study = start(database)
    with database.write() as session:
        for name, said in (("north", "there is a study 'north' already"), ("south", "close it first")):
            with pytest.raises(PermanentError, match=said):
                studies.start(session, name, rows.DIGEST, 0.5, [0.5], [1, 1], {}, "me@here")
        studies.close(session, study, "me@here", "done")
        later = studies.start(session, "south", rows.DIGEST, 0.5, [0.5], [1, 1], {}, "me@here")
        assert studies.find(session, None) == later
        assert [entry.name for entry in studies.list_studies(session)] == ["south", "north"]
        assert later.secret not in repr(later)
        with pytest.raises(PermanentError, match="there is no study 'east'"):
            studies.find(session, "east")
