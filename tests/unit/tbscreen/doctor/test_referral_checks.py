"""A site that refers far more people than expected is told so: by doctor, report and metrics."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import update

from db.counts.referrals import watch_referral
from db.database import Database
from db.tables import Model, Screening, Study
from reports.composition import Request, compose_report
from reports.page import compose_page
from reports.period import Period
from reports.settings import ReportSettings
from tbscreen.doctor.check import Health
from tbscreen.doctor.referral_checks import examine_referral
from tbscreen.monitoring.database_metrics import DatabaseMetrics
from tbscreen.settings import Settings
from tests.unit.reports.small_database import TRAINED, Film, fill

POINTS = [
    {"name": "screening", "threshold": 0.5, "sensitivity": 0.88, "specificity": 0.7},
    {"name": "rule_in", "threshold": 0.8},
]
SETTINGS = ReportSettings(prevalence=0.02)
MARCH = Request(Period(date(2026, 3, 1), date(2026, 3, 31)))


def screen(database: Database, scores: list[float]) -> None:
    fill(database, [Film("2026-03-10 10:00", score) for score in scores])
    with database.write() as session:
        model = session.get_one(Model, TRAINED)
        model.active, model.manifest = True, {**model.manifest, "operating_points": POINTS}


def read_metric(database: Database) -> float | None:
    families = DatabaseMetrics(database, SETTINGS.prevalence).collect()
    found = [family for family in families if family.name == "tbscreen_referral_shifted"]
    return float(found[0].samples[0].value) if found else None


def write_report(database: Database, language: str = "en") -> str:
    with database.read(frozen=True) as session:
        page = compose_page(compose_report(session, MARCH, SETTINGS, "1"), language)
    return " ".join(words for section in page.sections for words in section.paragraphs)


def test_a_site_that_refers_two_thirds_is_warned(database: Database) -> None:
    screen(database, [0.9, 0.6, 0.1] * 30)
    (check,) = examine_referral(Settings(reports=SETTINGS), database)
    assert check.health is Health.BAD
    assert "67 % of 90 people are referred; 31 % were expected" in check.finding
    assert "study plan" in check.advice
    assert "67 % of 90 people are referred" in write_report(database)
    assert "67 % de 90 personnes sont orientées ; 31 % étaient attendues" in write_report(database, "fr")
    assert read_metric(database) == 1.0


def test_a_site_as_expected_is_not_warned(database: Database) -> None:
    screen(database, [0.9, 0.2, 0.1] * 30)
    (check,) = examine_referral(Settings(reports=SETTINGS), database)
    assert check.health is Health.GOOD
    assert "people are referred" not in write_report(database)
    assert read_metric(database) == 0.0


def test_people_count_once_and_films_in_doubt_not_at_all(sqlite_database: Database) -> None:
    screen(sqlite_database, [0.9, 0.9, 0.9])
    with sqlite_database.write() as session:
        first, second, third = session.query(Screening).order_by(Screening.id).all()
        first.instance.study_id = second.instance.study_id
        third.finding = "undetermined"
    with sqlite_database.read() as session:
        found = watch_referral(session, 0.02)
    assert found is not None
    assert (found.people, found.referred) == (1, 1)


@pytest.mark.parametrize("lacking", ["prevalence", "figures", "bundle"])
def test_nothing_is_expected_without_its_reasons(sqlite_database: Database, lacking: str) -> None:
    screen(sqlite_database, [0.9] * 50)
    settings = ReportSettings() if lacking == "prevalence" else SETTINGS
    with sqlite_database.write() as session:
        model = session.get_one(Model, TRAINED)
        if lacking == "figures":
            points = [{**POINTS[0], "specificity": None}, POINTS[1]]
            model.manifest = {**model.manifest, "operating_points": points}
        if lacking == "bundle":
            session.execute(update(Model).values(active=False))
        session.execute(update(Study).values(state="screened"))
    assert list(examine_referral(Settings(reports=settings), sqlite_database)) == []
