"""Figures with 95 % intervals: ROC AUC (DeLong), proportions (Wilson), bootstrap for the rest.

SciPy has no DeLong method, no average precision and no bootstrap within groups and classes; they are here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict
from scipy.special import expit, logit, ndtri
from scipy.stats import binomtest, rankdata

from domain.errors import PermanentError

Z: Final = float(ndtri(0.975))
"""The normal quantile of the two-sided 95 % interval."""

BINS: Final = 10

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Estimate(BaseModel):
    """A figure and its 95 % interval."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float
    low: float
    high: float


def measure_auc(is_tb: ArrayLike, scores: ArrayLike) -> Estimate:
    """Return the area under the ROC curve with its 95 % interval.

    Variance after DeLong, DeLong and Clarke-Pearson (Biometrics 1988) by the fast algorithm of Sun and Xu
    (IEEE Signal Processing Letters 2014); ties count half. The interval is computed on the logit, so that it
    stays within 0..1 (Pepe 2003, 4.3). DeLong's variance is of no use in two cases:

    - All films are ordered correctly (or all wrongly), and the variance is 0. Then the min(m, n) disjoint
      pairs of m TB films and n others are ordered correctly too, with a probability of at most
      AUC^min(m, n); the bound is 0.025^(1/min(m, n)), exact and wide.
    - A class has fewer than two films: the interval is 0..1.

    Args:
        is_tb: shape (k,), bool.
        scores: shape (k,), finite; a higher score means TB is more likely.

    Raises:
        PermanentError: when one class has no films.
    """
    of_tb, of_others = _place(is_tb, scores)
    auc, few = float(of_tb.mean()), min(len(of_tb), len(of_others))
    if few < 2:
        return Estimate(value=auc, low=0.0, high=1.0)
    if auc in (0.0, 1.0):
        bound = 0.025 ** (1.0 / few)
        return Estimate(value=auc, low=bound if auc else 0.0, high=1.0 if auc else 1.0 - bound)
    variance = of_tb.var(ddof=1) / len(of_tb) + of_others.var(ddof=1) / len(of_others)
    half = Z * math.sqrt(variance) / (auc * (1 - auc))
    low, high = expit(logit(auc) + np.array((-half, half)))
    return Estimate(value=auc, low=low, high=high)


def measure_auc_difference(is_tb: ArrayLike, scores: ArrayLike, reference: ArrayLike) -> Estimate:
    """Return AUC of `scores` minus AUC of `reference` on the same films, by DeLong's paired method.

    Both have shape (k,). The interval is symmetric and clipped to -1..1; its width is 0 where both order TB
    films against the others in the same way.

    Raises:
        PermanentError: when a class has fewer than two films.
    """
    of_tb, of_others = _place(is_tb, scores)
    reference_of_tb, reference_of_others = _place(is_tb, reference)
    if min(len(of_tb), len(of_others)) < 2:
        raise PermanentError("a paired difference needs two films of each class")
    on_tb, on_others = of_tb - reference_of_tb, of_others - reference_of_others
    value = float(on_tb.mean())
    half = Z * math.sqrt(on_tb.var(ddof=1) / len(on_tb) + on_others.var(ddof=1) / len(on_others))
    return Estimate(value=value, low=max(value - half, -1.0), high=min(value + half, 1.0))


def measure_proportion(hits: int, total: int) -> Estimate | None:
    """Return hits / total with Wilson's 95 % interval (Wilson 1927); None where total is 0."""
    if total == 0:
        return None
    interval = binomtest(hits, total).proportion_ci(0.95, "wilson")
    return Estimate(value=hits / total, low=interval.low, high=interval.high)


def compute_average_precision(is_tb: ArrayLike, scores: ArrayLike) -> float:
    """Return average precision: the mean precision at the scores of the TB films, ties taken together.

    Raises:
        PermanentError: when there is no TB film.
    """
    truth, values = np.asarray(is_tb, dtype=bool), np.asarray(scores, dtype=np.float64)
    if not truth.any():
        raise PermanentError("average precision needs at least one film with TB")
    order = np.argsort(-values, kind="stable")
    last_of_tie = np.append(np.diff(values[order]) != 0, True)
    hits = np.cumsum(truth[order])[last_of_tie]
    taken = np.flatnonzero(last_of_tie) + 1
    return float(np.sum(np.diff(hits, prepend=0) * hits / taken) / hits[-1])


def compute_brier(is_tb: ArrayLike, probabilities: ArrayLike) -> float:
    """Return the mean squared difference of probability and truth, 0 (best) to 1 (Brier 1950)."""
    truth, values = np.asarray(is_tb, dtype=np.float64), np.asarray(probabilities, dtype=np.float64)
    return float(np.mean((values - truth) ** 2))


def compute_calibration_error(is_tb: ArrayLike, probabilities: ArrayLike) -> float:
    """Return the expected calibration error, 0 (best) to 1 (Naeini, Cooper and Hauskrecht 2015).

    Ten bins of equal width: the difference of mean probability and share of TB in each bin, weighted by the
    number of its films.
    """
    return sum(
        count * abs(mean - share) for mean, share, count in bin_probabilities(is_tb, probabilities)
    ) / max(len(np.asarray(probabilities)), 1)


def bin_probabilities(is_tb: ArrayLike, probabilities: ArrayLike) -> list[tuple[float, float, int]]:
    """Return (mean probability, share of TB, films) of each non-empty bin of ten bins of equal width."""
    truth, values = np.asarray(is_tb, dtype=np.float64), np.asarray(probabilities, dtype=np.float64)
    bins = np.minimum((values * BINS).astype(int), BINS - 1)
    return [
        (
            float(values[bins == number].mean()),
            float(truth[bins == number].mean()),
            int((bins == number).sum()),
        )
        for number in np.unique(bins)
    ]


def bootstrap(
    statistic: Callable[[Mask, Floats], float],
    is_tb: ArrayLike,
    values: ArrayLike,
    groups: Sequence[str] | NDArray[np.str_],
    draws: int = 1000,
    seed: int = 42,
) -> Estimate:
    """Return a statistic with its percentile 95 % interval, films resampled within each group and class.

    The interval always contains the value itself: chance can only raise some statistics, such as a
    calibration error, so that all draws may lie above it.

    Args:
        statistic: takes is_tb and values, both (k,), and returns the value.
        is_tb: shape (k,), bool.
        values: scores or probabilities, shape (k,).
        groups: k names, such as sources; each group keeps its number of films of each class.
        draws: the number of resamples (Efron and Tibshirani 1993: 1000 for percentiles).
        seed: seed of the draws.
    """
    truth, numbers = np.asarray(is_tb, dtype=bool), np.asarray(values, dtype=np.float64)
    names = np.asarray(groups, dtype=np.str_)
    strata = [np.flatnonzero((names == group) & (truth == tb)) for group in np.unique(names) for tb in (0, 1)]
    generator = np.random.default_rng(seed)
    results = np.empty(draws)
    for draw in range(draws):
        taken = np.concatenate([generator.choice(films, len(films)) for films in strata if len(films)])
        results[draw] = statistic(truth[taken], numbers[taken])
    low, high = np.quantile(results, (0.025, 0.975))
    value = statistic(truth, numbers)
    return Estimate(value=value, low=min(float(low), value), high=max(float(high), value))


def _place(is_tb: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    """Return DeLong's structural components from midranks (Sun and Xu 2014, eqs. 5 and 6).

    For each TB film, the share of other films below it; for each other film, the share of TB films above it.
    A tie counts half.
    """
    truth, values = np.asarray(is_tb, dtype=bool), np.asarray(scores, dtype=np.float64)
    if truth.shape != values.shape or truth.ndim != 1:
        raise PermanentError(f"{truth.shape} labels for {values.shape} scores")
    if not np.isfinite(values).all():
        raise PermanentError("a score is not finite")
    tb, others = values[truth], values[~truth]
    if not len(tb) or not len(others):
        raise PermanentError("an AUC needs films with TB and films without")
    ranks = rankdata(values)
    of_tb = (ranks[truth] - rankdata(tb)) / len(others)
    of_others = 1.0 - (ranks[~truth] - rankdata(others)) / len(tb)
    return of_tb, of_others
