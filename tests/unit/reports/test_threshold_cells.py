"""Films by the threshold of age and sex that judged them, counted by hand, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import select

from db.counts.report_counts import Grouping
from db.database import Database
from db.models import site_thresholds
from db.models.threshold_groups import GROUP, GROUPS
from db.tables import Screening
from domain.notices import NOT_VERIFIED
from reports.composition import Request, compose_report
from reports.csv_form import render_csv
from reports.figures import Report
from reports.html_form import render_html
from reports.period import Period
from reports.settings import ReportSettings
from reports.text_form import render_text
from tests.unit.reports.small_database import TRAINED, Film, fill
from tests.unit.reports.test_pages import read

NAME = site_thresholds.NAME
ENGLISH = re.compile(r"\b(the|of|are|is|was|were|and|with|by|than|people|films|share)\b", re.IGNORECASE)
"""Words that an English sentence has and no French or Hindi one."""


def make_points(name: str, threshold: float) -> dict[str, object]:
    return {
        "operating_points": [
            {"name": "screening", "threshold": threshold},
            {"name": name, "threshold": threshold},
        ]
    }


def compose(database: Database) -> tuple[str, Report]:
    """Fill the database; return the name of the table of thresholds, and the report of March by station.

    Women of 25 to 44: 0.6 and 0.9 of three are present; everybody else: none of one. Two came before.
    """
    days = ("2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04", "2026-02-01", "2026-02-02")
    fill(
        database,
        [
            Film(f"{day} 08:00", score)
            for day, score in zip(days, (0.6, 0.9, 0.2, 0.3, 0.9, 0.9), strict=True)
        ],
    )
    cell = {"sex": "F", "first": 25, "last": 44, "name": f"{NAME}_f_25_44"}
    unused = {"sex": "M", "first": 25, "last": 44, "name": f"{NAME}_m_25_44"}
    record = {**make_points(NAME, 0.5), GROUPS: [cell, unused]}
    cells = {
        f"_{key}": {
            **make_points(f"{NAME}_{key}", threshold),
            GROUP: {"table": NAME, "people": "", "reason": ""},
        }
        for key, threshold in (("f_25_44", 0.4), ("m_25_44", 0.7))
    }
    with database.write() as session:
        entry = site_thresholds.keep(session, TRAINED, "me@here", record, lambda _: "0" * 64, cells)
        of_women = json.loads(json.dumps(entry.record[GROUPS]))[0]["name"]
        for number, screening in enumerate(session.scalars(select(Screening).order_by(Screening.id))):
            screening.operating_point = entry.name if number == 3 else of_women
    with database.read(frozen=True) as session:
        request = Request(Period(date(2026, 3, 1), date(2026, 3, 31)), Grouping.STATION)
        return entry.name, compose_report(session, request, ReportSettings(), "1.0")


def test_films_are_counted_by_the_cell_that_judged_them(database: Database) -> None:
    name, report = compose(database)
    found = [(cell.table, cell.people, cell.threshold, cell.films, cell.present) for cell in report.cells]
    assert found == [
        (name, "women of 25 to 44", 0.4, 3, 2),
        (name, "everybody else: age or sex is not known, or in no group", 0.5, 1, 0),
    ]
    share = report.cells[0].share_present
    assert share is not None
    # Wilson by hand: (2 + z²/2) / (3 + z²) ± z sqrt(2·1/3 + z²/4) / (3 + z²).
    assert [round(value, 3) for value in (share.value, share.low, share.high)] == [0.667, 0.208, 0.939]
    text = " ".join(render_text(report).split())
    assert "women of 25 to 44 0.4000 3 2 66.7 % (20.8–93.9)" in text
    assert "women of 25 to 44 by" in render_csv(report)


@pytest.mark.parametrize("language", ["fr", "hi"])
def test_a_report_in_another_language_has_no_english_sentence(
    sqlite_database: Database, march: Report, language: str
) -> None:
    _, report = compose(sqlite_database)
    assert ENGLISH.search(read(render_html(report))[0]), "this test sees English"
    for shown in (report, march):
        words = read(render_html(shown, language))[0]
        assert NOT_VERIFIED in words, "by decision"
        assert list(find_english(words)) == []


def find_english(words: str) -> Iterator[str]:
    """Yield each English word with the words about it, but those of the sentence that stays English."""
    others = words.replace(NOT_VERIFIED, "")
    for found in ENGLISH.finditer(others):
        yield others[max(found.start() - 40, 0) : found.end() + 40]
