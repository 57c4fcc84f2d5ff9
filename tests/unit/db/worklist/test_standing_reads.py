"""Each reader's verdict stands by itself; where they differ, a further reader decides."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from db import schema
from db.clock import now
from db.counts.report_counts import Span
from db.database import Database
from db.films import labelled_films, newest_films
from db.tables import Read, Study
from db.worklist import claims, reads, worklist
from db.worklist.worklist_filter import WorklistFilter
from domain.codes import Verdict
from tests.unit import rows

TB, NOT_TB, UNSURE = Verdict.TB, Verdict.NOT_TB, Verdict.UNSURE


def read(database: Database, reader: str, verdict: Verdict, *, may_arbitrate: bool = True) -> int:
    with database.write() as session:
        return reads.record(session, "1.2.3", verdict, reader, may_arbitrate=may_arbitrate).read_id


def describe(database: Database) -> tuple[str | None, str | None, dict[str, str]]:
    """Return the study's verdict, those that differ, and each reader's own."""
    with database.read() as session:
        study = session.scalars(select(Study)).one()
        standing = {
            entry.reader: entry.verdict.value
            for entry in reads.list_reads(session, "1.2.3")
            if entry.standing
        }
        marked = session.scalars(select(Read.standing_reader).where(Read.standing_reader.is_not(None)))
        assert set(marked) == set(standing)
        return study.verdict, study.differing_verdicts, standing


def list_differing(database: Database) -> list[str]:
    with database.read() as session:
        page = worklist.find_page(session, WorklistFilter(readers_differ=True))
    return [study.study_instance_uid for study in page.studies]


def test_each_reader_s_verdict_stands_and_readers_who_differ_are_a_disagreement(database: Database) -> None:
    rows.receive(database)
    read(database, "rosa", TB)
    assert list_differing(database) == []
    read(database, "ben", NOT_TB)
    read(database, "ben", UNSURE)
    assert describe(database) == ("unsure", "tb\\unsure", {"rosa": "tb", "ben": "unsure"})
    assert list_differing(database) == ["1.2.3"]
    read(database, "ben", TB)
    assert describe(database) == ("tb", None, {"rosa": "tb", "ben": "tb"})
    assert list_differing(database) == []


def test_a_further_reader_decides_and_the_parties_do_not(database: Database) -> None:
    rows.receive(database)
    read(database, "rosa", TB)
    read(database, "ben", NOT_TB)
    read(database, "rosa", UNSURE)
    assert describe(database)[1] == "not_tb\\unsure", "a party decides nothing"
    read(database, "carl", TB, may_arbitrate=False)
    assert describe(database)[1] == "not_tb\\tb\\unsure", "nor does who must not"
    decision = read(database, "ada", TB)
    assert describe(database)[:2] == ("tb", None)
    read(database, "ben", NOT_TB)
    read(database, "dora", NOT_TB)
    assert describe(database)[:2] == ("tb", None), "what is decided stays so"
    read(database, "ada", UNSURE)
    assert describe(database)[:2] == ("unsure", None), "but for who decided"
    with database.write() as session:
        for read_id in (decision + 3, decision):
            reads.withdraw(session, "1.2.3", read_id, "ada")
    assert describe(database)[1] == "not_tb\\tb\\unsure"


def test_a_film_that_comes_later_ends_a_disagreement(database: Database) -> None:
    rows.receive(database, "1.2.3.1")
    read(database, "rosa", TB)
    read(database, "ben", NOT_TB)
    rows.receive(database, "1.2.3.2")
    assert describe(database) == ("not_tb", None, {"rosa": "tb", "ben": "not_tb"})
    read(database, "rosa", TB)
    assert describe(database)[:2] == ("tb", None), "ben has not seen the new film"


def test_a_study_on_which_readers_differ_labels_nothing(database: Database) -> None:
    rows.register_model(database)
    rows.screen(database, rows.receive_and_queue(database))

    period = Span("today", now() - timedelta(hours=1), now() + timedelta(hours=1))

    def count() -> tuple[int, list[Verdict | None]]:
        with database.read() as session:
            labelled = list(labelled_films.stream_labelled_films(session, period))
            return len(labelled), [film.verdict for film in newest_films.stream_newest_films(session, 9)]

    read(database, "rosa", TB)
    assert count() == (1, [TB])
    read(database, "ben", NOT_TB)
    assert count() == (0, [None])
    read(database, "ada", NOT_TB)
    assert count() == (1, [NOT_TB])


def test_reads_of_the_version_before_are_each_reader_s_and_its_writes_go_on(empty_database: Database) -> None:
    schema.upgrade(empty_database)
    rows.receive(empty_database)
    schema.downgrade(empty_database, "0030")
    statement = text(
        "INSERT INTO reads (study_id, verdict, reader, read_at, current) "
        "VALUES (1, :verdict, :reader, :at, :now)"
    )

    def write(*given: tuple[str, str, bool]) -> None:
        with empty_database.write() as session:
            session.execute(text("UPDATE reads SET current = :no"), {"no": False})
            for verdict, reader, current in given:
                at = str(now() + timedelta(seconds=1))
                session.execute(statement, {"verdict": verdict, "reader": reader, "at": at, "now": current})

    write(("unsure", "rosa", False), ("tb", "rosa", False), ("not_tb", "ben", True))
    schema.upgrade(empty_database)
    assert describe(empty_database)[1:] == ("not_tb\\tb", {"rosa": "tb", "ben": "not_tb"})
    write(("tb", "ben", True))  # beside the new version
    read(empty_database, "carl", TB)
    assert describe(empty_database)[1:] == (None, {"rosa": "tb", "ben": "tb", "carl": "tb"})


def test_a_study_is_claimed_by_who_opens_it_until_a_read_or_the_time_is_over(database: Database) -> None:
    rows.receive(database)

    def claim(reader: str) -> str | None:
        with database.write() as session:
            claims.claim(session, 1, reader)
        with database.read() as session:
            study = session.get_one(Study, 1)
            return claims.find_holder(study.opened_by, study.opened_at)

    assert [claim("rosa"), claim("ben")] == ["rosa", "rosa"]
    with database.write() as session:
        study = session.get_one(Study, 1)
        assert not claims.is_due(study.opened_by, study.opened_at, "rosa")
        study.opened_at = now() - claims.RENEWAL * 2
        assert claims.is_due(study.opened_by, study.opened_at, "rosa")
        assert not claims.is_due(study.opened_by, study.opened_at, "ben")
        study.opened_at = now() - claims.TIME_OUT * 2
        assert claims.find_holder(study.opened_by, study.opened_at) is None
    assert claim("ben") == "ben"
    read(database, "rosa", TB)
    assert claim("rosa") == "ben"
    read(database, "ben", TB)
    assert claim("rosa") == "rosa"


def test_one_read_of_each_reader_is_the_database_s_own_rule(database: Database) -> None:
    rows.receive(database)
    read(database, "rosa", TB)
    row = {"study_id": 1, "verdict": "tb", "reader": "rosa", "read_at": now(), "current": False}
    with pytest.raises(IntegrityError), database.write() as session:
        session.execute(insert(Read).values(**row, standing_reader="rosa"))
