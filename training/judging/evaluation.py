"""Evaluation of a model on test films, beside the trivial baselines.

The trap of mixed collections: where films with and without TB come from different sources, a high AUC may
show only that the model tells the sources apart. So every row is one source, label or subgroup; a figure that
needs both classes is given only where both are present; and the baselines stand in the same row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from domain.bundle.calibration import Calibration, IdentityCalibration, restate
from domain.bundle.manifest import OperatingPoint
from domain.errors import PermanentError
from judging.operating_points import MeasuredPoint, count, measure_operating_point
from judging.statistics import (
    Estimate,
    bin_probabilities,
    bootstrap,
    compute_average_precision,
    compute_brier,
    compute_calibration_error,
    measure_auc,
    measure_auc_difference,
    measure_proportion,
)
from training.films.labelled_film import Label
from training.judging.calibration_fit import apply
from training.judging.scored_films import ScoredFilms

AGE_BANDS: Final = ((0, 15), (15, 25), (25, 45), (45, 65), (65, 200))
ROW_POINTS: Final = ("screening", "rule_in")

Scores = Mapping[str, NDArray[np.float64]]
"""Scores by name of baseline: shape (n,), parallel to the films; NaN where a film was not scored."""


class Figures(BaseModel):
    """Base class of the parts of an evaluation: immutable, with a lossless JSON form."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Row(Figures):
    """Figures of one set of films: AUCs by DeLong, proportions by Wilson, all with 95 % intervals."""

    name: str
    tb: int
    not_tb: int
    seen_in_training: bool = True
    """False when no film of this source was used in training or validation."""
    auc: Estimate | None = None
    """None unless both classes are present."""
    baselines: dict[str, Estimate] = {}
    """AUC of each trivial baseline on the same films."""
    sensitivity: dict[str, Estimate] = {}
    """Sensitivity by name of operating point; empty without films with TB."""
    specificity: dict[str, Estimate] = {}
    """Specificity by name of operating point; empty without films without TB."""


class CalibrationBin(Figures):
    """A non-empty bin of ten bins of calibrated probability."""

    probability: float
    share_of_tb: Estimate
    films: int


class CalibrationFigures(Figures):
    """Calibration of the probabilities, restated for the prevalence among the test films."""

    prevalence: float
    brier: Estimate
    calibration_error: Estimate
    bins: tuple[CalibrationBin, ...]


class Comparison(Figures):
    """Two models on the same test films; the difference by DeLong's paired method."""

    name: str
    tb: int
    not_tb: int
    auc: Estimate
    reference_auc: Estimate
    difference: Estimate
    """AUC less the reference's: worse beyond chance where its upper limit is below 0."""

    @property
    def is_worse(self) -> bool:
        """True when the reference is better and chance does not explain it."""
        return self.difference.high < 0.0


class Evaluation(Figures):
    """All figures of one model on its test films, for the manifest and the report."""

    overall: Row
    average_precision: Estimate | None
    calibration: CalibrationFigures | None
    """None for an untrained bundle and where a class is missing."""
    operating_points: tuple[MeasuredPoint, ...]
    sources: tuple[Row, ...]
    unseen: tuple[Row, ...] = ()
    """Rows of sources that were scored by a network of the same kind, trained without them."""
    labels: tuple[Row, ...]
    subgroups: dict[str, tuple[Row, ...]]
    """Rows by "sex", "age" and "view", as far as known."""
    comparisons: tuple[Comparison, ...] = ()


def evaluate(
    films: ScoredFilms,
    points: Sequence[OperatingPoint],
    calibration: Calibration,
    baselines: Scores | None = None,
    reference_scores: Mapping[str, float] | None = None,
    unseen: Sequence[Row] = (),
) -> Evaluation:
    """Compute every figure on the test films.

    Args:
        films: all n films. Those of part "test" must have scores; of the others only the sources count.
        points: operating points of the bundle, chosen on validation films.
        calibration: calibration of the bundle. Brier score and calibration error are computed after restating
            it for the prevalence among the test films, for which the probabilities then hold.
        baselines: scores of the baselines.
        reference_scores: scores of another bundle by digest, for films that it was not trained on.
        unseen: rows by `describe` of sources that another network was trained without.

    Raises:
        PermanentError: when there is no test film, or a test film has no score.
    """
    here = films.parts == "test"
    test = films.select(here)
    if not len(test):
        raise PermanentError("there are no test films: the model cannot be evaluated")
    if np.isnan(test.scores).any():
        raise PermanentError(f"{int(np.isnan(test.scores).sum())} test films have no score")
    beside = {name: scores[here] for name, scores in (baselines or {}).items()}
    learned = set(films.sources[~here].tolist())
    sources = [
        describe_where(test, test.sources == source, source, points, beside).model_copy(
            update={"seen_in_training": source in learned}
        )
        for source in np.unique(test.sources).tolist()
    ]
    labels = [
        describe_where(test, test.labels == label.value, label.value, points, {})
        for label in Label
        if (test.labels == label.value).any()
    ]
    both = test.is_tb.any() and not test.is_tb.all()
    return Evaluation(
        overall=describe("all test films", test, points, beside),
        average_precision=_measure_average_precision(test) if both else None,
        calibration=_measure_calibration(test, calibration) if both else None,
        operating_points=tuple(measure_operating_point(point, test.is_tb, test.scores) for point in points),
        sources=tuple(sources),
        unseen=tuple(row.model_copy(update={"seen_in_training": False}) for row in unseen),
        labels=tuple(labels),
        subgroups=_describe_subgroups(test, points, beside),
        comparisons=compare(test, reference_scores or {}),
    )


def describe(
    name: str, films: ScoredFilms, points: Sequence[OperatingPoint], baselines: Scores | None = None
) -> Row:
    """Return the row of a set of scored films, such as the films of a source that was left out of training.

    A baseline stands in the row only if it has scored every film of the set.
    """
    truth = films.is_tb
    tb, not_tb = int(truth.sum()), int((~truth).sum())
    beside = {}
    for baseline, scores in (baselines or {}).items():
        if tb and not_tb and not np.isnan(scores).any():
            beside[baseline] = measure_auc(truth, scores)
    row_points = [point for point in points if point.name in ROW_POINTS]
    sensitivity, specificity = {}, {}
    for point in row_points:
        confusion = count(truth, films.scores, point.threshold)
        if hits := measure_proportion(confusion.true_positive, tb):
            sensitivity[point.name] = hits
        if cleared := measure_proportion(confusion.true_negative, not_tb):
            specificity[point.name] = cleared
    return Row(
        name=name,
        tb=tb,
        not_tb=not_tb,
        auc=measure_auc(truth, films.scores) if tb and not_tb else None,
        baselines=beside,
        sensitivity=sensitivity,
        specificity=specificity,
    )


def compare(films: ScoredFilms, reference_scores: Mapping[str, float]) -> tuple[Comparison, ...]:
    """Compare with another model on the films that both have scored: all, and each source with both classes.

    Args:
        films: scored test films.
        reference_scores: scores of the other model by digest.
    """
    reference = np.array([reference_scores.get(digest, np.nan) for digest in films.digests.tolist()])
    shared = ~np.isnan(reference) & ~np.isnan(films.scores)
    sets = {"all test films": shared}
    sets |= {source: shared & (films.sources == source) for source in np.unique(films.sources).tolist()}
    comparisons = []
    for name, mask in sets.items():
        truth, scores, others = films.is_tb[mask], films.scores[mask], reference[mask]
        tb, not_tb = int(truth.sum()), int((~truth).sum())
        if min(tb, not_tb) < 2:
            continue
        comparisons.append(
            Comparison(
                name=name,
                tb=tb,
                not_tb=not_tb,
                auc=measure_auc(truth, scores),
                reference_auc=measure_auc(truth, others),
                difference=measure_auc_difference(truth, scores, others),
            )
        )
    return tuple(comparisons)


def describe_where(
    films: ScoredFilms,
    mask: NDArray[np.bool_],
    name: str,
    points: Sequence[OperatingPoint],
    baselines: Scores,
) -> Row:
    """Return the row of the films that `mask` (shape (n,)) selects, as `describe` does.

    Args:
        films: all n scored films.
        mask: the films of the row.
        name: name of the row.
        points: operating points of the bundle.
        baselines: scores of the baselines, shape (n,), by name.
    """
    beside = {baseline: scores[mask] for baseline, scores in baselines.items()}
    return describe(name, films.select(mask), points, beside)


def _describe_subgroups(
    films: ScoredFilms, points: Sequence[OperatingPoint], baselines: Scores
) -> dict[str, tuple[Row, ...]]:
    """Return rows by sex, age band and view; a property that is known for no film is left out."""
    masks = {
        "sex": {sex: films.sex == sex for sex in np.unique(films.sex).tolist() if sex},
        "age": {_name_band(low, high): (films.ages >= low) & (films.ages < high) for low, high in AGE_BANDS},
        "view": {view: films.views == view for view in np.unique(films.views).tolist() if view},
    }
    rows = {
        kind: tuple(
            describe_where(films, mask, name, points, baselines)
            for name, mask in groups.items()
            if mask.any()
        )
        for kind, groups in masks.items()
    }
    return {kind: members for kind, members in rows.items() if members}


def _name_band(low: int, high: int) -> str:
    if low == 0:
        return f"under {high}"
    return f"{low} and over" if high > 100 else f"{low}–{high - 1}"


def _measure_average_precision(films: ScoredFilms) -> Estimate:
    return bootstrap(compute_average_precision, films.is_tb, films.scores, films.sources)


def _measure_calibration(films: ScoredFilms, calibration: Calibration) -> CalibrationFigures | None:
    if isinstance(calibration, IdentityCalibration):
        return None
    prevalence = float(films.is_tb.mean())
    probabilities = apply(restate(calibration, prevalence), films.scores)
    return CalibrationFigures(
        prevalence=prevalence,
        brier=bootstrap(compute_brier, films.is_tb, probabilities, films.sources),
        calibration_error=bootstrap(compute_calibration_error, films.is_tb, probabilities, films.sources),
        bins=tuple(
            CalibrationBin(probability=mean, share_of_tb=interval, films=number)
            for mean, share, number in bin_probabilities(films.is_tb, probabilities)
            if (interval := measure_proportion(round(share * number), number))
        ),
    )
