from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from db.clock import now
from db.database import Database
from db.films import films, renditions
from db.films.renditions import RenditionTotal
from db.tables import Read, Rendition, Study
from db.worklist import reads
from domain.codes import Refusal, Verdict
from tests.unit import rows

LONG_AGO = timedelta(days=400)
YEAR = timedelta(days=365)


@pytest.fixture
def read_study(database: Database) -> Database:
    """One screened and reported film, whose study was read 400 days ago."""
    rows.register_model(database)
    rows.screen(database, rows.receive_and_queue(database))
    rows.report(database, ["pacs"])
    with database.write() as session:
        reads.record(session, "1.2.3", Verdict.TB, "reader")
        session.execute(update(Read).values(read_at=now() - LONG_AGO))
    return database


def delete(database: Database, age: timedelta = YEAR) -> int:
    with database.write() as session:
        return renditions.delete_old(session, now() - age, 9)


def test_a_picture_goes_a_year_after_the_read_and_the_rest_stays(read_study: Database) -> None:
    with read_study.read() as session:
        (size,) = session.scalars(select(func.length(Rendition.jpeg)))
        assert renditions.count_old(session, now() - YEAR) == RenditionTotal(1, size)
    assert delete(read_study) == 1
    assert delete(read_study) == 0
    with read_study.read() as session:
        assert session.scalars(select(Rendition.instance_id)).all() == []
        assert session.scalars(select(Study.finding)).all() != [None]


def test_a_refused_film_s_picture_goes_likewise(database: Database) -> None:
    child = rows.receive(database).instance_id
    with database.write() as session:
        films.refuse(session, child, Refusal.UNDER_AGE, "9 years old", b"a jpeg")
        reads.record(session, "1.2.3", Verdict.NOT_TB, "reader")
    assert delete(database) == 0
    with database.write() as session:
        session.execute(update(Read).values(read_at=now() - LONG_AGO))
    assert delete(database) == 1


def test_a_picture_stays_until_the_read_is_old_enough(read_study: Database) -> None:
    assert delete(read_study, timedelta(days=401)) == 0


def test_a_picture_stays_while_its_study_has_a_film_after_the_read(read_study: Database) -> None:
    rows.receive(read_study, "1.2.3.2")
    assert delete(read_study) == 0


def test_a_picture_stays_while_the_patient_is_in_doubt(read_study: Database) -> None:
    with read_study.write() as session:
        session.execute(update(Study).values(notices="patient_mismatch"))
    assert delete(read_study) == 0


def test_a_picture_stays_until_its_report_is_built(database: Database) -> None:
    rows.register_model(database)
    rows.screen(database, rows.receive_and_queue(database))
    with database.write() as session:
        reads.record(session, "1.2.3", Verdict.TB, "reader")
        session.execute(update(Read).values(read_at=now() - LONG_AGO))
    assert delete(database) == 0
