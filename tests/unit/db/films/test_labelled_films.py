"""Films of a label export: screened, of the period, with a later read."""

from __future__ import annotations

from datetime import timedelta

from db.clock import now
from db.counts import read_films
from db.counts.report_counts import Span, group_by
from db.database import Database
from db.films.labelled_films import stream_labelled_films
from db.patients import patient_changes
from db.patients.patient_changes import Author
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


def test_a_film_that_was_split_into_a_read_study_has_no_verdict_of_a_read_that_did_not_show_it(
    database: Database,
) -> None:
    rows.register_model(database)
    films = {}
    for uid, study in (("1.2.1", "1.2"), ("1.2.2", "1.2"), ("1.3.1", "1.3")):
        films[uid] = rows.receive_and_queue(database, uid, study=study)
        rows.screen(database, films[uid])
    with database.write() as session:
        reads.record(session, "1.3", Verdict.NOT_TB, "dr", shown=[films["1.3.1"]])
        patient_changes.split_study(session, "1.2", [films["1.2.2"]], Author("me"), "1.3")
    today = Span("today", now() - timedelta(hours=1), now() + timedelta(hours=1))
    with database.read() as session:
        assert [film.sop_instance_uid for film in stream_labelled_films(session, today)] == ["1.3.1"]
        counted = list(read_films.stream_read_films(session, today, group_by(None)))
    assert [film.verdict for film in counted] == [Verdict.NOT_TB]
