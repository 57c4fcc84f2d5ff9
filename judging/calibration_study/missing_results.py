"""Bounds of sensitivity where results are missing not at random.

People who were sampled for a test and have no result (no sputum, refusal) may have TB more or less often
than people of their stratum with one. The odds of TB of people without result are `odds` times those of
people with one, at most, or one over it at least; the bound is over all such cases (sensitivity analysis
after Kosinski and Barnhart, Biometrics 2003, and Rotnitzky, Faraggi and Schisterman, JASA 2006). People who
were not sampled were left out by design and need none.
"""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict

from domain.errors import PermanentError
from judging.calibration_study.accuracy import trace_sensitivity
from judging.calibration_study.verified_sample import Floats, Mask, VerifiedSample
from judging.calibration_study.weighted_counts import WeightedCount, bound_share
from judging.statistics import Estimate


class SensitivityBound(BaseModel):
    """The bound of a sensitivity: from the least to the greatest value, with the intervals of both."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    odds: float
    missing: int
    """Sampled people without a result."""
    least: Estimate
    greatest: Estimate


def bound_sensitivity(
    sample: VerifiedSample, sampled: Mask, threshold: float, odds: float
) -> SensitivityBound | None:
    """Return the bound of the sensitivity at a threshold; None where sensitivity itself cannot be known.

    Args:
        sample: people, of whom some were tested.
        sampled: shape (n,): people chosen for a test, all verified people among them.
        threshold: a person is positive from it on.
        odds: >= 1: the largest ratio of the odds of TB without and with a result.

    Raises:
        PermanentError: when `odds` is below 1, or a verified person was not sampled.
    """
    if odds < 1:
        raise PermanentError(f"the ratio of odds is {odds}: give 1 or more")
    chosen = np.asarray(sampled, dtype=bool)
    if (sample.verified & ~chosen).any():
        raise PermanentError("a person with a result was not sampled")
    positive = sample.scores >= threshold
    if np.isnan(trace_sensitivity(sample, positive[None, :]).value[0]):
        return None
    raised, lowered = (_weigh(sample, chosen, ratio) for ratio in (odds, 1 / odds))
    return SensitivityBound(
        odds=odds,
        missing=int((chosen & ~sample.verified).sum()),
        least=_estimate(sample, positive, lowered, raised),
        greatest=_estimate(sample, positive, raised, lowered),
    )


def _weigh(sample: VerifiedSample, sampled: Mask, ratio: float) -> Floats:
    """Return the weight of a case of each person's stratum, where missing results have these odds of TB."""
    strata = len(sample.people)
    chosen = np.bincount(sample.strata[sampled], minlength=strata)
    cases = np.bincount(sample.strata[sample.is_tb], minlength=strata)
    share = (cases + 0.5) / (sample.tested + 1)
    there = sample.tested / np.maximum(chosen, 1)
    factor = there + (1 - there) * ratio / (1 - share + ratio * share)
    weights: Floats = sample.weights * factor[sample.strata]
    return weights


def _estimate(sample: VerifiedSample, positive: Mask, above: Floats, below: Floats) -> Estimate:
    """Return the sensitivity with other weights of cases above and below the threshold."""
    inside, outside = (
        _count(weights[side], sample.is_tb[side]) for weights, side in ((above, positive), (below, ~positive))
    )
    low, high = bound_share(inside, outside)
    value = float(inside.total / (inside.total + outside.total))
    return Estimate(value=value, low=min(float(low), value), high=max(float(high), value))


def _count(weights: Floats, is_tb: Mask) -> WeightedCount:
    cases = weights[is_tb]
    heaviest = weights.max(initial=0.0)
    return WeightedCount(np.asarray(cases.sum()), np.asarray((cases**2).sum()), np.asarray(heaviest))
