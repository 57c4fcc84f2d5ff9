"""Sensitivity, specificity, PPV and NPV of thresholds from a verified sample, or why there are none.

Sensitivity is a ratio of weighted counts of cases (`weighted_counts.bound_share`), so that its interval
holds with few cases below the threshold. Specificity and PPV have linearized variances of two-phase
sampling (Särndal, Swensson and Wretman 1992, 9.3) and Wilson's interval. Where clusters were sampled, each
interval also covers that between clusters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict

from judging.calibration_study.verified_sample import Floats, Mask, VerifiedSample
from judging.calibration_study.weighted_counts import (
    ALPHA,
    WeightedCount,
    bound_by_clusters,
    bound_proportion,
    bound_share,
    bound_total,
)
from judging.statistics import Estimate

FEWEST_BELOW: Final = 50
"""Minimum number of tested people below a threshold; with fewer there is no sensitivity, specificity, NPV."""
FEWEST_CASES: Final = 5
"""Minimum number of tested people with TB; with fewer, sensitivity is not given."""
FEWEST_CLUSTERS: Final = 4
"""Minimum number of clusters for intervals."""

UNTESTED_BELOW: Final = (
    "nobody was tested in a score band below the threshold, so sensitivity, specificity and NPV are not "
    "identifiable: PPV and the number of cases found are all that can be known"
)
UNTESTED_ABOVE: Final = "nobody was tested in a score band above the threshold, so nothing can be known"
FEW_BELOW: Final = "fewer than {} people below the threshold were tested"
FEW_CASES: Final = "fewer than {} people with TB were found"
FEW_CLUSTERS: Final = "{} clusters, {} are needed for an interval"


class Accuracy(BaseModel):
    """The accuracy of one threshold, with 95 % intervals; None where it cannot be known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: float | None
    """None for a rule with a threshold for each fold."""
    people: int
    referred: int
    """People at or above the threshold."""
    tested_above: int
    tested_below: int
    tb_above: int
    """Cases that were found among the tested."""
    tb_below: int
    sensitivity: Estimate | None
    specificity: Estimate | None
    ppv: Estimate | None
    npv: Estimate | None
    cases: Estimate | None
    """Cases among all people at or above the threshold."""
    reasons: tuple[str, ...]
    """Reasons for what is None."""


@dataclass(frozen=True)
class Curve:
    """Values with bounds at several thresholds, arrays of shape (k,); NaN where unknown."""

    value: Floats
    low: Floats
    high: Floats

    def at(self, place: int) -> Estimate | None:
        """Return the estimate at a place."""
        value, low, high = (float(part[place]) for part in (self.value, self.low, self.high))
        return None if np.isnan(value) else Estimate(value=value, low=min(low, value), high=max(high, value))


@dataclass(frozen=True)
class AccuracyCurves:
    """The accuracy of several rules, arrays of shape (k,)."""

    sensitivity: Curve
    specificity: Curve
    ppv: Curve
    npv: Curve
    cases: Curve
    referred: NDArray[np.int_]
    tested_above: NDArray[np.int_]
    tested_below: NDArray[np.int_]
    tb_above: NDArray[np.int_]
    tb_below: NDArray[np.int_]
    untested_above: Mask
    untested_below: Mask


def measure_thresholds(sample: VerifiedSample, thresholds: ArrayLike) -> list[Accuracy]:
    """Return the accuracy of each threshold; a person is positive from the threshold on."""
    values = np.asarray(thresholds, dtype=np.float64)
    curves = trace_rules(sample, sample.scores[None, :] >= values[:, None])
    return [_describe(sample, curves, place, float(value)) for place, value in enumerate(values)]


def measure_rule(sample: VerifiedSample, positive: Mask) -> Accuracy:
    """Return the accuracy of a rule that calls these people positive, shape (n,)."""
    return _describe(sample, trace_rules(sample, positive[None, :]), 0, None)


def trace_sensitivity(sample: VerifiedSample, positive: Mask, alpha: float = ALPHA) -> Curve:
    """Return the sensitivity of several rules, as in `trace_rules`."""
    is_positive, is_tb, weights = _take_tested(sample, positive)
    hits, hit_squares = _count(is_positive, is_tb, weights)
    missed, missed_squares = _count(~is_positive, is_tb, weights)
    share = _divide(hits, hits + missed)
    plain = bound_share(
        WeightedCount(hits, hit_squares, _find_heaviest(is_positive, weights)),
        WeightedCount(missed, missed_squares, _find_heaviest(~is_positive, weights)),
        alpha,
    )
    cases = np.broadcast_to(is_tb, is_positive.shape)
    bounds = _Bounds(sample, alpha).widen(share, cases, is_positive, plain)
    unknown = _lacks_tests(sample, positive) | (is_tb.sum() < FEWEST_CASES)
    return _hide(unknown, share, *bounds)


def trace_rules(sample: VerifiedSample, positive: Mask, alpha: float = ALPHA) -> AccuracyCurves:
    """Return the accuracy of several rules.

    Args:
        sample: people, of whom some were tested.
        positive: shape (k, n): people whom each rule calls positive.
        alpha: one minus the coverage of the intervals.
    """
    is_positive, is_tb, weights = _take_tested(sample, positive)
    untested_above: Mask = np.any(positive & sample.is_untested, axis=1)
    untested_below: Mask = np.any(~positive & sample.is_untested, axis=1)
    tested_above, tb_above = is_positive.sum(axis=1), (is_positive & is_tb).sum(axis=1)
    hits, hit_squares = _count(is_positive, is_tb, weights)
    alarms, _ = _count(is_positive, ~is_tb, weights)
    missed, missed_squares = _count(~is_positive, is_tb, weights)
    cleared, cleared_squares = _count(~is_positive, ~is_tb, weights)
    below = _find_heaviest(~is_positive, weights)
    bounds, healthy = _Bounds(sample, alpha), np.broadcast_to(~is_tb, is_positive.shape)
    specificity, ppv, npv = (
        _divide(cleared, cleared + alarms),
        _divide(hits, hits + alarms),
        _divide(cleared, cleared + missed),
    )
    of_npv = bound_share(
        WeightedCount(cleared, cleared_squares, below), WeightedCount(missed, missed_squares, below), alpha
    )
    of_cases = bound_total(WeightedCount(hits, hit_squares, _find_heaviest(is_positive, weights)), alpha)
    lack = _lacks_tests(sample, positive)
    return AccuracyCurves(
        trace_sensitivity(sample, positive, alpha),
        _hide(lack, specificity, *bounds.bound(specificity, healthy, ~is_positive)),
        _hide(untested_above | (tested_above == 0), ppv, *bounds.bound(ppv, is_positive, is_tb[None, :])),
        _hide(lack, npv, *bounds.widen(npv, ~is_positive, healthy, of_npv)),
        _hide(untested_above, hits, *of_cases),
        positive.sum(axis=1),
        tested_above,
        len(is_tb) - tested_above,
        tb_above,
        int(is_tb.sum()) - tb_above,
        untested_above,
        untested_below,
    )


class _Bounds:
    """Intervals of weighted proportions of the tested people."""

    def __init__(self, sample: VerifiedSample, alpha: float) -> None:
        self._weights, self._alpha = sample.weights[sample.verified], alpha
        self._strata = sample.strata[sample.verified]
        self._people, self._tested = sample.people, sample.tested
        self._clusters = None if sample.clusters is None else sample.clusters[sample.verified]
        self._number = 0 if sample.clusters is None else int(sample.clusters.max()) + 1

    def bound(self, value: Floats, domain: Mask, inside: Mask) -> tuple[Floats, Floats]:
        """Return the bounds of the shares `value` of people inside among those of the domain, (k, tested)."""
        influence = self._find_influence(value, domain, inside)
        counted = domain * self._weights
        size = _divide(counted.sum(axis=1) ** 2, (counted**2).sum(axis=1))
        plain = bound_proportion(value, self._measure_variance(influence), size, self._alpha)
        return self._unite(value, influence, plain)

    def widen(
        self, value: Floats, domain: Mask, inside: Mask, plain: tuple[Floats, Floats]
    ) -> tuple[Floats, Floats]:
        """Return bounds that hold for people, widened by those between clusters."""
        if self._clusters is None:
            return plain
        return self._unite(value, self._find_influence(value, domain, inside), plain)

    def _find_influence(self, value: Floats, domain: Mask, inside: Mask) -> Floats:
        share = np.nan_to_num(value)[:, None]
        total = (domain * self._weights).sum(axis=1)
        each = np.where(total > 0, _divide(1.0, total), 0.0)[:, None]
        influence: Floats = domain * (inside - share) * each
        return influence

    def _measure_variance(self, influence: Floats) -> Floats:
        """Return the variance: of the sample of people, and of the tests within each stratum."""
        variance: Floats = (self._weights * influence**2).sum(axis=1)
        for stratum in np.flatnonzero(self._tested):
            part = influence[:, self._strata == stratum]
            people, tested = self._people[stratum], self._tested[stratum]
            spread = part.var(axis=1, ddof=1) if tested > 1 else part[:, 0] ** 2
            variance += people**2 * (1 - tested / people) * spread / tested
        return variance

    def _unite(self, value: Floats, influence: Floats, plain: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
        if self._clusters is None or self._number < FEWEST_CLUSTERS:
            return plain
        sums = np.zeros((len(value), self._number))
        np.add.at(sums.T, self._clusters, (influence * self._weights).T)
        low, high = bound_by_clusters(value, sums, self._alpha)
        return np.minimum(low, plain[0]), np.maximum(high, plain[1])


def _take_tested(sample: VerifiedSample, positive: Mask) -> tuple[Mask, Mask, Floats]:
    """Return for the tested people the rules (k, tested), TB and weights (tested,)."""
    known = sample.verified
    return positive[:, known], sample.is_tb[known], sample.weights[known]


def _lacks_tests(sample: VerifiedSample, positive: Mask) -> Mask:
    """True for rules whose sensitivity, specificity and NPV cannot be known, (k,)."""
    lack: Mask = sample.is_untested.any() | ((~positive & sample.verified).sum(axis=1) < FEWEST_BELOW)
    if sample.clusters is not None and sample.clusters.max() + 1 < FEWEST_CLUSTERS:
        return np.ones_like(lack)
    return lack


def _find_heaviest(side: Mask, weights: Floats) -> Floats:
    """Return the largest weight of a tested person on a side, (k,)."""
    heaviest: Floats = np.where(side, weights, 0.0).max(axis=1, initial=0.0)
    return heaviest


def _count(side: Mask, of_class: Mask, weights: Floats) -> tuple[Floats, Floats]:
    """Return the weighted count of a class on a side, and the sum of the squares of its weights, (k,)."""
    chosen = side[:, of_class].astype(np.float64)
    return chosen @ weights[of_class], chosen @ weights[of_class] ** 2


def _divide(count: ArrayLike, total: ArrayLike) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.divide(count, total), dtype=np.float64)


def _hide(unknown: Mask, *parts: Floats) -> Curve:
    value, low, high = (np.where(unknown, np.nan, part) for part in parts)
    return Curve(value, low, high)


def _describe(
    sample: VerifiedSample, curves: AccuracyCurves, place: int, threshold: float | None
) -> Accuracy:
    return Accuracy(
        threshold=threshold,
        people=len(sample.scores),
        referred=int(curves.referred[place]),
        tested_above=int(curves.tested_above[place]),
        tested_below=int(curves.tested_below[place]),
        tb_above=int(curves.tb_above[place]),
        tb_below=int(curves.tb_below[place]),
        sensitivity=curves.sensitivity.at(place),
        specificity=curves.specificity.at(place),
        ppv=curves.ppv.at(place),
        npv=curves.npv.at(place),
        cases=curves.cases.at(place),
        reasons=tuple(_explain(sample, curves, place)),
    )


def _explain(sample: VerifiedSample, curves: AccuracyCurves, place: int) -> list[str]:
    reasons = []
    if curves.untested_above[place]:
        reasons.append(UNTESTED_ABOVE)
    if curves.untested_below[place]:
        reasons.append(UNTESTED_BELOW)
    elif curves.tested_below[place] < FEWEST_BELOW:
        reasons.append(FEW_BELOW.format(FEWEST_BELOW))
    if curves.tb_above[place] + curves.tb_below[place] < FEWEST_CASES:
        reasons.append(FEW_CASES.format(FEWEST_CASES))
    if sample.clusters is not None and (number := int(sample.clusters.max()) + 1) < FEWEST_CLUSTERS:
        reasons.append(FEW_CLUSTERS.format(number, FEWEST_CLUSTERS))
    return reasons
