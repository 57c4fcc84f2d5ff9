"""Figures of a calibration study, counted by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from db.calibration_study.people import EnrolledPerson
from domain.bacteriology import Truth
from domain.errors import PermanentError
from judging.calibration_study.threshold_choice import Policy
from reports.calibration_study.analysis import Prices, StudyAnalysis, analyse
from reports.calibration_study.pages import compose_page, compose_sections
from reports.html_form import render_page
from reports.pdf_form import render_page as render_pdf
from reports.period import Period
from reports.text_form import render_sections

MADE = datetime(2026, 3, 1, tzinfo=UTC)
PERIOD = Period(date(2026, 1, 1), date(2026, 2, 28))


def make_people() -> list[EnrolledPerson]:
    """100 people below the threshold, of whom 50 are tested and 5 have TB; 40 above, 20 with TB."""
    people = []
    for number in range(140):
        above, tested = number >= 100, number >= 50
        truth = None
        if tested:
            truth = Truth.TB if number in range(50, 55) or number >= 120 else Truth.NOT_TB
        people.append(
            EnrolledPerson(
                (0.6 if above else 0.1) + number / 1000,
                int(above),
                tested,
                truth,
                "ROOM 1" if number % 2 else "ROOM 2",
                "F",
                30,
            )
        )
    return people


def judge(people: list[EnrolledPerson], **changes: object) -> StudyAnalysis:
    values: dict[str, object] = {
        "name": "north", "bundle": "lite 1", "digest": "a" * 64, "period": PERIOD, "people": people,
        "edges": [0.5], "shares": [0.5, 1.0], "threshold": 0.5, "policy": Policy(referred=0.29),
        "prices": Prices(film=2, test=10),
    }  # fmt: skip
    return analyse(**{**values, **changes})  # type: ignore[arg-type]


def test_each_tested_person_stands_for_the_band() -> None:
    analysis = judge(make_people())
    # A tested person below stands for two: 10 with TB and 90 without; above 20 and 20.
    current = analysis.current
    assert current.sensitivity is not None
    assert current.sensitivity.value == pytest.approx(20 / 30)
    assert current.specificity is not None
    assert current.specificity.value == pytest.approx(90 / 110)
    assert current.ppv is not None
    assert current.ppv.value == pytest.approx(20 / 40)
    assert current.npv is not None
    assert current.npv.value == pytest.approx(90 / 100)
    assert (current.referred, current.people) == (40, 140)
    assert [(band.people, band.drawn, band.tb, band.not_tb, band.waiting) for band in analysis.bands] == [
        (100, 50, 5, 45, 0), (40, 40, 20, 20, 0),
    ]  # fmt: skip
    paid = next(entry for entry in analysis.yields if entry.threshold == 0.5)
    assert paid.tests_per_case is not None
    assert paid.tests_per_case.value == pytest.approx(40 / 20)
    assert paid.cost_per_case is not None
    assert paid.cost_per_case.value == pytest.approx((140 * 2 + 40 * 10) / 20)


def test_the_policy_finds_a_threshold_or_says_why_not() -> None:
    analysis = judge(make_people())
    assert analysis.recommended is not None
    assert analysis.recommended.threshold == pytest.approx(0.7)  # the lowest that refers 40 of 140
    demanding = judge(make_people(), policy=Policy(sensitivity=0.95))
    assert demanding.recommended is None
    assert demanding.refusal is not None
    assert "lower bound" in demanding.refusal


def test_positives_alone_give_no_sensitivity() -> None:
    people = [replace(person, drawn=person.band == 1) for person in make_people()]
    analysis = judge(people, policy=Policy(sensitivity=0.9))
    assert analysis.current.sensitivity is None
    assert analysis.current.ppv is not None
    assert "not identifiable" in " ".join(analysis.current.reasons)
    assert analysis.undrawn_tested == 50, "they do not count"
    words = render_sections([], compose_sections(analysis))
    assert "sensitivity cannot be known" in " ".join(words.split())


def test_missing_results_widen_the_sensitivity() -> None:
    people = make_people()
    for number in range(115, 120):
        people[number] = replace(people[number], truth=Truth.UNSURE)
    analysis = judge(people)
    assert analysis.bound is not None
    assert analysis.bound.missing == 5
    assert analysis.bound.least.value < analysis.bound.greatest.value


def test_nobody_tested_is_said() -> None:
    people = [replace(person, truth=None) for person in make_people()]
    with pytest.raises(PermanentError, match="nobody who was drawn has a result yet"):
        judge(people)


def test_the_pages_show_figures_groups_and_costs() -> None:
    analysis = judge(make_people())
    assert StudyAnalysis.model_validate_json(analysis.model_dump_json()) == analysis
    page = compose_page(analysis, MADE, "1.0", "North <Clinic>")
    html = render_page(page)
    assert html.count("<svg") == 2
    assert "North &lt;Clinic&gt;" in html
    for words in ("66.7 %", "81.8 %", "34 <small>", "ROOM 2", "research software", "not verified"):
        assert words.lower() in html.lower(), words
    assert render_pdf(page, MADE).startswith(b"%PDF-1.4")
