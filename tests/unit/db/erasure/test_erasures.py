"""Erasure by patient: everything goes, nothing of others, and goes again from keyed digests."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from db import schema
from db.backup.table_rows import list_tables, read_rows
from db.bacteriology import results
from db.bacteriology.results import NewResult
from db.clock import now
from db.database import Database
from db.delivery import commitments, deliveries
from db.erasure import erased_files, erasures, patient_data
from db.erasure.digests import Digests
from db.erasure.erasures import ErasureEntry, ErasureKind
from db.erasure.patient_data import SeveralPatientsError
from db.films import films
from db.hl7 import hl7_messages
from db.hl7.hl7_messages import StoredMessage
from db.patients.patient_changes import Author, merge_patients, move_study
from db.tables import (
    BacteriologyResult,
    CalibrationPerson,
    CalibrationStudy,
    CommitmentItem,
    Delivery,
    Hl7Message,
    Reconciliation,
    Study,
)
from db.worklist import reads
from db.worklist.studies import StudyHeader
from domain.bacteriology import Method, Outcome
from domain.codes import Verdict
from domain.patient_identity import Patient
from tests.unit import rows

REGISTER = {"erased_files", "erasures"}
KEY = Digests(b"k" * 32)
JANE = StudyHeader("1.2.777", "ACC777", "P777", patient_name="Doe^Jane", patient_birth_date="19800229")
MARY = StudyHeader("1.3", "ACC888", "P888", patient_name="Roe^Mary")
OF_JANE = NewResult(Method.ULTRA, Outcome.POSITIVE, "20261103", patient_id="p 777")


@pytest.fixture
def filled(database: Database) -> Database:
    """Jane and Mary, each with a film in every table, and an older patient ID that was merged into Jane's."""
    rows.register_model(database)
    films = [
        rows.receive_and_queue(database, "1.2.777.1", study=JANE),
        rows.receive_and_queue(database, "1.3.1", study=MARY),
        rows.receive_and_queue(
            database, "1.4.999.1", study=replace(JANE, study_instance_uid="1.4.999", patient_id="TMP777")
        ),
    ]
    for film in films:
        rows.screen(database, film)
    rows.report(database, ["pacs"])
    with database.write() as session:
        for delivery in session.scalars(select(Delivery.id)).all():
            deliveries.mark_delivered(session, delivery)
        merge_patients(session, Patient("TMP777"), Patient("P777"), Author("me", "one person"))
        for film in films[:2]:
            content = f"MSH|PID|{film}".encode()
            hl7_messages.store(
                session,
                StoredMessage(f"C{film}", "ris", film, film, f"F{film}", "result", "ab" * 10, content),
            )
        results.record(session, [OF_JANE, replace(OF_JANE, patient_id="P888")], "lab@host")
        study = CalibrationStudy(
            name="s", bundle_digest=rows.DIGEST, threshold=0.5, edges=[], shares=[1.0], plan={}, secret="0",
            started_at=now(), started_by="me",
        )  # fmt: skip
        session.add(study)
        session.flush()
        for owner in session.scalars(select(Study)).all():
            session.add(
                CalibrationPerson(
                    calibration_study_id=study.id, person=f"{owner.id}", study_id=owner.id, score=0.9, band=0,
                    drawn=True, enrolled_at=now(),
                )
            )  # fmt: skip
            reads.record(session, owner.study_instance_uid, Verdict.TB, "rosa", f"seen {owner.patient_id}")
    return database


def dump(database: Database) -> dict[str, list[str]]:
    with database.read(frozen=True) as session:
        connection = session.connection()
        tables = list_tables(schema.reflect(schema.newest_revision()))
        return {table.name: sorted(map(repr, read_rows(connection, table))) for table in tables}


def erase(database: Database, patient_id: str = "P777", issuer: str | None = None) -> ErasureEntry:
    with database.write() as session:
        found = patient_data.find(session, patient_id, issuer)
        return erasures.erase(
            session, found, ErasureKind.PATIENT, KEY, "me@here", "asked for it", found.patients
        )


def test_nothing_of_the_patient_is_left_and_nothing_of_others_is_gone(filled: Database) -> None:
    before = dump(filled)
    entry = erase(filled, "p777 ")
    after = dump(filled)
    text = repr({name: content for name, content in after.items() if name not in REGISTER})
    for trace in ("P777", "p777", "1.2.777", "Jane", "1.4.999", "MSH|PID|1'"):
        assert trace not in text
    assert set(after["studies"]) < set(before["studies"])
    for table in ("studies", "instances", "screenings", "report_objects", "deliveries", "calibration_people"):
        assert len(after[table]) == 1, table
        assert entry.record["rows"][table] == 2
        assert set(after[table]) <= set(before[table]), "the other patient's row is as it was"
    assert not set(after["bacteriology_results"]) - set(before["bacteriology_results"])
    assert entry.record["rows"]["reconciliations"] == 1
    with filled.read() as session:
        assert [path for path, _ in erased_files.list_of_gateway(session, rows.GATEWAY, 9)] == [
            "00/1.2.777.1.dcm", "00/1.4.999.1.dcm",
        ]  # fmt: skip
        assert patient_data.list_holders(session, [2]) == ["pacs"]


def test_work_that_is_under_way_during_an_erasure_keeps_the_results_of_others(filled: Database) -> None:
    """Objects and messages of one batch are on the way, and a film is being prepared, when a patient goes."""
    new = rows.receive(filled, "1.2.777.2", study=JANE).instance_id
    with filled.write() as session:
        session.execute(update(Delivery).values(state="pending", delivered_at=None))
        numbers = session.scalars(select(Delivery.id).order_by(Delivery.id)).all()
        messages = session.scalars(select(Hl7Message.id).order_by(Hl7Message.id)).all()
    erase(filled)
    with filled.write() as session:
        deliveries.mark_delivered(session, *numbers)
        for number in numbers:
            commitments.want(session, number, timedelta(0))
            deliveries.retry_later(session, number, timedelta(0), "late")
            deliveries.park(session, number, "late")
        for message in messages:
            hl7_messages.retry_later(session, message, timedelta(0), "late", None)
            hl7_messages.park(session, message, "late", None)
            hl7_messages.mark_delivered(session, message, "")
        assert not films.record_preparation(session, new, b"jpeg", ())
    with filled.read() as session:
        assert [row.state for row in session.scalars(select(Delivery))] == ["delivered"]
        assert len(session.scalars(select(CommitmentItem)).all()) == 1


def test_the_digests_say_nothing_without_the_key(filled: Database) -> None:
    entry = erase(filled)
    text = repr({**vars(entry), "record": {**entry.record, "files": []}})
    assert not any(trace in text for trace in ("P777", "p777", "1.2.777"))
    assert len(entry.record["films"]) == 2
    other = Digests(b"q" * 32)
    assert not other.of_patient("P777", None) & set(entry.record["patients"])
    assert KEY.of_patient("p777", None) & set(entry.record["patients"])
    assert KEY.of_patient("P777", "HOSP&1.2&ISO") & set(entry.record["patients"])


def test_an_issuer_keeps_the_namesake_of_another_issuer(database: Database) -> None:
    for number, issuer in enumerate(("NORTH", "SOUTH", None), start=1):
        header = StudyHeader(f"1.{number}", patient_id="P1", patient_id_issuer=issuer)
        rows.receive(database, f"1.{number}.1", study=header)
    entry = erase(database, "P1", "north&1.2.3&ISO")
    with database.read() as session:
        assert session.scalars(select(Study.study_instance_uid)).all() == ["1.2"]
    named = set(entry.record["patients"])
    assert [bool(KEY.of_patient("P1", issuer) & named) for issuer in ("NORTH", "SOUTH", None)] == [
        True,
        False,
        True,
    ]


def test_a_merge_of_one_issuer_keeps_the_namesake_of_another(database: Database) -> None:
    for number, issuer in enumerate(("NORTH", "SOUTH"), start=1):
        header = StudyHeader(f"1.{number}", patient_id="P1", patient_id_issuer=issuer)
        rows.receive(database, f"1.{number}.1", study=header)
    of_north, of_south = (
        replace(OF_JANE, patient_id="P1", patient_id_issuer=issuer) for issuer in ("NORTH", "SOUTH")
    )
    with database.write() as session:
        results.record(session, [of_north, of_south], "lab@host")
        merge_patients(session, Patient("P1", "NORTH"), Patient("P2", "WEST"), Author("me", "one person"))
    entry = erase(database, "P2", "WEST")
    with database.read() as session:
        assert session.scalars(select(Study.study_instance_uid)).all() == ["1.2"]
        left = session.scalars(select(BacteriologyResult)).all()
        assert [row.patient_id_issuer for row in left] == ["SOUTH"]
    named = set(entry.record["patients"])
    assert [bool(KEY.of_patient("P1", issuer) & named) for issuer in ("NORTH", "SOUTH")] == [True, False]


@pytest.mark.parametrize("written", ["P 777", "p777^^^HOSP&1.2.3&ISO^MR", f"P7{'7' * 40}^^^HOSP"])
def test_a_patient_id_is_found_however_the_header_writes_it(database: Database, written: str) -> None:
    rows.receive(database, "1.2.1", study=replace(JANE, patient_id=written))
    rows.receive(database, "1.3.1", study=replace(MARY, patient_id="P7778"))
    erase(database, written.partition("^")[0].replace(" ", ""))
    with database.read() as session:
        assert session.scalars(select(Study.study_instance_uid)).all() == ["1.3"]


def test_films_of_several_patients_are_for_a_person_first(database: Database) -> None:
    rows.receive(database, "1.2.1", study=JANE)
    rows.receive(database, "1.2.2", study=replace(MARY, study_instance_uid=JANE.study_instance_uid))
    for patient in ("P777", "P888"):
        with pytest.raises(SeveralPatientsError, match=r"study 1\.2\.777: decide first"):
            erase(database, patient)


def test_an_erasure_is_made_again_on_what_a_backup_brought_back(filled: Database) -> None:
    entry = erase(filled)
    with filled.write() as session:  # as if restored: the same films and results, some under other patients
        assert erasures.register(session, [entry]) == []
    rows.screen(filled, rows.receive_and_queue(filled, "1.2.777.1", study=MARY))
    rows.receive(filled, "1.5.1", study=replace(JANE, study_instance_uid="1.5"))
    with filled.write() as session:
        results.record(session, [OF_JANE], "lab@host")
        move_study(session, "1.5", Patient("TMP777"), Author("me", "why"))
        again = erasures.erase_again(session, [entry], {KEY.key_id: KEY})
    assert again.rows["instances"] == again.rows["screenings"] == again.rows["bacteriology_results"] == 1
    assert again.left == ["1.5"], "a film that was not erased then is not guessed to be the patient's"
    with filled.read() as session:
        left = session.scalars(select(Study.study_instance_uid).order_by(Study.id)).all()
        assert left == ["1.3", "1.5"]
        assert session.get_one(Study, 2).patient_id == "P888"
        assert session.scalars(select(Reconciliation)).all() == []


def test_every_row_that_refers_to_a_film_goes_with_it(filled: Database) -> None:
    """Foreign keys are followed, so a table that is added later is not forgotten."""
    erase(filled)
    erase(filled, "P888")
    left = {name for name, content in dump(filled).items() if content}
    assert left == REGISTER | {"models", "bundle_chunks", "calibration_studies"}
