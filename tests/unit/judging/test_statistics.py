"""Figures and their intervals: by hand, by brute force, by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from domain.errors import PermanentError
from judging.statistics import (
    bin_probabilities,
    bootstrap,
    compute_average_precision,
    compute_brier,
    compute_calibration_error,
    measure_auc,
    measure_auc_difference,
    measure_proportion,
)


def draw(
    seed: int, tb: int = 40, others: int = 60, digits: int = 1
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return films with scores rounded to so many digits, so that many are tied."""
    generator = np.random.default_rng(seed)
    truth = np.repeat([True, False], [tb, others])
    return truth, np.round(generator.normal(truth * 1.2), digits)


def place_by_brute_force(
    truth: NDArray[np.bool_], scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """DeLong's V10 and V01 as the paper defines them: every TB film against every other."""
    difference = scores[truth][:, None] - scores[~truth][None, :]
    psi = (difference > 0) + 0.5 * (difference == 0)
    return psi.mean(axis=1), psi.mean(axis=0)


def test_auc_by_hand() -> None:
    # V10 = 1, .5; V01 = .5, 1, .75; variance = .125 / 2 + .0625 / 3 = 1 / 12; on the logit 1.0986 +- 3.0176
    auc = measure_auc([True, True, False, False, False], [0.8, 0.4, 0.6, 0.2, 0.4])
    assert auc.value == 0.75
    assert (auc.low, auc.high) == pytest.approx((0.12798, 0.98396), abs=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_auc_and_its_variance_are_those_of_brute_force(seed: int) -> None:
    truth, scores = draw(seed)
    of_tb, of_others = place_by_brute_force(truth, scores)
    auc = measure_auc(truth, scores)
    assert auc.value == pytest.approx(of_tb.mean())
    assert auc.value == pytest.approx(roc_auc_score(truth, scores))
    error = np.sqrt(of_tb.var(ddof=1) / 40 + of_others.var(ddof=1) / 60)
    logits = np.log(np.array([auc.low, auc.high]) / (1 - np.array([auc.low, auc.high])))
    assert (logits[1] - logits[0]) / 2 == pytest.approx(1.959964 * error / (auc.value * (1 - auc.value)))


def test_auc_interval_agrees_with_the_bootstrap() -> None:
    truth, scores = draw(3, 150, 150, digits=6)
    auc = measure_auc(truth, scores)
    drawn = bootstrap(lambda t, s: float(roc_auc_score(t, s)), truth, scores, ["all"] * 300)
    assert (auc.low, auc.high) == pytest.approx((drawn.low, drawn.high), abs=0.012)


def test_auc_interval_holds_the_truth_nineteen_times_in_twenty() -> None:
    true_auc = 0.80193  # of normal scores 1.2 apart
    held = [measure_auc(*draw(seed, 40, 40, digits=6)) for seed in range(1000)]
    assert 0.93 <= np.mean([auc.low <= true_auc <= auc.high for auc in held]) <= 0.975


@pytest.mark.parametrize(("tb", "others", "bound"), [(22, 46, 0.8456), (5, 5, 0.4782), (85, 105, 0.9575)])
def test_a_perfect_auc_has_an_exact_and_wide_interval(tb: int, others: int, bound: float) -> None:
    truth = np.repeat([True, False], [tb, others])
    perfect, worst = measure_auc(truth, truth * 0.5), measure_auc(truth, ~truth * 0.5)
    assert (perfect.value, perfect.high) == (1.0, 1.0)
    assert perfect.low == pytest.approx(bound, abs=1e-4)
    assert (worst.value, worst.low) == (0.0, 0.0)
    assert worst.high == pytest.approx(1 - perfect.low)


def test_one_film_of_a_class_says_nothing() -> None:
    auc = measure_auc([True, False, False], [0.9, 0.1, 0.2])
    assert (auc.value, auc.low, auc.high) == (1.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("truth", "scores", "said"),
    [
        ([True, True], [0.1, 0.2], "films with TB and films without"),
        ([True, False], [0.1, np.nan], "not finite"),
        ([True, False], [0.1], "labels for"),
    ],
)
def test_an_auc_of_nothing_is_refused(truth: list[bool], scores: list[float], said: str) -> None:
    with pytest.raises(PermanentError, match=said):
        measure_auc(truth, scores)


@pytest.mark.parametrize("seed", range(3))
def test_the_paired_difference_takes_the_covariance_into_account(seed: int) -> None:
    truth, scores = draw(seed)
    reference = np.round(scores + np.random.default_rng(seed + 100).normal(size=100), 1)
    of_tb, of_others = place_by_brute_force(truth, scores)
    other_tb, other_others = place_by_brute_force(truth, reference)
    covariance = np.cov(of_tb, other_tb) / 40 + np.cov(of_others, other_others) / 60
    error = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    difference = measure_auc_difference(truth, scores, reference)
    assert difference.value == pytest.approx(roc_auc_score(truth, scores) - roc_auc_score(truth, reference))
    assert difference.high - difference.value == pytest.approx(1.959964 * error)
    assert difference.value - difference.low == pytest.approx(1.959964 * error)
    back = measure_auc_difference(truth, reference, scores)
    assert (back.value, back.low, back.high) == pytest.approx(
        (-difference.value, -difference.high, -difference.low)
    )


def test_the_same_order_makes_no_difference() -> None:
    truth, scores = draw(1)
    difference = measure_auc_difference(truth, scores, scores * 2 + 1)
    assert (difference.value, difference.low, difference.high) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 20, 0.0, 0.1611), (20, 20, 0.8389, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_proportions_have_wilson_intervals(hits: int, total: int, low: float, high: float) -> None:
    # 81 of 263 is Newcombe's example (Statistics in Medicine 1998).
    share = measure_proportion(hits, total)
    assert share is not None
    assert share.value == hits / total
    assert (share.low, share.high) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize("total", [1, 2, 7, 263, 123_457])
def test_proportions_are_wilson_s_formula(total: int) -> None:
    z = 1.959963984540054
    for hits in {0, 1, total // 3, total - 1, total}:
        share, estimate = hits / total, measure_proportion(hits, total)
        middle, root = share + z**2 / (2 * total), share * (1 - share) / total + z**2 / (4 * total**2)
        bounds = [(middle + sign * z * root**0.5) / (1 + z**2 / total) for sign in (-1, 1)]
        assert estimate is not None
        assert (estimate.value, estimate.low, estimate.high) == pytest.approx((share, *bounds), abs=1e-12)


def test_a_proportion_of_nothing_is_none() -> None:
    assert measure_proportion(0, 0) is None


def test_average_precision_by_hand_and_against_another_s() -> None:
    # precision at the two TB films: 1 / 1 and 2 / 3
    assert compute_average_precision([True, False, True, False], [0.9, 0.8, 0.7, 0.1]) == pytest.approx(5 / 6)
    for seed in range(5):
        truth, scores = draw(seed)
        assert compute_average_precision(truth, scores) == pytest.approx(
            average_precision_score(truth, scores)
        )
    with pytest.raises(PermanentError, match="needs at least one film with TB"):
        compute_average_precision([False], [0.1])


def test_brier_and_calibration_error_by_hand() -> None:
    truth, probabilities = [True, False, True, False], [0.85, 0.88, 0.3, 0.1]
    assert compute_brier(truth, probabilities) == pytest.approx((0.15**2 + 0.88**2 + 0.7**2 + 0.1**2) / 4)
    assert bin_probabilities(truth, probabilities) == [
        (pytest.approx(0.1), 0.0, 1),
        (pytest.approx(0.3), 1.0, 1),
        (pytest.approx(0.865), 0.5, 2),
    ]
    assert compute_calibration_error(truth, probabilities) == pytest.approx((0.1 + 0.7 + 2 * 0.365) / 4)


def test_a_probability_of_one_falls_into_the_last_bin() -> None:
    assert bin_probabilities([True, True], [1.0, 0.95]) == [(pytest.approx(0.975), 1.0, 2)]


def test_the_bootstrap_keeps_each_group_s_classes_and_repeats_itself() -> None:
    truth, scores = draw(1)
    groups = ["a", "b"] * 50
    shares = bootstrap(lambda t, _: float(t.mean()), truth, scores, groups, draws=50)
    assert (shares.low, shares.value, shares.high) == (0.4, 0.4, 0.4)
    once, again, other = (
        bootstrap(compute_average_precision, truth, scores, groups, draws=200, seed=seed)
        for seed in (1, 1, 2)
    )
    assert once == again
    assert once != other
    assert once.low < once.value < once.high


def test_a_bootstrap_interval_holds_its_figure() -> None:
    truth, scores = draw(2)
    interval = bootstrap(lambda t, s: float(len(np.unique(s))), truth, scores, ["a"] * 100, draws=100)
    assert interval.low < interval.high == interval.value == len(np.unique(scores))
