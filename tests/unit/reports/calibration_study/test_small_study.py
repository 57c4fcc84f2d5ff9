"""A study from the rows of a small database to its report, counted by hand, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from db.bacteriology import results
from db.bacteriology.results import NewResult
from db.calibration_study import people, studies
from db.database import Database
from db.patients.patient_changes import Author, merge_patients
from db.tables import CalibrationPerson, CalibrationStudy, Study
from domain.bacteriology import Method, Outcome
from domain.calibration_wishes import PolicyWish
from domain.patient_identity import Patient
from judging.calibration_study.accuracy import Accuracy
from reports.calibration_study.pages import compose_sections
from reports.text_form import render_sections
from tbscreen.calibration_study.site_study import analyse_study, enrol
from tests.unit.reports.small_database import THRESHOLD, TRAINED, Film, fill

BELOW, PEOPLE = 100, 140
UNTESTED = range(1, 49)
"""Below the threshold and not drawn; so is person 0, who has a result all the same."""
WAITING = 99
TB = (*range(50, 55), *range(120, 140))


@pytest.fixture
def study(database: Database) -> None:
    """100 people below the threshold: 51 drawn, 50 tested, 5 with TB; 40 above, all tested, 20 with TB.

    Person 140 turns out to be person 1.
    """
    films = [
        Film(
            f"2026-02-10 {number // 60:02}:{number % 60:02}",
            (0.1 if number < BELOW else 0.6) + number / 1000,
            station=f"ROOM {1 + number % 2}",
            sex="FM"[number % 2],
        )
        for number in range(PEOPLE + 1)
    ]
    fill(database, films)
    with database.write() as session:
        session.execute(update(Study).values(state="screened"))
        studies.start(session, "north", TRAINED, THRESHOLD, [THRESHOLD], [0.5, 1.0], {}, "me@here")
        session.execute(update(CalibrationStudy).values(started_at=datetime(2026, 2, 1, tzinfo=UTC)))
    enrol(database, None)
    with database.write() as session:
        enrolled = session.scalars(select(CalibrationPerson).order_by(CalibrationPerson.id)).all()
        for number, person in enumerate(enrolled):
            person.drawn = number > UNTESTED[-1]
        tested = [number for number in range(PEOPLE) if number not in UNTESTED and number != WAITING]
        told = results.record(
            session,
            [
                NewResult(
                    Method.ULTRA,
                    Outcome.POSITIVE if number in TB or number == 0 else Outcome.NEGATIVE,
                    "20260211",
                    accession_number=f"ACC{number + 1}",
                )
                for number in tested
            ],
            "lab@host",
        )
        assert told
        author = Author("me@here", "the same man")
        merge_patients(session, Patient(f"PATIENT{PEOPLE + 1}"), Patient("PATIENT2"), author)


def read(accuracy: Accuracy) -> list[float | None]:
    figures = (accuracy.sensitivity, accuracy.specificity, accuracy.ppv, accuracy.npv, accuracy.cases)
    return [None if figure is None else round(figure.value, 6) for figure in figures]


def test_each_figure_of_the_report_is_that_of_the_rows(database: Database, study: None) -> None:
    wish = PolicyWish(referred=0.29, film_price=2, test_price=10)
    analysis, manifest = analyse_study(database, "north", wish)
    assert (analysis.people, analysis.repeated, analysis.undrawn_tested) == (140, 1, 1)
    assert (analysis.bundle, analysis.bundle_digest, manifest.name) == ("lite 1", TRAINED, "lite")
    assert [
        (band.begins, band.people, band.drawn, band.tb, band.not_tb, band.waiting) for band in analysis.bands
    ] == [(0.0, 100, 51, 5, 45, 1), (0.5, 40, 40, 20, 20, 0)]
    with database.read() as session:
        entry = studies.find(session, "north")
        assert people.count_enrolled(session, entry) == 141
    # A tested person below stands for two: 10 with TB and 90 without; above 20 and 20.
    assert read(analysis.current) == [round(20 / 30, 6), round(90 / 110, 6), 20 / 40, 90 / 100, 20.0]
    counts = analysis.current
    assert (counts.referred, counts.tested_above, counts.tested_below) == (40, 40, 50)
    assert (counts.tb_above, counts.tb_below) == (20, 5)
    assert analysis.recommended is not None
    assert analysis.recommended.threshold == pytest.approx(0.7)  # the lowest that refers 40 of 140
    assert read(analysis.recommended.accuracy) == read(analysis.current)
    groups = {(group.kind, group.name): group.accuracy for group in analysis.groups}
    for name in (("sex", "F"), ("sex", "M"), ("station", "ROOM 1"), ("station", "ROOM 2")):
        # Twenty above, ten with TB; 25 tested below are too few for the others.
        assert read(groups[name]) == [None, None, 0.5, None, 10.0], name
        assert groups[name].people == 70
    assert groups["sex", "F"].tb_below == 3  # 50, 52, 54
    paid = next(entry for entry in analysis.yields if entry.threshold == THRESHOLD)
    assert paid.tests_per_case is not None
    assert paid.cost_per_case is not None
    assert (paid.tests_per_case.value, paid.cost_per_case.value) == (40 / 20, (140 * 2 + 40 * 10) / 20)
    assert analysis.bound is not None
    assert analysis.bound.missing == 1
    text = " ".join(render_sections([], compose_sections(analysis)).split())
    for row in (
        "below 0.5000 100 50.0 % 51 5 45 1",
        "from 0.5000 40 100.0 % 40 20 20 0",
        "0.7180 22 1.1 (0.7–1.7) 25",  # (280 + 220) / 20
        "0.7250 15 1.0 (0.6–1.7) 29",  # (280 + 150) / 15
        "0.7320 8 1.0 (0.5–2.1) 45",  # (280 + 80) / 8
        "F 70 28.6 % — — 50.0 % (29.9–70.1)",  # Wilson: 10 of 20
        "at most 10.0 % of the people referred 0.7260 10.0 % 46.7 %",  # 14 of 30
    ):
        assert row in text, row


def test_each_threshold_is_counted_by_hand(database: Database, study: None) -> None:
    analysis, _ = analyse_study(database, "north", PolicyWish(referred=0.29))
    found = {round(accuracy.threshold or 0, 4): accuracy for accuracy in analysis.thresholds}
    # From 0.72 on all have TB; from 0.7 to 0.72 nobody has. Of 140, 30 have TB by the weights.
    assert read(found[0.718]) == [round(value, 6) for value in (20 / 30, 108 / 110, 20 / 22, 108 / 118, 20)]
    assert read(found[0.725]) == [round(value, 6) for value in (15 / 30, 1, 1, 110 / 125, 15)]
    assert read(found[0.732]) == [round(value, 6) for value in (8 / 30, 1, 1, 110 / 132, 8)]
    for threshold, referred, low, high in ((0.718, 22, 0.722, 0.975), (0.725, 15, 0.796, 1.0)):
        ppv = found[threshold].ppv
        assert ppv is not None
        # Wilson by hand: (x + z²/2 ± z sqrt(x (n - x) / n + z²/4)) / (n + z²).
        assert (found[threshold].referred, round(ppv.low, 3), round(ppv.high, 3)) == (referred, low, high)
