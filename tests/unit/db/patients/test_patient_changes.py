"""Merge, move and split by an administrator, for films that arrive before and after."""

from __future__ import annotations

from dataclasses import replace

import pytest

from db.database import Database
from db.patients import patient_changes, reconciliations
from db.patients.patient_changes import Author, Change
from db.patients.reconciliations import ReconciliationError
from db.worklist import reads, worklist
from db.worklist.studies import StudyHeader
from db.worklist.study_entries import StudyEntry
from db.worklist.worklist_filter import WorklistFilter
from domain.codes import Notice, Verdict
from domain.patient_identity import Patient
from tests.unit import rows

ADMIN = Author("admin", "registered twice")
TEMPORARY = StudyHeader("1.2", patient_id="TMP-7", patient_name="Unknown^Woman")
MARY = StudyHeader("1.3", patient_id="P2", patient_name="Roe^Mary", patient_birth_date="19550505")
FRED = StudyHeader("1.4", patient_id="P3", patient_name="Poe^Fred")
MARYS = ("P2", "Roe^Mary", "19550505")


def test_a_merge_gives_all_studies_to_the_survivor_also_later_ones(database: Database) -> None:
    rows.receive(database, "1.2.1", study=TEMPORARY)
    rows.receive(database, "1.3.1", study=MARY)
    change = merge(database, "TMP-7", "P2")
    assert (change.study_instance_uids, change.entry.made_by) == (["1.2"], "admin")
    rows.receive(database, "1.5.1", study=replace(TEMPORARY, study_instance_uid="1.5", patient_id="tmp-7 "))
    rows.receive(database, "1.2.2", study=replace(MARY, study_instance_uid="1.2"))
    shown = {study.study_instance_uid: study for study in list_studies(database)}
    assert {describe(study) for study in shown.values()} == {MARYS}
    assert len(shown) == 3
    assert all(study.notices == [] for study in shown.values())
    assert find(database, "roe mary") == find(database, "mary roe") == {"1.2", "1.3", "1.5"}
    assert find(database, "unknown") == find(database, "woman") == set()


@pytest.mark.parametrize("written", ["TMP 7", "tmp-7^^^HOSP&1.2.3&ISO"])
def test_a_merge_finds_studies_however_their_headers_write_the_patient_id(
    database: Database, written: str
) -> None:
    rows.receive(database, "1.2.1", study=replace(TEMPORARY, patient_id=written))
    merge(database, written.partition("^")[0].replace(" ", ""), "P2")
    rows.receive(database, "1.5.1", study=replace(TEMPORARY, study_instance_uid="1.5", patient_id=written))
    assert [study.patient_id for study in list_studies(database)] == ["P2", "P2"]


def test_a_merge_before_the_first_film_is_followed_by_it(database: Database) -> None:
    merge(database, "TMP-7", "P2", patient_name="Roe^Mary")
    rows.receive(database, "1.2.1", study=TEMPORARY)
    assert [(study.patient_id, study.patient_name) for study in list_studies(database)] == [
        ("P2", "Roe^Mary")
    ]


def test_merges_are_followed_one_after_the_other_and_never_in_a_circle(database: Database) -> None:
    merge(database, "A", "B")
    merge(database, "B", "C")
    with pytest.raises(ReconciliationError, match="merged into the other before"):
        merge(database, "C", "A")
    rows.receive(database, "1.2.1", study=StudyHeader("1.2", patient_id="A"))
    assert [study.patient_id for study in list_studies(database)] == ["C"]


@pytest.mark.parametrize(("prior", "survivor"), [("", "B"), ("A", " "), ("A", "a ")])
def test_a_merge_needs_two_patients(database: Database, prior: str, survivor: str) -> None:
    with pytest.raises(ReconciliationError):
        merge(database, prior, survivor)


def test_a_merge_with_an_issuer_leaves_the_other_issuer_s_patient_alone(database: Database) -> None:
    for number, issuer in enumerate(("HERE", "THERE")):
        header = StudyHeader(
            f"1.{number}", patient_id="7", patient_id_issuer=issuer, patient_name=f"N{number}"
        )
        rows.receive(database, f"1.{number}.1", study=header)
    with database.write() as session:
        patient_changes.merge_patients(session, Patient("7", "THERE"), Patient("8", "HERE"), ADMIN)
    assert {(study.patient_id, study.patient_name) for study in list_studies(database)} == {
        ("7", "N0"),
        ("8", "N1"),
    }


def test_an_ended_merge_shows_the_studies_as_their_headers_say(database: Database) -> None:
    rows.receive(database, "1.2.1", study=TEMPORARY)
    rows.receive(database, "1.3.1", study=MARY)
    change = merge(database, "TMP-7", "P2")
    with database.write() as session:
        ended = patient_changes.end_reconciliation(session, change.entry.id, "admin")
        with pytest.raises(ReconciliationError, match="no correction"):
            patient_changes.end_reconciliation(session, change.entry.id, "admin")
    assert "1.2" in ended.study_instance_uids
    assert {study.patient_id for study in list_studies(database)} == {"TMP-7", "P2"}


def test_a_moved_study_is_the_other_patient_s_also_for_its_later_films(database: Database) -> None:
    rows.receive(database, "1.3.1", study=MARY)
    rows.receive(database, "1.4.1", study=FRED)
    with database.write() as session:
        patient_changes.move_study(session, "1.4", Patient("P2"), ADMIN)
    later = (FRED, replace(MARY, study_instance_uid="1.4"))
    for number, header in enumerate(later, 2):
        rows.receive(database, f"1.4.{number}", study=header)
    shown = {study.study_instance_uid: study for study in list_studies(database)}
    assert (describe(shown["1.4"]), shown["1.4"].notices) == (MARYS, [])
    rows.receive(database, "1.4.9", study=replace(TEMPORARY, study_instance_uid="1.4"))
    rows.receive(database, "1.5.1", study=replace(FRED, study_instance_uid="1.5"))
    shown = {study.study_instance_uid: study for study in list_studies(database)}
    assert shown["1.4"].notices == [Notice.PATIENT_MISMATCH], "a third patient is still named"
    assert shown["1.5"].patient_id == "P3", "his other studies stay his"


def test_a_split_ends_a_mismatch_and_later_revisions_follow(database: Database) -> None:
    rows.receive(database, "1.4.1", study=FRED)
    strange = rows.receive(database, "1.4.2", study=replace(MARY, study_instance_uid="1.4"))
    with database.write() as session:
        change = patient_changes.split_study(session, "1.4", [strange.instance_id], ADMIN, "1.9")
    assert list(change.study_instance_uids) == ["1.4", "1.9"]
    shown = {study.study_instance_uid: study for study in list_studies(database)}
    assert (describe(shown["1.9"]), shown["1.9"].notices) == (MARYS, [])
    assert (shown["1.4"].patient_id, shown["1.4"].notices, len(shown["1.4"].films)) == ("P3", [], 1)
    for content, study in (("from the modality", "1.4"), ("from the archive", "1.9")):
        again = rows.receive(database, "1.4.2", content, study=replace(MARY, study_instance_uid=study))
        assert not again.conflict
    assert len(list_studies(database)) == 2


def test_a_split_of_all_films_takes_the_read_along(database: Database) -> None:
    film = rows.receive(database, "1.4.1", study=FRED)
    with database.write() as session:
        reads.record(session, "1.4", Verdict.NOT_TB, "a reader")
        patient_changes.split_study(session, "1.4", [film.instance_id], ADMIN, "1.9")
    (study,) = list_studies(database)
    assert (study.study_instance_uid, study.verdict, study.is_read) == ("1.9", "not_tb", True)


def test_a_split_leaves_another_patient_s_film_under_the_same_uids_alone(database: Database) -> None:
    freds = rows.receive(database, "1.4.1", study=FRED)
    marys = rows.receive(database, "1.4.1", "Mary's", study=replace(MARY, study_instance_uid="1.4"))
    assert marys.conflict
    with database.write() as session:
        patient_changes.split_study(session, "1.4", [marys.instance_id], ADMIN, "1.9")
    shown = {study.study_instance_uid: study.patient_id for study in list_studies(database)}
    assert shown == {"1.4": "P3", "1.9": "P2"}
    with database.write() as session:
        patient_changes.split_study(session, "1.4", [freds.instance_id], ADMIN, "1.10")
    for content, header in (
        ("Fred's again", FRED),
        ("Mary's again", replace(MARY, study_instance_uid="1.4")),
    ):
        rows.receive(database, "1.4.1", content, study=header)
    shown = {study.study_instance_uid: study.patient_id for study in list_studies(database)}
    assert shown == {"1.9": "P2", "1.10": "P3"}, "later revisions follow their own split"


def test_a_study_of_split_films_can_be_moved(database: Database) -> None:
    rows.receive(database, "1.4.1", study=FRED)
    strange = rows.receive(database, "1.4.2", study=FRED)
    with database.write() as session:
        mary = Patient("P2", patient_name="Roe^Mary")
        patient_changes.split_study(session, "1.4", [strange.instance_id], ADMIN, "1.9", mary)
        moved = patient_changes.move_study(session, "1.9", Patient("P5", patient_name="Doe^Ann"), ADMIN)
    shown = {study.study_instance_uid: study.patient_id for study in list_studies(database)}
    assert shown == {"1.4": "P3", "1.9": "P5"}
    rows.receive(database, "1.4.2", "again", study=FRED)
    rows.receive(database, "1.9.3", study=replace(MARY, study_instance_uid="1.9"))
    assert {study.study_instance_uid: study.notices for study in list_studies(database)} == {
        "1.4": [],
        "1.9": [],
    }
    with database.write() as session:
        patient_changes.end_reconciliation(session, moved.entry.id, "admin")
    shown = {study.study_instance_uid: study.patient_id for study in list_studies(database)}
    assert shown == {"1.4": "P3", "1.9": "P2"}


def test_a_film_that_nobody_saw_makes_the_read_study_that_it_is_split_into_unread(database: Database) -> None:
    rows.register_model(database)
    films = [
        rows.receive_and_queue(database, uid, study=study)
        for uid, study in (("1.4.1", FRED), ("1.4.2", FRED), ("1.3.1", MARY))
    ]
    read_shown(database, "1.3", films[2])
    with database.write() as session:
        patient_changes.split_study(session, "1.4", [films[1]], ADMIN, "1.3")
    assert find_read(database) == {"1.4": False, "1.3": False}
    read_shown(database, "1.3", films[1], films[2])
    read_shown(database, "1.4", films[0])
    assert find_read(database) == {"1.4": True, "1.3": True}
    with database.write() as session:
        patient_changes.split_study(session, "1.4", [films[0]], ADMIN, "1.3")
    assert find_read(database) == {"1.3": True}, "its read came along"


def test_a_split_needs_films_of_the_study(database: Database) -> None:
    film = rows.receive(database, "1.4.1", study=FRED)
    other = rows.receive(database, "1.3.1", study=MARY)
    for films in ([], [other.instance_id], [film.instance_id, other.instance_id]):
        with database.write() as session, pytest.raises(ReconciliationError, match="films of this study"):
            patient_changes.split_study(session, "1.4", films, ADMIN)
    with database.write() as session, pytest.raises(ReconciliationError, match="no such study"):
        patient_changes.split_study(session, "1.8", [film.instance_id], ADMIN)


def test_every_correction_is_listed_with_its_author(database: Database) -> None:
    rows.receive(database, "1.4.1", study=FRED)
    merge(database, "A", "B")
    with database.write() as session:
        patient_changes.move_study(session, "1.4", Patient("P2"), ADMIN)
    with database.read() as session:
        listed = reconciliations.list_reconciliations(session)
    assert [(entry.kind, entry.made_by, entry.reason) for entry in listed] == [
        ("move", "admin", "registered twice"),
        ("merge", "admin", "registered twice"),
    ]


def read_shown(database: Database, study: str, *films: int) -> None:
    """Read a study whose films were shown."""
    with database.write() as session:
        reads.record(session, study, Verdict.NOT_TB, "a reader", shown=films)


def find_read(database: Database) -> dict[str, bool]:
    """Return whether each study is read."""
    return {study.study_instance_uid: study.is_read for study in list_studies(database)}


def merge(database: Database, prior: str, survivor: str, **values: str) -> Change:
    """Merge two patient IDs."""
    with database.write() as session:
        return patient_changes.merge_patients(session, Patient(prior), Patient(survivor, **values), ADMIN)


def describe(study: StudyEntry) -> tuple[str | None, ...]:
    """Return a study's patient."""
    return study.patient_id, study.patient_name, study.patient_birth_date


def list_studies(database: Database) -> list[StudyEntry]:
    """Return the worklist."""
    with database.read() as session:
        return list(worklist.find_page(session).studies)


def find(database: Database, name: str) -> set[str]:
    """Return the studies that a search by name finds."""
    with database.read() as session:
        found = worklist.find_page(session, WorklistFilter(text=name)).studies
    return {study.study_instance_uid for study in found}
