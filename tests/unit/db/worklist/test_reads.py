"""A read is a row, a changed read another one, and a film that comes later makes the study unread."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from db.database import Database
from db.films import films
from db.tables import Study
from db.worklist import reads, worklist
from domain.codes import Refusal, Verdict
from tests.unit import rows


def test_a_changed_read_keeps_its_history(database: Database) -> None:
    rows.receive(database)
    with database.write() as session:
        reads.record(session, "1.2.3", Verdict.UNSURE, "dr.a", "  left apex?  ")
    with database.write() as session:
        reads.record(session, "1.2.3", Verdict.TB, "dr.b")
    with database.read() as session:
        kept = reads.list_reads(session, "1.2.3")
        study = session.scalars(select(Study)).one()
    assert [(entry.verdict, entry.comment, entry.reader, entry.current) for entry in kept] == [
        (Verdict.TB, None, "dr.b", True),
        (Verdict.UNSURE, "left apex?", "dr.a", False),
    ]
    assert kept[0].read_at >= kept[1].read_at
    assert (study.verdict, study.is_read) == ("tb", True)


def test_a_film_after_the_read_makes_the_study_unread_again(database: Database) -> None:
    rows.receive(database, "1.2.3.1")
    with database.write() as session:
        reads.record(session, "1.2.3", Verdict.NOT_TB, "dr.a")
    rows.receive(database, "1.2.3.2")
    with database.read() as session:
        study = session.scalars(select(Study)).one()
    assert (study.verdict, study.is_read) == ("not_tb", False)


def test_unread_studies_stand_before_read_ones(database: Database) -> None:
    rows.register_model(database)
    for study, score in (("1.2.1", 0.9), ("1.2.2", 0.3)):
        rows.screen(database, rows.receive_and_queue(database, f"{study}.1", study=study), score)
    with database.write() as session:
        reads.record(session, "1.2.1", Verdict.TB, "dr.a")
    with database.read() as session:
        assert [entry.study_instance_uid for entry in worklist.find_page(session).studies] == [
            "1.2.2",
            "1.2.1",
        ]


def test_a_read_that_cannot_be_kept_says_why_and_leaves_the_one_before(database: Database) -> None:
    rows.receive(database)
    with database.write() as session:
        reads.record(session, "1.2.3", Verdict.TB, "dr.a")
    for uid, reader, comment, error in (
        ("9.9", "dr.a", None, reads.UnknownStudyError),
        ("1.2.3", "  ", None, reads.InvalidReadError),
        ("1.2.3", "dr.a", "x" * (reads.MAX_COMMENT + 1), reads.InvalidReadError),
    ):
        with pytest.raises(error), database.write() as session:
            reads.record(session, uid, Verdict.NOT_TB, reader, comment)
    with database.read() as session:
        assert [read.verdict for read in reads.list_reads(session, "1.2.3")] == [Verdict.TB]


def test_our_own_report_that_comes_back_leaves_a_read_study_read(database: Database) -> None:
    rows.receive(database, "1.2.3.1")
    with database.write() as session:
        reads.record(session, "1.2.3", Verdict.NOT_TB, "dr.a")
    report = rows.receive(database, "1.2.3.2").instance_id
    with database.write() as session:
        films.refuse(session, report, Refusal.OWN_OUTPUT, "an object that tbscreen made")
    with database.read() as session:
        assert session.scalars(select(Study.is_read)).one()
