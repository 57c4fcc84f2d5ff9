"""The true sensitivity of thresholds that were recommended, and the honesty of their cross-fitted figures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from benchmarks.calibration_study.programmes import Kind, Programme, draw, find_truth
from judging.calibration_study.threshold_choice import NoThresholdError, Policy, choose_threshold
from judging.operating_points import choose_operating_points


@dataclass(frozen=True)
class Recommendations:
    """Thresholds recommended in many programmes of a kind."""

    kind: str
    sensitivity: float
    """Sensitivity demanded."""
    programmes: int
    given: float
    """Share of the programmes in which a threshold was recommended."""
    kept: float
    """Share of these whose true sensitivity is no less than the demand less 2 points."""
    true_sensitivity: float
    true_specificity: float
    cross_fitted: float
    """Mean cross-fitted sensitivity less the true one."""
    covered: float
    """Share of the cross-fitted intervals that hold the true sensitivity of the recommended threshold."""
    width: float
    """Mean width of these intervals."""
    naive_kept: float
    """As `kept`, where the threshold was chosen on the tested people as if they were all."""


def recommend(kind: Kind, sensitivity: float, programmes: int, seed: int = 43) -> Recommendations:
    """Recommend a threshold in each of many programmes."""
    generator, policy = np.random.default_rng(seed), Policy(sensitivity=sensitivity)
    least = sensitivity - policy.tolerance
    truths, fitted, naive = [], [], []
    for _ in range(programmes):
        programme = draw(kind, generator)
        naive.append(_find_truth(kind, _choose_naively(programme))["sensitivity"] >= least)
        try:
            chosen = choose_threshold(programme.sample, policy)
        except NoThresholdError:
            continue
        truth = _find_truth(kind, chosen.threshold)
        truths.append(truth)
        estimate = None if chosen.cross_fitted is None else chosen.cross_fitted.sensitivity
        if estimate is not None:
            true = truth["sensitivity"]
            is_covered = estimate.low <= true <= estimate.high
            fitted.append((estimate.value - true, is_covered, estimate.high - estimate.low))
    found = np.array([truth["sensitivity"] for truth in truths] or [np.nan])
    return Recommendations(
        kind.name,
        sensitivity,
        programmes,
        len(truths) / programmes,
        float((found >= least).mean()) if truths else float("nan"),
        float(found.mean()),
        float(np.mean([truth["specificity"] for truth in truths] or [np.nan])),
        *(float(part) for part in np.mean(fitted or [(np.nan,) * 3], axis=0)),
        float(np.mean(naive)),
    )


def _choose_naively(programme: Programme) -> float:
    """Return the highest threshold with a sensitivity of 0.90 among the tested people."""
    known = programme.sample.verified
    points = choose_operating_points(programme.sample.is_tb[known], programme.sample.scores[known])
    return points[0].threshold


def _find_truth(kind: Kind, threshold: float) -> dict[str, float]:
    return find_truth(kind, float(norm.ppf(threshold)))
