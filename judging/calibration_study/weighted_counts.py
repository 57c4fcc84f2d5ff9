"""Intervals of weighted counts: a ratio of two, and a proportion with a known variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, ndtri
from scipy.stats import f, gamma, t

Floats = NDArray[np.float64]

ALPHA: Final = 0.05
"""Two-sided intervals of 95 %."""


@dataclass(frozen=True)
class WeightedCount:
    """A sum of weights of events, at several thresholds; arrays of one shape."""

    total: Floats
    squares: Floats
    """The sum of the squares of the weights."""
    heaviest: Floats
    """The largest weight that an event may have, also where there was none."""


def bound_share(inside: WeightedCount, outside: WeightedCount, alpha: float = ALPHA) -> tuple[Floats, Floats]:
    """Return the interval of the share inside / (inside + outside) of two independent weighted counts.

    Each count is taken as a Poisson sum with a gamma distribution (Fay and Feuer, Statistics in Medicine
    1997); the ratio of two then has an F distribution (Fay, Communications in Statistics 1999). Half an
    event of the largest weight is added on both sides, as the mid-P interval does on average (Fay and Kim,
    Biometrical Journal 2017): with equal weights it is Jeffreys' interval of a proportion. It holds with
    few events. The lower bound is 0 without an event inside, the upper bound 1 without one outside.

    Args:
        inside: the events that are counted.
        outside: the other events.
        alpha: one minus the coverage.
    """
    return _bound_below(inside, outside, alpha), 1.0 - _bound_below(outside, inside, alpha)


def bound_total(count: WeightedCount, alpha: float = ALPHA) -> tuple[Floats, Floats]:
    """Return the interval of a weighted count itself, as in `bound_share`; without an event from 0."""
    total, size = _add_half(count)
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = (total / size * gamma.ppf(part, size) for part in (alpha / 2, 1 - alpha / 2))
    return np.where(count.total > 0, np.nan_to_num(low), 0.0), np.nan_to_num(high)


def bound_proportion(
    value: ArrayLike, variance: ArrayLike, size: ArrayLike, alpha: float = ALPHA
) -> tuple[Floats, Floats]:
    """Return Wilson's interval of a weighted proportion, with the effective number of people.

    The effective number is value (1 - value) / variance (Korn and Graubard, Survey Methodology 1998).

    Args:
        value: the proportion, 0..1.
        variance: its variance; 0 where the proportion is 0 or 1.
        size: effective number in that case.
        alpha: one minus the coverage.
    """
    share, spread, least = (np.asarray(part, dtype=np.float64) for part in (value, variance, size))
    with np.errstate(divide="ignore", invalid="ignore"):
        number = np.where(spread > 0, share * (1 - share) / spread, least)
    z = ndtri(1 - alpha / 2)
    centre = (share * number + z**2 / 2) / (number + z**2)
    half = z * np.sqrt(share * (1 - share) * number + z**2 / 4) / (number + z**2)
    return np.clip(centre - half, 0.0, 1.0), np.clip(centre + half, 0.0, 1.0)


def bound_by_clusters(value: ArrayLike, influence: Floats, alpha: float = ALPHA) -> tuple[Floats, Floats]:
    """Return the interval of a proportion from clusters: t with one degree of freedom less than clusters.

    The proportion is on the logit scale; its variance is that between the sums of the clusters (the
    ultimate cluster estimator, Hansen, Hurwitz and Madow 1953).

    Args:
        value: the proportions, shape (k,).
        influence: sum of the people's influence on each proportion by cluster, shape (k, clusters).
        alpha: one minus the coverage.
    """
    share, clusters = np.asarray(value, dtype=np.float64), influence.shape[1]
    spread = clusters * influence.var(axis=1, ddof=1)
    quantile = t.ppf(1 - alpha / 2, clusters - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        half = quantile * np.sqrt(spread) / (share * (1 - share))
        low, high = expit(logit(share) - half), expit(logit(share) + half)
    unknown = ~np.isfinite(half) | (share <= 0) | (share >= 1)
    return np.where(unknown, share, low), np.where(unknown, share, high)


def _bound_below(inside: WeightedCount, outside: WeightedCount, alpha: float) -> Floats:
    (count, size), (others, other_size) = _add_half(inside), _add_half(outside)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = count / others * f.ppf(alpha / 2, 2 * size, 2 * other_size)
        low = ratio / (1 + ratio)
    return np.where(inside.total > 0, np.nan_to_num(low), 0.0)


def _add_half(count: WeightedCount) -> tuple[Floats, Floats]:
    """Return total and effective number of events, with half an event of the largest weight."""
    total = count.total + count.heaviest / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return total, total**2 / (count.squares + count.heaviest**2 / 2)
