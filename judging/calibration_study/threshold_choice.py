"""Choice of a threshold under a policy, and its cross-fitted accuracy.

A threshold whose estimated sensitivity just reaches the target misses it in half of all programmes. So the
highest threshold is chosen at which a lower confidence bound of the sensitivity reaches the target less a
tolerance. Figures at a threshold that was chosen on the same people look too good: each fold is measured
with the threshold of the others.

Neither interval alone is one of the recommended threshold: that on all people takes the threshold as given,
and the cross-fitted one is about thresholds of fewer people, which differ from it (Bates, Hastie and
Tibshirani, JASA 2024). The cross-fitted figures therefore have the union of both intervals, whose coverage is
no less than that of the better one.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from domain.errors import PermanentError
from judging.calibration_study.accuracy import Accuracy, measure_rule, measure_thresholds, trace_sensitivity
from judging.calibration_study.verified_sample import Floats, Mask, VerifiedSample
from judging.statistics import Estimate

FOLDS: Final = 10
"""A threshold of nine tenths of the people lies nearer to the recommended one than one of four fifths."""
INTERVALS: Final = ("sensitivity", "specificity", "ppv", "npv", "cases")
MOST_CANDIDATES: Final = 200
"""Thresholds that are compared at most, at even shares of the people."""


class Policy(BaseModel):
    """A programme's demands on its threshold; among the thresholds that meet them, the highest is chosen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sensitivity: float | None = Field(default=None, gt=0, lt=1)
    """Sensitivity at least."""
    tolerance: float = Field(default=0.02, ge=0, lt=1)
    """Shortfall of the true sensitivity that is accepted."""
    assurance: float = Field(default=0.95, gt=0.5, lt=1)
    """Probability that the true sensitivity falls short by no more than the tolerance."""
    referred: float | None = Field(default=None, gt=0, le=1)
    """Share of people referred to a test at most: tests a day over people a day."""


class ChosenThreshold(BaseModel):
    """A threshold under a policy."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    policy: Policy
    threshold: float
    accuracy: Accuracy
    """On the people that it was chosen on: it looks too good."""
    cross_fitted: Accuracy | None
    """Each fold with the threshold of the others, with the union of both intervals; None where these had
    none."""


class NoThresholdError(PermanentError):
    """No threshold meets the policy; the text says why. Permanent."""


def choose_threshold(sample: VerifiedSample, policy: Policy) -> ChosenThreshold:
    """Choose the threshold of a policy.

    With a sensitivity the highest threshold that has it is chosen; with a share of referred people alone,
    the lowest that refers no more.

    Raises:
        NoThresholdError: when no threshold meets the policy, or sensitivity cannot be known.
    """
    threshold = find_threshold(sample, policy)
    accuracy = measure_thresholds(sample, [threshold])[0]
    fitted = _cross_fit(sample, policy)
    return ChosenThreshold(
        policy=policy,
        threshold=threshold,
        accuracy=accuracy,
        cross_fitted=None if fitted is None else _widen(fitted, accuracy),
    )


def find_threshold(sample: VerifiedSample, policy: Policy) -> float:
    """Return the threshold that `choose_threshold` chooses, without its accuracy.

    Raises:
        NoThresholdError: as there.
    """
    candidates = _list_candidates(sample.scores)
    positive = sample.scores[None, :] >= candidates[:, None]
    fits = np.ones(len(candidates), dtype=bool)
    if policy.referred is not None:
        fits &= positive.mean(axis=1) <= policy.referred
        if policy.sensitivity is None:
            return float(candidates[_check(fits, "no threshold refers so few people")[0]])
    if policy.sensitivity is None:
        raise NoThresholdError(
            "the policy demands nothing: give a sensitivity, or a share of referred people"
        )
    sensitivity = trace_sensitivity(sample, positive, alpha=2 * (1 - policy.assurance))
    _check(
        ~np.isnan(sensitivity.value),
        "sensitivity cannot be known at any threshold: test a sample of the people in each score band",
    )
    with np.errstate(invalid="ignore"):
        reaches = sensitivity.low >= policy.sensitivity - policy.tolerance
    # Bounds are not monotone: behind the first threshold that fails, chance alone lets one pass.
    known = np.flatnonzero(~np.isnan(sensitivity.value))
    failing = known[~reaches[known]]
    if len(failing):
        reaches[failing[0] :] = False
    places = _check(
        reaches & fits,
        "no threshold has this sensitivity by its lower bound"
        + ("" if policy.referred is None else " with so few people referred")
        + ": test more people, or lower the demand",
    )
    return float(candidates[places[-1]])


def _check(fits: Mask, problem: str) -> np.ndarray:
    if not fits.any():
        raise NoThresholdError(problem)
    return np.flatnonzero(fits)


def _cross_fit(sample: VerifiedSample, policy: Policy) -> Accuracy | None:
    folds = _split(sample)
    positive = np.zeros(len(sample.scores), dtype=bool)
    for fold in np.unique(folds):
        here = folds == fold
        try:
            threshold = find_threshold(_take(sample, ~here), policy)
        except NoThresholdError:
            return None
        positive[here] = sample.scores[here] >= threshold
    return measure_rule(sample, positive)


def _widen(fitted: Accuracy, accuracy: Accuracy) -> Accuracy:
    """Return cross-fitted figures with intervals that also hold those of the recommended threshold."""
    wider: dict[str, Estimate] = {}
    for name in INTERVALS:
        own, other = getattr(fitted, name), getattr(accuracy, name)
        if own is not None and other is not None:
            low, high = min(own.low, other.low), max(own.high, other.high)
            wider[name] = Estimate(value=own.value, low=low, high=high)
    return fitted.model_copy(update=wider)


def _split(sample: VerifiedSample) -> np.ndarray:
    """Return the fold of each person: whole clusters, or else each stratum and class evenly."""
    if sample.clusters is not None:
        return np.asarray(sample.clusters % min(FOLDS, int(sample.clusters.max()) + 1))
    folds = np.zeros(len(sample.scores), dtype=int)
    kinds = sample.strata * 4 + sample.verified * 2 + sample.is_tb
    for kind in np.unique(kinds):
        members = np.flatnonzero(kinds == kind)
        folds[members] = (np.arange(len(members)) + kind) % FOLDS
    return folds


def _take(sample: VerifiedSample, chosen: Mask) -> VerifiedSample:
    return VerifiedSample.make(
        sample.scores[chosen],
        sample.strata[chosen],
        sample.verified[chosen],
        sample.is_tb[chosen],
        None if sample.clusters is None else sample.clusters[chosen],
    )


def _list_candidates(scores: Floats) -> Floats:
    """Return thresholds in ascending order among the scores that occur."""
    values = np.unique(scores)
    if len(values) <= MOST_CANDIDATES:
        return values
    shares = np.linspace(0, 1, MOST_CANDIDATES)
    return np.unique(np.quantile(scores, shares, method="inverted_cdf"))
