"""Films of a label export: screened, of the period, with a later read."""

from __future__ import annotations

from datetime import timedelta

from db.clock import now
from db.counts.report_counts import Span
from db.database import Database
from db.films.labelled_films import stream_labelled_films
from db.worklist import reads
from db.worklist.studies import StudyHeader
from domain.codes import Verdict
from tests.unit import rows


def test_screened_films_with_reads_and_what_they_say_of_burned_in_text(database: Database) -> None:
    rows.register_model(database)
    burned_in = {"00280301": {"vr": "CS", "Value": ["YES"]}}
    for number, header in enumerate((burned_in, {"00280301": {"vr": "CS"}}, {})):
        uid = f"1.2.{number}"
        instance_id = rows.receive_and_queue(database, uid, study=f"{uid}.9", header=header)
        if number < 2:
            rows.screen(database, instance_id)
        with database.write() as session:
            reads.record(session, f"{uid}.9", Verdict.TB, "dr")
    # Another film of the second study comes after its read.
    late = rows.receive_and_queue(database, "1.2.7", study="1.2.1.9")
    rows.screen(database, late)
    today = Span("today", now() - timedelta(hours=1), now() + timedelta(hours=1))
    yesterday = Span("yesterday", today.start - timedelta(days=1), today.start)
    with database.read() as session:
        found = list(stream_labelled_films(session, today))
        assert list(stream_labelled_films(session, yesterday)) == []
    assert [(film.sop_instance_uid, film.burned_in_annotation) for film in found] == [
        ("1.2.0", "YES"),
        ("1.2.1", None),
    ]
    assert found[0].jpeg == b"\xff\xd8 a rendition"
    assert found[0].verdict is Verdict.TB


def test_a_study_of_two_patients_gives_no_label(database: Database) -> None:
    rows.register_model(database)
    for number, patient in enumerate(("P1", "P2")):
        header = StudyHeader("1.2", patient_id=patient)
        rows.screen(database, rows.receive_and_queue(database, f"1.2.{number}", study=header))
    with database.write() as session:
        reads.record(session, "1.2", Verdict.TB, "dr")
    today = Span("today", now() - timedelta(hours=1), now() + timedelta(hours=1))
    with database.read() as session:
        assert list(stream_labelled_films(session, today)) == []
