"""Conflicts: films of different patients or studies under one UID both stand until a person decides."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import delete, select, update

from db.database import Database
from db.delivery import outbox
from db.films import film_history
from db.films.receptions import Reception
from db.patients import conflict_resolution, conflicts, patient_check
from db.patients.conflict_resolution import ConflictError
from db.patients.conflicts import ConflictEntry
from db.patients.patient_changes import Author
from db.tables import Conflict, Instance, Study
from db.worklist import reads, worklist
from db.worklist.studies import StudyHeader
from db.worklist.study_entries import StudyEntry
from domain.codes import ConflictDecision, Finding, Notice, Priority, Verdict
from tests.unit import rows

UID = "1.2.1"
JANE = StudyHeader("1.2", patient_id="P1", patient_name="Doe^Jane", patient_birth_date="19800229")
MARY = StudyHeader("1.3", patient_id="P2", patient_name="Roe^Mary", patient_birth_date="19550505")
ADMIN = Author("admin", "the modality used a UID twice")


@pytest.fixture
def screened(database: Database) -> Database:
    """A database with a screened film of Jane, HIGH."""
    rows.register_model(database)
    rows.screen(database, rows.receive_and_queue(database, UID, study=JANE))
    return database


def test_a_film_of_another_patient_and_study_is_screened_and_the_first_result_stands(
    screened: Database,
) -> None:
    reception = send(screened, MARY)
    assert reception.conflict
    rows.queue(screened, reception.instance_id)
    rows.screen(screened, reception.instance_id, 0.1, Finding.ABSENT, Priority.LOW)
    jane, mary = list_studies(screened)
    assert (jane.patient_name, jane.priority, jane.notices) == ("Doe^Jane", "HIGH", [Notice.CONFLICT])
    assert (mary.patient_name, mary.priority, mary.notices) == ("Roe^Mary", "LOW", [Notice.CONFLICT])
    assert [len(study.films) for study in (jane, mary)] == [1, 1]
    (conflict,) = list_conflicts(screened)
    assert conflict.differences == ["patient_birth_date", "patient_id", "patient_name", "study_instance_uid"]
    assert conflict.standing is not None
    assert (conflict.standing.patient.patient_id, conflict.standing.priority) == ("P1", "HIGH")


@pytest.mark.parametrize(
    "other",
    [replace(MARY, study_instance_uid="1.2"), replace(JANE, study_instance_uid="1.3")],
    ids=["another patient", "another study"],
)
def test_another_patient_or_study_alone_is_a_conflict(screened: Database, other: StudyHeader) -> None:
    assert send(screened, other).conflict
    assert {notice for study in list_studies(screened) for notice in study.notices} >= {Notice.CONFLICT}
    with screened.read() as session:
        assert len(session.scalars(select(Instance).where(Instance.current)).all()) == 2
        assert conflicts.count_open(session) == {"conflict": 1, "proposed_merge": 0}


def test_a_correction_of_either_film_belongs_to_its_own_line(screened: Database) -> None:
    send(screened, MARY)
    for header, content in ((JANE, "a"), (MARY, "b")):
        assert not send(screened, header, content).conflict
    third = send(screened, replace(MARY, study_instance_uid="1.4", patient_id="P3"), "c")
    assert third.conflict
    with screened.read() as session:
        films = session.scalars(select(Instance).order_by(Instance.id)).all()
    assert [(film.line, film.current) for film in films] == [
        (0, True),  # it is screened, and stands until its correction is
        (1, False),
        (0, False),
        (1, True),
        (2, True),
    ]
    assert all(film.notices == "conflict" for film in films if film.current)


def test_no_report_supersedes_that_of_another_patient(screened: Database) -> None:
    rows.report(screened)
    reception = send(screened, MARY)
    rows.queue(screened, reception.instance_id)
    rows.screen(screened, reception.instance_id)
    with screened.write() as session:
        (due,) = outbox.lease(session, rows.LEASE, 9)
    assert due.predecessor is None


def test_both_stand_without_notice_when_a_person_says_so(screened: Database) -> None:
    send(screened, MARY)
    resolution = resolve(screened, ConflictDecision.BOTH)
    assert resolution.patient_ids == ["P1", "P2"]
    assert [study.notices for study in list_studies(screened)] == [[], []]
    assert list_conflicts(screened) == []
    with pytest.raises(ConflictError, match="decided already"):
        resolve(screened, ConflictDecision.NEWER)


def test_the_older_film_stands_alone_and_the_other_study_is_gone(screened: Database) -> None:
    send(screened, MARY)
    resolve(screened, ConflictDecision.OLDER)
    (jane,) = list_studies(screened)
    assert (jane.patient_name, jane.priority, jane.notices, len(jane.films)) == ("Doe^Jane", "HIGH", [], 1)
    assert send(screened, MARY, "again").conflict, "a film that was set aside is not silently a revision"


def test_the_newer_film_takes_the_place_of_the_older_and_its_read(screened: Database) -> None:
    with screened.write() as session:
        reads.record(session, "1.2", Verdict.TB, "a reader")
    send(screened, MARY)
    resolve(screened, ConflictDecision.NEWER)
    (mary,) = list_studies(screened)
    assert (mary.patient_name, mary.verdict, mary.is_read) == ("Roe^Mary", "tb", False)
    assert not send(screened, MARY, "corrected").conflict
    assert send(screened, JANE, "late").conflict


@pytest.mark.parametrize("study", ["1.2", "1.3"], ids=["in its study", "into another study"])
def test_a_merge_keeps_the_result_for_the_other_patient(screened: Database, study: str) -> None:
    other = replace(MARY, study_instance_uid=study)
    send(screened, other)
    resolve(screened, ConflictDecision.MERGE)
    (entry,) = list_studies(screened)
    assert (entry.study_instance_uid, entry.patient_name, entry.patient_id) == (study, "Roe^Mary", "P2")
    assert (entry.priority, entry.finding, entry.notices) == ("HIGH", "present", [])
    assert [film.state for film in entry.films] == ["screened"]
    assert not send(screened, other, "again").conflict
    assert not send(screened, JANE, "late").conflict, "a film from before the merge follows it"
    assert [entry.notices for entry in list_studies(screened)] == [[]]


def test_the_same_pixels_from_an_archive_are_proposed_and_accepted_together(screened: Database) -> None:
    set_digest(screened, 1, "a" * 64)
    reception = send(screened, MARY)
    prepare(screened, reception.instance_id, "a" * 64)
    assert [conflict.proposed for conflict in list_conflicts(screened)] == [True]
    assert [study.notices for study in list_studies(screened)] == [[Notice.PROPOSED_MERGE]] * 2
    with screened.write() as session:
        assert len(conflict_resolution.accept_proposed(session, ADMIN, 100)) == 1
    (entry,) = list_studies(screened)
    assert (entry.patient_name, entry.priority, entry.notices) == ("Roe^Mary", "HIGH", [])


def test_a_proposal_whose_film_stands_no_more_does_not_stop_the_others(screened: Database) -> None:
    set_digest(screened, 1, "a" * 64)
    for number, content in ((2, "b"), (7, "c")):
        header = StudyHeader(f"1.{number}9", patient_id=f"P{number}", patient_name=f"N{number}")
        prepare(screened, send(screened, header, content).instance_id, "a" * 64)
    other = rows.receive(screened, "1.6.1", study=replace(JANE, study_instance_uid="1.6")).instance_id
    set_digest(screened, other, "f" * 64)
    merged = rows.receive(screened, "1.6.1", "d", study=replace(MARY, study_instance_uid="1.6")).instance_id
    prepare(screened, merged, "f" * 64)
    first, second, third = (conflict.id for conflict in list_conflicts(screened))
    with screened.write() as session:
        conflict_resolution.resolve(session, first, ConflictDecision.NEWER, ADMIN)
        accepted = conflict_resolution.accept_proposed(session, ADMIN, 1)
        assert [resolution.conflict.id for resolution in accepted] == [third]
        with pytest.raises(ConflictError, match=f"conflict {second} stands no more"):
            conflict_resolution.resolve(session, second, ConflictDecision.MERGE, ADMIN)
    assert [conflict.id for conflict in list_conflicts(screened)] == [second]


@pytest.mark.parametrize(("digest", "from_archive"), [("b" * 64, True), (None, True), ("a" * 64, False)])
def test_other_pixels_and_other_senders_are_not_proposed(
    screened: Database, digest: str | None, from_archive: bool
) -> None:
    set_digest(screened, 1, "a" * 64)
    reception = send(screened, MARY)
    prepare(screened, reception.instance_id, digest, from_archive=from_archive)
    assert [conflict.proposed for conflict in list_conflicts(screened)] == [False]
    with screened.write() as session:
        assert conflict_resolution.accept_proposed(session, ADMIN, 100) == []


def test_no_study_row_is_left_without_films(screened: Database) -> None:
    send(screened, MARY)
    resolve(screened, ConflictDecision.OLDER)
    with screened.read() as session:
        assert session.scalars(select(Study.study_instance_uid)).all() == ["1.2"]
        assert session.scalars(select(Conflict.resolved_by)).all() == ["admin"]


def test_the_history_of_both_films_has_the_conflict_and_the_decision(screened: Database) -> None:
    send(screened, MARY)
    resolve(screened, ConflictDecision.BOTH)
    with screened.read() as session:
        histories = film_history.tell(session, UID)
    assert len(histories) == 2
    for history in histories:
        decided = [event for event in history.happenings if event.what == "conflict decided"]
        assert [event.details["decision"] for event in decided] == ["both"]
        assert "Roe" not in str(history)


def test_films_of_an_earlier_version_are_checked(screened: Database) -> None:
    rows.receive(screened, "1.2.2", study=replace(MARY, study_instance_uid="1.2"))
    send(screened, MARY)
    with screened.write() as session:  # as the version before wrote them
        session.execute(update(Study).values(notices=None))
        session.execute(update(Instance).values(notices=None, line=0))
        session.execute(update(Instance).where(Instance.sop_instance_uid == UID).values(current=False))
        session.execute(update(Instance).where(Instance.revision == 2).values(current=True))
        session.execute(delete(Conflict))
        rows_of = session.scalars(select(Instance).order_by(Instance.id)).all()
        first, last = rows_of[0].id, rows_of[-1].id
    with screened.write() as session:
        assert patient_check.check_studies(session, 0, 10) == (None, 0), "no study has two current films"
    with screened.read() as session:
        (hidden,) = patient_check.list_hidden(session, 10)
    assert (hidden.instance_id, hidden.replaced_by, hidden.priority) == (first, last, "HIGH")
    rows.receive(screened, "1.2.3", study=JANE)
    with screened.write() as session:
        session.execute(update(Instance).values(notices=None))
        study = session.scalars(select(Study).where(Study.study_instance_uid == "1.2")).one()
        assert patient_check.check_studies(session, 0, 10) == (study.id, 1)
        assert patient_check.check_studies(session, study.id, 10) == (None, 0)


def send(database: Database, header: StudyHeader, content: str = "other") -> Reception:
    """Receive other bytes under the UID of Jane's film."""
    return rows.receive(database, UID, content, study=header)


def prepare(database: Database, film: int, digest: str | None, *, from_archive: bool = True) -> None:
    """Compare a film's pixels, as its gateway does when it prepares it."""
    set_digest(database, film, digest)
    with database.write() as session:
        conflicts.propose_merge(session, session.get_one(Instance, film), from_archive=from_archive)


def set_digest(database: Database, film: int, digest: str | None) -> None:
    """Write the digest of a film's pixels."""
    with database.write() as session:
        film = film if film != 1 else session.scalars(select(Instance.id).order_by(Instance.id)).first() or 0
        session.get_one(Instance, film).pixel_digest = digest


def resolve(database: Database, decision: ConflictDecision) -> conflict_resolution.Resolution:
    """Decide the newest conflict."""
    with database.write() as session:
        number = session.scalars(select(Conflict.id).order_by(Conflict.id.desc())).first()
        return conflict_resolution.resolve(session, number or 0, decision, ADMIN)


def list_conflicts(database: Database) -> list[ConflictEntry]:
    """Return the open conflicts."""
    with database.read() as session:
        return conflicts.list_conflicts(session)


def list_studies(database: Database) -> list[StudyEntry]:
    """Return the worklist."""
    with database.read() as session:
        return list(worklist.find_page(session).studies)
