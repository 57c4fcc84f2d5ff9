"""Score to probability."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from domain.bundle.calibration import (
    Calibration,
    IdentityCalibration,
    IsotonicCalibration,
    PlattCalibration,
    restate,
)
from domain.errors import PermanentError

ADAPTER: TypeAdapter[Any] = TypeAdapter(Calibration)
SCORES = [0.0, 1e-12, 0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999, 1.0]


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"method": "identity"}, IdentityCalibration),
        ({"method": "platt", "slope": 1.2, "intercept": -0.5, "prevalence": 0.1}, PlattCalibration),
        (
            {"method": "isotonic", "scores": [0, 0.5, 1], "probabilities": [0, 0.1, 0.9], "prevalence": 0.1},
            IsotonicCalibration,
        ),
    ],
)
def test_every_method_gives_a_probability_that_rises_with_the_score(
    document: dict[str, Any], kind: type
) -> None:
    calibration = ADAPTER.validate_json(json.dumps(document))
    assert isinstance(calibration, kind)
    probabilities = [calibration.apply(score) for score in SCORES]
    assert probabilities == sorted(probabilities)
    assert all(0.0 <= probability <= 1.0 for probability in probabilities)
    assert probabilities[0] < probabilities[-1]


def test_identity_is_the_score() -> None:
    assert [IdentityCalibration().apply(score) for score in SCORES] == SCORES


@pytest.mark.parametrize("score", [0.05, 0.5, 0.9])
def test_platt_is_logistic_in_the_logit(score: float) -> None:
    calibration = PlattCalibration(slope=2.0, intercept=-1.0, prevalence=0.1)
    logit = math.log(score / (1 - score))
    assert calibration.apply(score) == pytest.approx(1 / (1 + math.exp(-(2.0 * logit - 1.0))))


def test_platt_with_slope_one_and_intercept_zero_changes_nothing() -> None:
    calibration = PlattCalibration(slope=1.0, intercept=0.0, prevalence=0.5)
    assert calibration.apply(0.3) == pytest.approx(0.3)


@pytest.mark.parametrize("slope", [1e-6, 1.0, 1e6])
def test_platt_never_overflows(slope: float) -> None:
    calibration = PlattCalibration(slope=slope, intercept=0.0, prevalence=0.5)
    assert all(0.0 <= calibration.apply(score) <= 1.0 for score in SCORES)


def test_isotonic_interpolates_between_its_points_and_stays_beyond_them() -> None:
    calibration = IsotonicCalibration(scores=(0.2, 0.6), probabilities=(0.1, 0.5), prevalence=0.1)
    assert calibration.apply(0.4) == pytest.approx(0.3)
    assert (calibration.apply(0.0), calibration.apply(1.0)) == (0.1, 0.5)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ('{"method": "guess"}', "union_tag"),
        ('{"method": "platt", "slope": NaN, "intercept": 0, "prevalence": 0.1}', "finite number"),
        ('{"method": "platt", "slope": 1, "intercept": Infinity, "prevalence": 0.1}', "finite number"),
        ('{"method": "platt", "slope": -1, "intercept": 0, "prevalence": 0.1}', "greater than 0"),
        ('{"method": "platt", "slope": 1, "intercept": 0, "prevalence": 2}', "less than or equal to 1"),
        ('{"method": "platt", "slope": 1, "intercept": 0}', "prevalence"),
        (
            '{"method": "isotonic", "scores": [0, 1], "probabilities": [0, 0.5, 1], "prevalence": 0.1}',
            "not of the same number",
        ),
        (
            '{"method": "isotonic", "scores": [0.5, 0.5], "probabilities": [0, 1], "prevalence": 0.1}',
            "scores do not rise",
        ),
        (
            '{"method": "isotonic", "scores": [0, 1], "probabilities": [0.9, 0.1], "prevalence": 0.1}',
            "probabilities fall",
        ),
        (
            '{"method": "isotonic", "scores": [0, NaN], "probabilities": [0, 1], "prevalence": 0.1}',
            "isotonic.scores.1",
        ),
        ('{"method": "isotonic", "scores": [0], "probabilities": [0], "prevalence": 0.1}', "at least 2"),
    ],
)
def test_what_is_no_calibration_is_refused(document: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ADAPTER.validate_json(document)


def test_another_prevalence_multiplies_the_odds() -> None:
    # prevalence 0.5 to 0.1: odds of 1 become odds of 1 / 9; a probability of 0.8 (odds 4) becomes 4 / 13
    platt = PlattCalibration(slope=1.0, intercept=0.0, prevalence=0.5)
    isotonic = IsotonicCalibration(scores=(0.0, 0.8, 1.0), probabilities=(0.0, 0.8, 1.0), prevalence=0.5)
    for calibration in (platt, isotonic):
        moved = restate(calibration, 0.1)
        assert moved.prevalence == 0.1
        assert moved.apply(0.8) == pytest.approx(4 / 13)
        assert restate(moved, 0.5).apply(0.8) == pytest.approx(0.8)
    assert restate(isotonic, 0.1).apply(0.0) == 0.0
    assert restate(isotonic, 0.1).apply(1.0) == 1.0


@pytest.mark.parametrize("prevalence", [0.0, 1.0, -0.1, float("nan")])
def test_a_prevalence_of_nothing_is_refused(prevalence: float) -> None:
    with pytest.raises(PermanentError, match="between 0 and 1"):
        restate(PlattCalibration(slope=1.0, intercept=0.0, prevalence=0.5), prevalence)


def test_what_is_not_calibrated_cannot_be_restated() -> None:
    with pytest.raises(PermanentError, match="not calibrated"):
        restate(IdentityCalibration(), 0.1)
