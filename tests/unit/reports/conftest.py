"""Reports of the small database, composed once for those tests that only write them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from db.counts.report_counts import Grouping
from db.database import Database
from db.settings import DatabaseSettings
from reports.composition import Request, compose_report
from reports.figures import Report
from reports.period import Period
from reports.settings import ReportSettings
from tests.unit.reports.small_database import fill
from tests.unit.reports.test_composition import FILMS, MARCH


@pytest.fixture(scope="session")
def march(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Of all that the small database holds, by station, with studies named."""
    return _compose(sqlite_template, tmp_path_factory, MARCH)


@pytest.fixture(scope="session")
def empty(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Of a period without films."""
    return _compose(sqlite_template, tmp_path_factory, Period(date(2027, 1, 1), date(2027, 1, 31)))


def _compose(template: Path, factory: pytest.TempPathFactory, period: Period) -> Report:
    file = factory.mktemp("small") / "tbscreen.sqlite3"
    file.write_bytes(template.read_bytes())
    database = Database.open(DatabaseSettings(url=f"sqlite:///{file}"))
    fill(database, FILMS)
    settings = ReportSettings(organisation="National <TB> Programme")
    with database.read() as session:
        report = compose_report(session, Request(period, Grouping.STATION, True), settings, "1.0")
    database.close()
    return report
