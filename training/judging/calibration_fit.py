"""Chooses how a bundle turns scores into probabilities: Platt's or isotonic, by cross-validation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from domain.bundle.calibration import Calibration, IsotonicCalibration, PlattCalibration, restate
from domain.errors import PermanentError
from judging.statistics import compute_brier, compute_calibration_error

FOLDS: Final = 5
CLIP: Final = 1e-7
"""As `domain.bundle.calibration` clips a score before it takes the logit."""

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Candidate(BaseModel):
    """One way of calibrating, judged on films that it was not fitted on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    brier: float
    calibration_error: float


class CalibrationFit(BaseModel):
    """The chosen calibration and the figures that chose it (five-fold, out of fold, validation films)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    calibration: Calibration
    candidates: tuple[Candidate, ...]
    films: int
    folds: int
    validation_prevalence: float
    """Share of TB of the validation films, for which the candidates were judged."""


def fit_calibration(
    is_tb: ArrayLike, scores: ArrayLike, prevalence: float | None = None, seed: int = 42
) -> CalibrationFit:
    """Fit both on validation films and keep the one with the lower cross-validated Brier score.

    Platt's wins a tie, having two parameters. It is no candidate where its slope does not rise, as with a
    network that has learned nothing.

    Args:
        is_tb: shape (n,), bool.
        scores: shape (n,), raw scores 0..1.
        prevalence: what the probabilities shall hold for, between 0 and 1; None: that of these films.
        seed: of the folds.

    Raises:
        PermanentError: with fewer than two films of a class, or for a prevalence of 0 or 1.
    """
    truth, values = np.asarray(is_tb, dtype=bool), np.asarray(scores, dtype=np.float64)
    fewest = int(min(truth.sum(), (~truth).sum()))
    if fewest < 2:
        raise PermanentError(
            f"{int(truth.sum())} validation films with TB and {int((~truth).sum())} without: "
            "two of each are needed to calibrate; add films"
        )
    folds = StratifiedKFold(min(FOLDS, fewest), shuffle=True, random_state=seed)
    fits: dict[str, Callable[[Mask, Floats], Calibration | None]] = {
        "platt": fit_platt,
        "isotonic": fit_isotonic,
    }
    fitted = {method: fit(truth, values) for method, fit in fits.items()}
    candidates = []
    for method, calibration in fitted.items():
        probabilities = np.empty_like(values)
        for learned, judged in folds.split(values[:, None], truth):
            of_fold = fits[method](truth[learned], values[learned])
            probabilities[judged] = apply(of_fold, values[judged]) if of_fold else truth[learned].mean()
        if calibration is not None:
            brier = compute_brier(truth, probabilities)
            error = compute_calibration_error(truth, probabilities)
            candidates.append(Candidate(method=method, brier=brier, calibration_error=error))
    best = fitted[min(candidates, key=lambda candidate: candidate.brier).method]
    assert best is not None
    return CalibrationFit(
        calibration=best if prevalence is None else restate(best, prevalence),
        candidates=tuple(candidates),
        films=len(values),
        folds=folds.get_n_splits(),
        validation_prevalence=float(truth.mean()),
    )


def fit_platt(is_tb: Mask, scores: Floats) -> PlattCalibration | None:
    """Fit a logistic regression on the score's logit; None where it does not rise with the score.

    Truth is (n+ + 1) / (n+ + 2) for TB and 1 / (n- + 2) for others (Platt 1999), so that a perfect separation
    does not claim certainty.
    """
    clipped = np.clip(scores, CLIP, 1 - CLIP)
    logits = np.log(clipped / (1 - clipped))[:, None]
    of_tb, of_others = int(is_tb.sum()), int((~is_tb).sum())
    target = np.where(is_tb, (of_tb + 1) / (of_tb + 2), 1 / (of_others + 2))
    model = LogisticRegression(C=1e10, tol=1e-8, max_iter=1000)
    classes = np.repeat((1, 0), len(scores))
    model.fit(np.vstack((logits, logits)), classes, sample_weight=np.concatenate((target, 1 - target)))
    slope = float(model.coef_[0, 0])
    if slope <= 1e-6:
        return None
    prevalence = float(is_tb.mean())
    return PlattCalibration(slope=slope, intercept=float(model.intercept_[0]), prevalence=prevalence)


def fit_isotonic(is_tb: Mask, scores: Floats) -> IsotonicCalibration:
    """Fit a rising line: pool adjacent violators, one knot at the mean score of each pool.

    Between pools the line rises, so that no two scores get the same probability and the worklist keeps their
    order (centred isotonic regression, Oron and Flournoy 2017); beyond the outermost it goes half way to 0
    and 1. A single pool, of a network that learned nothing, is level. The pools are kept off 0 and 1 by
    1 / (n + 2): no number of films proves that the next one cannot be otherwise, and odds of 0 could not be
    restated for another prevalence.
    """
    least = 1 / (len(scores) + 2)
    model = IsotonicRegression(y_min=least, y_max=1 - least, out_of_bounds="clip")
    fitted = model.fit_transform(scores, is_tb.astype(np.float64))
    heights, pool = np.unique(fitted, return_inverse=True)
    knots = np.bincount(pool, scores) / np.bincount(pool)
    if len(knots) == 1:
        knots, heights = np.array((0.0, 1.0)), np.repeat(heights, 2)
    if knots[0] > 0.0:
        knots, heights = np.append(0.0, knots), np.append(heights[0] / 2, heights)
    if knots[-1] < 1.0:
        knots, heights = np.append(knots, 1.0), np.append(heights, (1 + heights[-1]) / 2)
    return IsotonicCalibration(
        scores=tuple(knots.tolist()),
        probabilities=tuple(heights.tolist()),
        prevalence=float(is_tb.mean()),
    )


def apply(calibration: Calibration, scores: ArrayLike) -> Floats:
    """Return the probabilities of scores, shape (n,), by the same code that serves."""
    return np.array([calibration.apply(score) for score in np.asarray(scores, dtype=np.float64).tolist()])
