"""Thresholds: chosen by hand-made films, measured on others."""

from __future__ import annotations

import numpy as np
import pytest

from domain.bundle.manifest import OperatingPoint
from domain.errors import PermanentError
from judging.operating_points import NAMES, Confusion, choose_operating_points, count, measure_operating_point

TB = [0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.3, 0.1]
OTHERS = [0.82, 0.55, 0.5, 0.45, 0.4, 0.35, 0.25, 0.2, 0.15, 0.05]
TRUTH, SCORES = [True] * 10 + [False] * 10, TB + OTHERS


def test_the_five_points_by_hand() -> None:
    points = {point.name: point for point in choose_operating_points(TRUTH, SCORES)}
    assert tuple(points) == NAMES
    # the ninth TB film of ten scores 0.3; six of ten others lie at 0.3 or above
    screening = points["screening"]
    assert (screening.threshold, screening.sensitivity, screening.specificity) == (
        0.3,
        0.9,
        pytest.approx(0.4),
    )
    # nine of ten others lie below 0.6, the next score above 0.55
    rule_in = points["rule_in"]
    assert (rule_in.threshold, rule_in.sensitivity, rule_in.specificity) == (0.6, 0.8, pytest.approx(0.9))
    assert points["sensitivity_95"].threshold == 0.1
    assert points["specificity_95"].threshold == 0.85
    assert points["youden"].threshold == 0.6


def test_screening_is_the_highest_and_rule_in_the_lowest_threshold_that_will_do() -> None:
    generator = np.random.default_rng(4)
    truth = generator.random(300) < 0.3
    scores = np.round(1 / (1 + np.exp(-generator.normal(truth * 1.0))), 2)
    points = {point.name: point for point in choose_operating_points(truth, scores)}
    for threshold in np.unique(scores):
        sensitivity = (scores[truth] >= threshold).mean()
        specificity = (scores[~truth] < threshold).mean()
        assert (threshold <= points["screening"].threshold) == (sensitivity >= 0.9)
        assert (threshold >= points["rule_in"].threshold) == (specificity >= 0.9)
        assert sensitivity + specificity <= (
            points["youden"].sensitivity + points["youden"].specificity + 1e-12  # type: ignore[operator]
        )


def test_a_weight_counts_like_that_many_films() -> None:
    generator = np.random.default_rng(5)
    truth = np.arange(60) % 2 == 0
    scores, weights = generator.random(60), generator.integers(1, 5, 60)
    repeated = np.repeat(np.arange(60), weights)
    weighed = choose_operating_points(truth, scores, weights)
    for point, expected in zip(
        weighed, choose_operating_points(truth[repeated], scores[repeated]), strict=True
    ):
        assert point.model_dump() == pytest.approx(expected.model_dump(), abs=1e-9)
    assert weighed != choose_operating_points(truth, scores)


def test_balanced_screening_misses_the_two_minima_by_the_smallest_sum() -> None:
    screening = choose_operating_points(TRUTH, SCORES, balanced=True)[0]
    sums = {}
    for threshold in SCORES:
        sensitivity = np.mean([score >= threshold for score in TB])
        specificity = np.mean([score < threshold for score in OTHERS])
        sums[threshold] = max(0.9 - sensitivity, 0) + max(0.7 - specificity, 0)
    assert sums[screening.threshold] == pytest.approx(min(sums.values()))
    assert screening.threshold > choose_operating_points(TRUTH, SCORES)[0].threshold


def test_balanced_screening_is_the_plain_one_where_both_minima_hold() -> None:
    truth = [False] * 10 + [True] * 10
    scores = np.arange(20) / 20
    assert choose_operating_points(truth, scores, balanced=True) == choose_operating_points(truth, scores)


def test_rule_in_has_the_wanted_specificity() -> None:
    points = {p.name: p for p in choose_operating_points(TRUTH, SCORES, rule_in=0.95)}
    assert points["rule_in"].threshold == points["specificity_95"].threshold == 0.85


def test_rule_in_never_lies_below_screening() -> None:
    points = {p.name: p for p in choose_operating_points([False] * 4 + [True] * 4, np.arange(8) / 8)}
    assert points["screening"].threshold == 0.5
    assert points["rule_in"] == points["screening"].model_copy(update={"name": "rule_in"})
    assert points["rule_in"].specificity == 1.0


@pytest.mark.parametrize("score", [0.0, 0.5, 1.0])
def test_scores_that_are_all_the_same_give_points_that_say_so(score: float) -> None:
    points = {p.name: p for p in choose_operating_points([True, True, False], [score] * 3)}
    assert (points["screening"].threshold, points["screening"].sensitivity) == (score, 1.0)
    assert points["screening"].specificity == 0.0
    assert score <= points["rule_in"].threshold <= 1.0
    assert points["rule_in"].specificity == (0.0 if score == 1.0 else 1.0)


@pytest.mark.parametrize("truth", [[True, True], [False, False]])
def test_one_class_gives_no_choice(truth: list[bool]) -> None:
    with pytest.raises(PermanentError, match="with TB and without"):
        choose_operating_points(truth, [0.1, 0.9])


def test_a_film_at_the_threshold_is_positive() -> None:
    assert count([True, True, False, False], [0.5, 0.4, 0.5, 0.4], 0.5) == Confusion(
        true_positive=1, false_positive=1, true_negative=1, false_negative=1
    )


def test_a_point_is_measured_on_other_films_by_hand() -> None:
    point = OperatingPoint(name="screening", threshold=0.5, sensitivity=0.9, specificity=0.7)
    measured = measure_operating_point(point, [True] * 10 + [False] * 20, [0.6] * 8 + [0.1] * 18 + [0.5] * 4)
    assert measured.confusion.model_dump() == {
        "true_positive": 8,
        "false_negative": 2,
        "true_negative": 16,
        "false_positive": 4,
    }
    assert (measured.chosen_sensitivity, measured.chosen_specificity) == (0.9, 0.7)
    shares = (measured.sensitivity, measured.specificity, measured.ppv, measured.npv)
    assert [share.value for share in shares if share] == pytest.approx([0.8, 0.8, 8 / 12, 16 / 18])
    assert measured.sensitivity is not None
    assert (measured.sensitivity.low, measured.sensitivity.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_what_cannot_be_measured_is_none() -> None:
    point = OperatingPoint(name="rule_in", threshold=0.9)
    measured = measure_operating_point(point, [False, False], [0.1, 0.2])
    assert (measured.sensitivity, measured.ppv) == (None, None)
    assert measured.specificity is not None
