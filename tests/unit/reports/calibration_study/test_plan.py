"""Plans of calibration studies."""

from __future__ import annotations

import pytest

from domain.bundle.manifest import Manifest
from domain.errors import PermanentError
from reports.calibration_study.plan import make_plan
from reports.calibration_study.progress import write_plan
from reports.text_form import render_sections
from tests.unit.reports.small_database import FILES
from tests.unit.worker.networks import MANIFEST

CALIBRATED = {"method": "platt", "slope": 1.0, "intercept": 0.0, "prevalence": 0.5}
MODEL = Manifest.model_validate({**MANIFEST, "files": FILES, "calibration": CALIBRATED})
SCORES = [number / 400 for number in range(400)]
"""100 of them lie below the threshold of 0.25."""


def test_people_above_the_threshold_are_tested_and_some_below() -> None:
    plan = make_plan(MODEL, SCORES, 0.1, 0.05, people_a_week=100)
    assert plan.edges == pytest.approx([99 / 800, 99 * 5 / 2400, 0.25], abs=0.002)
    assert [band.positive for band in plan.bands] == [False, False, False, True]
    assert [band.people for band in plan.bands] == pytest.approx([0.125, 0.0825, 0.0425, 0.75], abs=0.003)
    assert sum(band.cases for band in plan.bands) == pytest.approx(1.0)
    assert plan.shares[-1] == 1.0
    assert plan.shares == sorted(plan.shares)
    assert all(0.05 <= share < 1 for share in plan.shares[:-1])
    assert plan.size.weeks == pytest.approx(plan.size.people / 100)
    sharper = make_plan(MODEL, SCORES, 0.1, 0.025)
    assert sharper.size.people == pytest.approx(plan.size.people * 4, rel=0.01)
    words = render_sections([], [write_plan(plan)])
    assert f"{plan.size.people:,} people" in words


def test_shares_of_ones_own() -> None:
    plan = make_plan(MODEL, SCORES, 0.1, 0.05, shares=[0.1, 0.2, 0.3, 1])
    assert plan.shares == [0.1, 0.2, 0.3, 1.0]
    for shares, said in (([0.1, 1.0], "2 shares for 4 score bands"), ([0, 0.2, 0.3, 1], "lies above 0")):
        with pytest.raises(PermanentError, match=said):
            make_plan(MODEL, SCORES, 0.1, 0.05, shares=shares)


def test_what_cannot_be_planned_is_said() -> None:
    with pytest.raises(PermanentError, match="screened 199 studies"):
        make_plan(MODEL, SCORES[:199], 0.1, 0.05)
    with pytest.raises(PermanentError, match="no film of this time lies at or above"):
        make_plan(MODEL, [0.1] * 200, 0.1, 0.05)
    uncalibrated = Manifest.model_validate({**MANIFEST, "files": FILES})
    with pytest.raises(PermanentError, match="not calibrated"):
        make_plan(uncalibrated, SCORES, 0.1, 0.05)
