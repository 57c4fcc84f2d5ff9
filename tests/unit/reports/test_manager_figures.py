"""Figures for managers: reads by reader, and the period before, counted by hand."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import update

from db.clock import now
from db.database import Database
from db.tables import Instance
from db.worklist import reads
from domain.codes import Verdict
from reports.composition import Request, compose_report
from reports.csv_form import render_csv
from reports.figures import Report
from reports.period import Period
from reports.settings import ReportSettings
from reports.text_form import render_text
from tests.unit.web import reading_room


def compose(database: Database, first: date, last: date) -> Report:
    """Return the report of a period in UTC."""
    with database.read(frozen=True) as session:
        request = Request(Period(first, last))
        return compose_report(session, request, ReportSettings(timezone="UTC"), "9")


@pytest.fixture
def morning(sqlite_database: Database) -> Database:
    """A morning on which `rosa` and `ben` read the same four studies, AI says TB of the first two of them."""
    reading_room.fill(sqlite_database)
    verdicts = {
        "1.2.1": (Verdict.TB, Verdict.TB),
        "1.2.2": (Verdict.TB, Verdict.NOT_TB),
        "1.2.6": (Verdict.NOT_TB, Verdict.NOT_TB),
        "1.2.7": (Verdict.NOT_TB, Verdict.UNSURE),
    }
    with sqlite_database.write() as session:
        for study, by_reader in verdicts.items():
            for reader, verdict in zip(("rosa", "ben"), by_reader, strict=True):
                reads.record(session, study, verdict, reader)
    return sqlite_database


def test_reads_are_counted_by_reader_with_kappa(morning: Database) -> None:
    today = now().date()
    report = compose(morning, today - timedelta(days=1), today)
    ben, rosa = report.readers
    assert (rosa.reader, rosa.reads, rosa.tb, rosa.not_tb, rosa.unsure, rosa.blinded) == (
        "rosa",
        6,
        3,
        3,
        0,
        0,
    )
    assert (ben.reader, ben.reads, ben.tb, ben.not_tb, ben.unsure) == ("ben", 4, 1, 2, 1)
    # rosa and AI: TB, TB of 1, 2 and 11; not TB, TB of 12; not TB, not TB of 6 and 7: 5 of 6, half by chance.
    assert rosa.kappa_with_model is not None
    assert rosa.kappa_with_model.value == pytest.approx((5 / 6 - 0.5) / 0.5)
    # Of three pairs two agree; by chance 2/3 · 1/3 + 1/3 · 2/3.
    assert (ben.shared_studies, rosa.shared_studies) == (3, 3)
    assert ben.kappa_with_others is not None
    assert ben.kappa_with_others.value == pytest.approx((2 / 3 - 4 / 9) / (5 / 9))
    text = render_text(report)
    assert "By reader" in text
    assert "kappa with AI" in text
    assert "readers,rosa,reads,6,," in render_csv(report)


def test_the_period_before_has_as_many_days_and_stands_beside_it(morning: Database) -> None:
    today = now().date()
    with morning.write() as session:
        earlier = now() - timedelta(days=2)
        values = {"received_at": earlier, "requested_at": earlier}
        session.execute(
            update(Instance).where(Instance.sop_instance_uid.in_(["1.2.1.1", "1.2.9.1"])).values(values)
        )
    report = compose(morning, today - timedelta(days=1), today)
    assert (report.before_first, report.before_last) == (today - timedelta(days=3), today - timedelta(days=2))
    assert report.before is not None
    assert (report.before.flow.received, report.before.flow.screened) == (2, 1)
    assert report.total.flow.received == len(reading_room.MORNING) - 2
    assert "Against the period before" in render_text(report)
    name = f"all films {report.before_first} to {report.before_last}"
    assert f"films,{name},received,2,," in render_csv(report)
    assert "Against" not in render_text(compose(morning, today - timedelta(days=3), today)), "nothing before"
