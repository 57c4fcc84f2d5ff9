"""Operating points: chosen on validation films, measured on test films.

A film is positive when its score is at least the threshold, as in `domain.bundle.triage`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict

from domain.bundle.manifest import OperatingPoint
from domain.errors import PermanentError
from judging.statistics import Estimate, measure_proportion

SCREENING_SENSITIVITY: Final = 0.90
SCREENING_SPECIFICITY: Final = 0.70
"""The WHO minima for a triage test (target product profiles, 2014)."""

RULE_IN_SPECIFICITY: Final = 0.90

NAMES: Final = ("screening", "rule_in", "sensitivity_95", "specificity_95", "youden")


class Confusion(BaseModel):
    """The confusion matrix at one threshold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int


class MeasuredPoint(BaseModel):
    """An operating point measured on films that it was not chosen on; 95 % intervals after Wilson."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    threshold: float
    chosen_sensitivity: float | None
    """Sensitivity on the validation films that the point was chosen on."""
    chosen_specificity: float | None
    confusion: Confusion
    sensitivity: Estimate | None
    specificity: Estimate | None
    ppv: Estimate | None
    """Positive predictive value at the prevalence among these films, which is not that of a programme."""
    npv: Estimate | None


def choose_operating_points(
    is_tb: ArrayLike,
    scores: ArrayLike,
    weights: ArrayLike | None = None,
    rule_in: float = RULE_IN_SPECIFICITY,
    balanced: bool = False,
) -> tuple[OperatingPoint, ...]:
    """Choose the five operating points of a bundle, in the order of `NAMES`, among the scores that occur.

    - screening, sensitivity_95: the highest threshold with sensitivity >= 0.90, >= 0.95. Balanced, screening
      is the threshold that misses the WHO minima, 0.90 and specificity 0.70, by the smallest sum; where both
      hold, the highest of these.
    - rule_in: the lowest threshold with this specificity; it never lies below screening: where both
      conditions hold at the screening threshold, the two are equal.
    - specificity_95: the lowest threshold with specificity >= 0.95.
    - youden: the maximum of sensitivity + specificity (Youden 1950); of several thresholds, the highest.

    Each point carries its sensitivity and specificity on these films.

    Args:
        is_tb: shape (n,), bool; films that the scoring network did not learn from.
        scores: shape (n,), 0..1.
        weights: shape (n,), the weight of each film in sensitivity and specificity; None: all alike.
        rule_in: the specificity of rule_in.
        balanced: how screening is chosen.

    Raises:
        PermanentError: without films of both classes.
    """
    truth, values = np.asarray(is_tb, dtype=bool), np.asarray(scores, dtype=np.float64)
    if not truth.any() or truth.all():
        raise PermanentError(
            "operating points need validation films with TB and without: "
            f"there are {int(truth.sum())} and {int((~truth).sum())}"
        )
    thresholds = np.unique(values)
    above = min(
        float(np.nextafter(thresholds[-1], 2.0)), 1.0
    )  # no film is positive there, unless a score is 1
    thresholds = np.unique(np.append(thresholds, above))
    counted = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
    sensitivity = _share_from(values[truth], counted[truth], thresholds)
    specificity = 1.0 - _share_from(values[~truth], counted[~truth], thresholds)
    screening = _last(sensitivity >= SCREENING_SENSITIVITY)
    if balanced:
        missed = np.maximum(SCREENING_SENSITIVITY - sensitivity, 0.0)
        missed += np.maximum(SCREENING_SPECIFICITY - specificity, 0.0)
        screening = _last(missed <= missed.min() + 1e-12)
    youden = sensitivity + specificity
    places = {
        "screening": screening,
        "rule_in": max(_first(specificity >= rule_in), screening),
        "sensitivity_95": _last(sensitivity >= 0.95),
        "specificity_95": _first(specificity >= 0.95),
        "youden": _last(youden >= youden.max() - 1e-12),
    }
    return tuple(
        OperatingPoint(
            name=name,
            threshold=float(thresholds[place]),
            sensitivity=float(sensitivity[place]),
            specificity=float(specificity[place]),
        )
        for name, place in places.items()
    )


def measure_operating_point(point: OperatingPoint, is_tb: ArrayLike, scores: ArrayLike) -> MeasuredPoint:
    """Measure `point` on films: is_tb and scores of shape (n,), of one class or both."""
    confusion = count(is_tb, scores, point.threshold)
    hits, alarms = confusion.true_positive, confusion.false_positive
    cleared, missed = confusion.true_negative, confusion.false_negative
    return MeasuredPoint(
        name=point.name,
        threshold=point.threshold,
        chosen_sensitivity=point.sensitivity,
        chosen_specificity=point.specificity,
        confusion=confusion,
        sensitivity=measure_proportion(hits, hits + missed),
        specificity=measure_proportion(cleared, cleared + alarms),
        ppv=measure_proportion(hits, hits + alarms),
        npv=measure_proportion(cleared, cleared + missed),
    )


def count(is_tb: ArrayLike, scores: ArrayLike, threshold: float) -> Confusion:
    """Return the confusion matrix of films (shape (n,)) at a threshold."""
    truth = np.asarray(is_tb, dtype=bool)
    positive = np.asarray(scores, dtype=np.float64) >= threshold
    return Confusion(
        true_positive=int((positive & truth).sum()),
        false_positive=int((positive & ~truth).sum()),
        true_negative=int((~positive & ~truth).sum()),
        false_negative=int((~positive & truth).sum()),
    )


def _share_from(
    values: NDArray[np.float64], weights: NDArray[np.float64], thresholds: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the weighted share of values at or above each threshold."""
    order = np.argsort(values)
    below = np.concatenate(([0.0], np.cumsum(weights[order])))
    places = np.searchsorted(values[order], thresholds, side="left")
    # Exact ends: rounding of the sums must not turn a share of 1 into one just below a bound.
    shares: NDArray[np.float64] = np.round(1.0 - below[places] / below[-1], 12)
    return shares


def _first(mask: NDArray[np.bool_]) -> int:
    """Return the first true position, or the last position without one (all films of the class score 1)."""
    return int(np.flatnonzero(mask)[0]) if mask.any() else len(mask) - 1


def _last(mask: NDArray[np.bool_]) -> int:
    return int(np.flatnonzero(mask)[-1])
