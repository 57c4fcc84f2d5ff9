"""The choice of a bundle's calibration, Platt or isotonic, by cross-validation."""

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
"""The bound by which `domain.bundle.calibration` clips a score before the logit."""

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Candidate(BaseModel):
    """One calibration method, measured on films that it was not fitted on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    brier: float
    calibration_error: float


class CalibrationFit(BaseModel):
    """The chosen calibration and the out-of-fold figures on validation films that decided the choice."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    calibration: Calibration
    candidates: tuple[Candidate, ...]
    films: int
    folds: int
    validation_prevalence: float
    """Prevalence among the validation films, at which the candidates were measured."""


def fit_calibration(
    is_tb: ArrayLike, scores: ArrayLike, prevalence: float | None = None, seed: int = 42
) -> CalibrationFit:
    """Fit both methods on validation films and keep the one with the lower cross-validated Brier score.

    Platt scaling wins a tie, since it has only two parameters. It is no candidate where its slope is not
    positive, as for a network that has learned nothing.

    Args:
        is_tb: shape (n,), bool.
        scores: shape (n,), raw scores 0..1.
        prevalence: the prevalence to calibrate for, between 0 and 1; None: that of these films.
        seed: seed of the folds.

    Raises:
        PermanentError: with fewer than two films of a class, or for a prevalence of 0 or 1.
    """
    truth, values = np.asarray(is_tb, dtype=bool), np.asarray(scores, dtype=np.float64)
    fewest = int(min(truth.sum(), (~truth).sum()))
    if fewest < 2:
        raise PermanentError(
            f"{int(truth.sum())} validation films with TB and {int((~truth).sum())} without: "
            "calibration needs two of each; add films"
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


def fit_left_out(
    is_tb: ArrayLike,
    scores: ArrayLike,
    weights: ArrayLike,
    groups: ArrayLike,
    prevalence: float | None = None,
) -> CalibrationFit:
    """Fit Platt scaling on films of left-out hospitals.

    Isotonic regression is no candidate: its steps would follow single hospitals. Brier score and calibration
    error are those of each group by the fit on the others.

    Args:
        is_tb: shape (n,), bool, with both classes.
        scores: shape (n,), raw scores 0..1, each by a network that did not see the film's group.
        weights: shape (n,), the weight of each film.
        groups: shape (n,), the group of each film.
        prevalence: the prevalence to calibrate for, between 0 and 1; None: that of these films, weighted.

    Raises:
        PermanentError: when the scores do not rise with TB, or for a prevalence of 0 or 1.
    """
    truth, values = np.asarray(is_tb, dtype=bool), np.asarray(scores, dtype=np.float64)
    counted, names = np.asarray(weights, dtype=np.float64), np.asarray(groups)
    fitted = fit_platt(truth, values, counted)
    if fitted is None:
        raise PermanentError(
            "at the left-out hospitals a film with TB scores no higher than others: the network has learned "
            "nothing that travels. Add films of hospitals with both classes"
        )
    probabilities = np.empty_like(values)
    for name in np.unique(names).tolist():
        judged = names == name
        of_others = fit_platt(truth[~judged], values[~judged], counted[~judged])
        probabilities[judged] = apply(of_others or fitted, values[judged])
    return CalibrationFit(
        calibration=fitted if prevalence is None else restate(fitted, prevalence),
        candidates=(
            Candidate(
                method="platt",
                brier=compute_brier(truth, probabilities),
                calibration_error=compute_calibration_error(truth, probabilities),
            ),
        ),
        films=len(values),
        folds=len(np.unique(names)),
        validation_prevalence=float(truth.mean()),
    )


def fit_platt(is_tb: Mask, scores: Floats, weights: Floats | None = None) -> PlattCalibration | None:
    """Fit a logistic regression on the logit of the score.

    Returns None when its slope is not positive or a class is missing. The targets are (n+ + 1) / (n+ + 2)
    for TB and 1 / (n- + 2) for others (Platt 1999), so that a perfect separation does not claim certainty.
    """
    clipped = np.clip(scores, CLIP, 1 - CLIP)
    logits = np.log(clipped / (1 - clipped))[:, None]
    of_tb, of_others = int(is_tb.sum()), int((~is_tb).sum())
    if not of_tb or not of_others:
        return None
    counted = np.ones(len(scores)) if weights is None else weights / weights.mean()
    target = np.where(is_tb, (of_tb + 1) / (of_tb + 2), 1 / (of_others + 2))
    model = LogisticRegression(C=1e10, tol=1e-8, max_iter=1000)
    classes = np.repeat((1, 0), len(scores))
    shares = np.concatenate((target * counted, (1 - target) * counted))
    model.fit(np.vstack((logits, logits)), classes, sample_weight=shares)
    slope = float(model.coef_[0, 0])
    if slope <= 1e-6:
        return None
    prevalence = float(np.average(is_tb, weights=counted))
    return PlattCalibration(slope=slope, intercept=float(model.intercept_[0]), prevalence=prevalence)


def fit_isotonic(is_tb: Mask, scores: Floats) -> IsotonicCalibration:
    """Fit a centred isotonic regression: pool adjacent violators, with one knot at each pool's mean score.

    Between pools the line rises, so that different scores get different probabilities and the worklist keeps
    their order (Oron and Flournoy 2017); beyond the outermost pools it goes half way to 0 and 1. A single
    pool, from a network that learned nothing, gives a constant. The pools keep a distance of 1 / (n + 2) from
    0 and 1: no number of films proves that the next one cannot differ, and odds of 0 could not be restated
    for another prevalence.
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
    """Return the probabilities of scores, shape (n,), by the code that the worker uses."""
    return np.array([calibration.apply(score) for score in np.asarray(scores, dtype=np.float64).tolist()])
