"""Scores to probabilities: which way is chosen, and for which prevalence."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from domain.bundle.calibration import IsotonicCalibration
from domain.errors import PermanentError
from judging.statistics import compute_brier
from training.judging.calibration_fit import (
    apply,
    fit_calibration,
    fit_isotonic,
    fit_left_out,
    fit_platt,
)


def draw(films: int, seed: int = 1) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Return truth, scores and the probabilities by which the truth was drawn: 2 * logit - 1."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=films)
    probabilities = 1 / (1 + np.exp(-(2 * logits - 1)))
    return generator.random(films) < probabilities, 1 / (1 + np.exp(-logits)), probabilities


def test_platt_finds_the_line_by_which_the_films_were_drawn() -> None:
    truth, scores, _ = draw(20_000)
    platt = fit_platt(truth, scores)
    assert platt is not None
    assert (platt.slope, platt.intercept) == (pytest.approx(2, abs=0.1), pytest.approx(-1, abs=0.05))
    assert platt.prevalence == truth.mean()


def test_platt_is_chosen_where_the_truth_is_a_line() -> None:
    truth, scores, probabilities = draw(1500)
    fit = fit_calibration(truth, scores)
    assert fit.calibration.method == "platt"
    assert [candidate.method for candidate in fit.candidates] == ["platt", "isotonic"]
    assert fit.candidates[0].brier < fit.candidates[1].brier
    assert np.abs(apply(fit.calibration, scores) - probabilities).max() < 0.06
    assert (fit.films, fit.folds, fit.validation_prevalence) == (1500, 5, truth.mean())


def test_isotonic_is_chosen_where_it_is_none() -> None:
    generator = np.random.default_rng(1)
    scores = generator.random(1500)
    truth = generator.random(1500) < np.where(scores < 0.4, 0.05, np.where(scores < 0.6, 0.5, 0.55))
    fit = fit_calibration(truth, scores)
    assert isinstance(fit.calibration, IsotonicCalibration)
    assert fit.candidates[1].brier < fit.candidates[0].brier
    assert apply(fit.calibration, [0.2, 0.5]) == pytest.approx([0.05, 0.5], abs=0.1)


def test_the_candidates_are_judged_on_films_that_they_were_not_fitted_on() -> None:
    truth, scores, _ = draw(60)
    fit = fit_calibration(truth, scores)
    isotonic = fit.candidates[1]
    assert isotonic.brier > compute_brier(truth, apply(fit_isotonic(truth, scores), scores))


def test_the_choice_repeats_itself() -> None:
    truth, scores, _ = draw(80)
    assert fit_calibration(truth, scores, seed=3) == fit_calibration(truth, scores, seed=3)


@pytest.mark.parametrize("films", [4, 10, 100])
def test_a_perfect_separation_claims_no_certainty(films: int) -> None:
    truth = np.arange(films) % 2 == 1
    scores = np.where(truth, 1.0, 0.0)
    for calibration in (fit_platt(truth, scores), fit_isotonic(truth, scores)):
        assert calibration is not None
        low, high = apply(calibration, [0.0, 1.0])
        assert 1 / (films + 3) < low < 0.5 / (films / 2) + 0.1
        assert high == pytest.approx(1 - low)


def test_a_network_that_learned_nothing_is_still_calibrated() -> None:
    truth = np.arange(40) % 4 == 0
    backwards = np.where(truth, 0.2, 0.8)
    assert fit_platt(truth, backwards) is None
    for scores in (backwards, np.full(40, 0.5)):
        fit = fit_calibration(truth, scores)
        assert apply(fit.calibration, [0.0, 0.5, 1.0]) == pytest.approx([0.25] * 3, abs=1e-3)


@pytest.mark.parametrize("tb", [0, 1, 9, 10])
def test_too_few_films_of_a_class_are_refused(tb: int) -> None:
    with pytest.raises(PermanentError, match="calibration needs two of each"):
        fit_calibration(np.arange(10) < tb, np.linspace(0, 1, 10))


def test_two_films_of_a_class_are_enough() -> None:
    assert fit_calibration(np.arange(10) < 2, np.linspace(0, 1, 10)).folds == 2


@pytest.mark.parametrize("films", [200, 2000])
def test_a_restated_calibration_is_right_for_films_of_that_prevalence(films: int) -> None:
    truth, scores, _ = draw(8000)
    kept = ~truth | (np.random.default_rng(2).random(8000) < 0.1)  # nine of ten TB films go
    rarer = float(truth[kept].mean())
    fit = fit_calibration(truth[:films], scores[:films], prevalence=rarer)
    assert fit.calibration.prevalence == rarer
    probabilities = apply(fit.calibration, scores[kept])
    assert probabilities.mean() == pytest.approx(rarer, abs=0.015)


def test_an_isotonic_calibration_keeps_the_order_of_all_scores() -> None:
    random = np.random.default_rng(4)
    is_tb = np.arange(300) % 3 == 0
    scores = np.clip(random.normal(np.where(is_tb, 0.6, 0.4), 0.2), 0.02, 0.98)
    calibration = fit_isotonic(is_tb, scores)
    probabilities = apply(calibration, np.linspace(0.0, 1.0, 401))
    assert np.all(np.diff(probabilities) > 0)
    assert 0 < probabilities[0] < probabilities[-1] < 1
    # A pool's knot has the share of TB among its films.
    assert abs(apply(calibration, scores).mean() - is_tb.mean()) < 0.03


def test_at_left_out_hospitals_weights_count_like_films() -> None:
    truth, scores, _ = draw(400)
    weights = np.random.default_rng(2).integers(1, 4, 400)
    groups = np.arange(400) % 3
    weighed = fit_left_out(truth, scores, weights, groups, 0.1).calibration
    repeated = np.repeat(np.arange(400), weights)
    alike = fit_left_out(
        truth[repeated], scores[repeated], np.ones(len(repeated)), groups[repeated], 0.1
    ).calibration
    assert apply(weighed, scores) == pytest.approx(apply(alike, scores), abs=0.01)
    plain = fit_left_out(truth, scores, np.ones(400), groups, 0.1).calibration
    assert (weighed.prevalence, weighed.method) == (0.1, "platt")
    assert apply(weighed, scores) != pytest.approx(apply(plain, scores), abs=1e-4)


def test_left_out_figures_are_those_of_the_fit_on_the_other_groups() -> None:
    """A hospital whose scores mean the opposite is judged by the others' calibration, and so is worse."""
    truth, scores, _ = draw(600)
    groups = np.arange(600) % 2
    alike = fit_left_out(truth, scores, np.ones(600), groups)
    opposite = np.where(groups == 1, 1 - scores, scores)
    weights = np.where(groups == 1, 0.2, 1.0)
    worse = fit_left_out(truth, opposite, weights, groups)
    assert alike.candidates[0].brier < worse.candidates[0].brier
    assert alike.folds == 2


def test_left_out_scores_that_mean_nothing_are_refused() -> None:
    truth, scores, _ = draw(200)
    with pytest.raises(PermanentError, match="learned nothing that travels"):
        fit_left_out(~truth, scores, np.ones(200), np.arange(200) % 2)
