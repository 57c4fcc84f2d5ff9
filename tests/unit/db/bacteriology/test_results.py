"""Results: recorded once, corrected with their history, linked without a guess, deleted by patient."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from db.bacteriology import results
from db.bacteriology.links import WINDOW_DAYS, find_links
from db.bacteriology.results import NewResult, Recorded
from db.bacteriology.truths import find_truths
from db.clock import now
from db.database import Database
from db.patients.patient_changes import Author, merge_patients, split_study
from db.tables import BacteriologyResult, Study
from db.worklist.studies import StudyHeader
from domain.bacteriology import Method, Outcome, Truth
from domain.errors import PermanentError
from domain.patient_identity import Patient
from tests.unit import rows

JANE = StudyHeader("1.2", accession_number="A1", patient_id="P1", study_date="20261101")
MARY = StudyHeader("1.3", accession_number="A2", patient_id="P2", study_date="20261101")
OF_JANE = NewResult(Method.ULTRA, Outcome.POSITIVE, "20261103", patient_id="p 1")


@pytest.fixture
def filled(database: Database) -> Database:
    """A database with a study of Jane and one of Mary."""
    rows.receive(database, "1.2.1", study=JANE)
    rows.receive(database, "1.3.1", study=MARY)
    return database


def record(database: Database, *new: NewResult, restate: bool = False) -> Recorded:
    with database.write() as session:
        return results.record(session, new, "lab@host", restate)


def link_all(database: Database, window_days: int = WINDOW_DAYS) -> list[tuple[str, str | None]]:
    """Return state and study of each standing result."""
    with database.read() as session:
        links = find_links(session, session.scalars(results.select_results()), window_days)
        return [(link.state, link.study.study_instance_uid if link.study else None) for link in links]


def judge_all(database: Database) -> dict[str, Truth]:
    with database.read() as session:
        truths = find_truths(session, now() - timedelta(days=60), now() + timedelta(days=60))
        return {session.get_one(Study, number).study_instance_uid: truth for number, truth in truths.items()}


def test_an_import_again_changes_nothing_and_a_correction_keeps_the_first(filled: Database) -> None:
    culture = replace(OF_JANE, method=Method.CULTURE, specimen_id="S1")
    assert record(filled, OF_JANE, culture, OF_JANE) == Recorded(new=[0, 1], unchanged=[2])
    assert record(filled, OF_JANE, culture) == Recorded(unchanged=[0, 1])
    assert judge_all(filled) == {"1.2": Truth.TB}
    corrected = [replace(result, outcome=Outcome.NEGATIVE) for result in (OF_JANE, culture)]
    assert record(filled, *corrected) == Recorded(corrected=[0, 1])
    assert judge_all(filled) == {"1.2": Truth.NOT_TB}
    assert record(filled, OF_JANE) == Recorded(outdated=[0]), "an old file does not undo a correction"
    with filled.read() as session:
        history = session.scalars(select(BacteriologyResult).order_by(BacteriologyResult.id)).all()
    assert [(row.outcome, row.superseded_at is None) for row in history] == [
        ("positive", False), ("positive", False), ("negative", True), ("negative", True),
    ]  # fmt: skip
    assert {row.entered_by for row in history} == {"lab@host"}
    assert record(filled, OF_JANE, restate=True) == Recorded(corrected=[0])
    assert judge_all(filled) == {"1.2": Truth.TB}


def test_a_withdrawn_result_counts_as_none(filled: Database) -> None:
    record(filled, OF_JANE)
    record(filled, replace(OF_JANE, outcome=Outcome.WITHDRAWN))
    assert judge_all(filled) == {}


@pytest.mark.parametrize(
    ("result", "state", "study"),
    [
        (OF_JANE, "linked", "1.2"),
        (replace(OF_JANE, specimen_date="20261115"), "linked", "1.2"),
        (replace(OF_JANE, specimen_date="20261116"), "outside_window", None),
        (replace(OF_JANE, specimen_date="20261017"), "outside_window", None),
        (replace(OF_JANE, patient_id="P9"), "no_study", None),
        (replace(OF_JANE, patient_id=None, accession_number="A2"), "linked", "1.3"),
        (replace(OF_JANE, accession_number="A2"), "other_patient", None),
        (replace(OF_JANE, accession_number="A9"), "linked", "1.2"),
    ],
)
def test_a_study_is_found_by_accession_number_or_patient_within_the_window(
    filled: Database, result: NewResult, state: str, study: str | None
) -> None:
    record(filled, result)
    assert link_all(filled) == [(state, study)]


def test_a_decided_link_follows_the_films_into_another_study(filled: Database) -> None:
    record(filled, replace(OF_JANE, patient_id="P9"))
    with filled.write() as session:
        results.link(session, 1, "1.2", "me@here")
        split_study(session, "1.2", [1], Author("me@here", "a wrong UID"), "1.8")
    assert link_all(filled) == [("linked", "1.8")]
    assert judge_all(filled) == {"1.8": Truth.TB}


@pytest.mark.parametrize("other", ["20261101", "2026", "00000000", "00010101", "09991231", "99991231"])
def test_a_film_that_an_archive_sent_years_later_has_its_truth(database: Database, other: str) -> None:
    rows.receive(database, "1.2.1", study=replace(JANE, study_date="20190301"))
    rows.receive(database, "1.3.1", study=replace(MARY, study_date=other))
    record(database, replace(OF_JANE, specimen_date="20190315"))
    assert judge_all(database) == {"1.2": Truth.TB}


def test_two_studies_that_fit_are_for_a_person(filled: Database) -> None:
    rows.receive(filled, "1.4.1", study=replace(JANE, study_instance_uid="1.4", accession_number="A4"))
    record(filled, OF_JANE)
    assert link_all(filled) == [("several_studies", None)]
    assert judge_all(filled) == {}
    with filled.write() as session:
        results.link(session, 1, "1.4", "me@here")
    assert link_all(filled) == [("linked", "1.4")]
    record(filled, replace(OF_JANE, outcome=Outcome.NEGATIVE))
    assert judge_all(filled) == {"1.4": Truth.NOT_TB}, "a correction keeps the decision"
    with filled.write() as session:
        (standing,) = session.scalars(results.select_results()).all()
        results.link(session, standing.id, None, "me@here")
        with pytest.raises(PermanentError, match="no standing result 1"):
            results.link(session, 1, "1.4", "me@here")
        with pytest.raises(PermanentError, match="no study"):
            results.link(session, standing.id, "1.9", "me@here")
    assert link_all(filled) == [("several_studies", None)]


def test_a_study_whose_films_differ_is_for_a_person(filled: Database) -> None:
    rows.receive(filled, "1.2.2", study=replace(JANE, patient_id="P7"))
    record(filled, replace(OF_JANE, accession_number="A1"))
    assert link_all(filled) == [("notice", None)]


def test_the_same_number_of_another_issuer_is_another_patient(filled: Database) -> None:
    rows.receive(
        filled,
        "1.5.1",
        study=replace(
            JANE, study_instance_uid="1.5", accession_number=None, patient_id="P5", patient_id_issuer="EAST"
        ),
    )
    record(filled, replace(OF_JANE, patient_id="P5", patient_id_issuer="WEST"))
    record(filled, replace(OF_JANE, patient_id="P5", patient_id_issuer="EAST"))
    assert link_all(filled) == [("no_study", None), ("linked", "1.5")]


def test_a_film_that_arrives_later_and_a_merge_are_followed(filled: Database) -> None:
    record(filled, replace(OF_JANE, patient_id="OLD"))
    assert link_all(filled) == [("no_study", None)]
    with filled.write() as session:
        merge_patients(session, Patient("OLD"), Patient("P1"), Author("me", "one person"))
    assert link_all(filled) == [("linked", "1.2")]


def test_all_results_of_a_patient_are_found_and_no_others(filled: Database) -> None:
    rows.receive(filled, "1.4.1", study=replace(JANE, study_instance_uid="1.4", accession_number="A4"))
    nameless = replace(OF_JANE, patient_id=None, accession_number="A1")
    misnamed, decided = replace(OF_JANE, patient_id="P8"), replace(OF_JANE, patient_id="P8 9")
    record(filled, OF_JANE, nameless, misnamed, decided, replace(OF_JANE, patient_id="OLD"))
    record(filled, replace(OF_JANE, patient_id="P2"), replace(nameless, accession_number="A2"))
    record(filled, replace(OF_JANE, outcome=Outcome.NEGATIVE))
    with filled.write() as session:
        merge_patients(session, Patient("OLD"), Patient("P1"), Author("me", "one person"))
        results.link(session, 4, "1.4", "me@here")
        merged = results.find_merged(session, "P 1")
        found = results.list_of_patient(session, merged, results.list_studies(session, merged))
        others = [row for row in session.scalars(results.select_results(history=True)) if row.id not in found]
        assert [(row.patient_id, row.accession_number) for row in others] == [
            ("P8", None), ("P2", None), (None, "A2"),
        ]  # fmt: skip
        with pytest.raises(PermanentError, match="empty"):
            results.find_merged(session, " ")
        assert results.delete_before(session, "20261103") == 0
        assert results.delete_before(session, "20261104") == 3 + len(found)
