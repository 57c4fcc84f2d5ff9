"""Labelled images to a bundle with its report, in one run.

Split → train → calibrate → choose operating points → evaluate → bundle and report. Validation films serve for
early stopping, and for calibration and the choice of operating points unless left-out hospitals do
(`training.left_out`); test films are scored once, at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from domain.bundle.manifest import OperatingPoint
from judging.operating_points import choose_operating_points
from training.films.film_store import FilmStore
from training.films.labelled_film import LabelledFilm
from training.films.split import Part
from training.judging.baselines import Floats, compute_features, score_baselines, score_groups, score_within
from training.judging.calibration_fit import CalibrationFit, fit_calibration, fit_left_out
from training.judging.comparison import read_seen
from training.judging.evaluation import Evaluation, evaluate
from training.judging.heat_maps import HeatFigures, measure_heat
from training.judging.left_out_figures import (
    LeftOutFigures,
    choose_travelling_points,
    measure_left_out,
    weigh,
)
from training.judging.region_figures import RegionFigures, measure_regions
from training.judging.scored_films import ScoredFilms, gather
from training.judging.verdict import Verdict, compare_left_out, judge_network
from training.learning.finished_network import FinishedNetwork
from training.learning.fit import EpochResult
from training.learning.lite0 import CELL_PIXELS, MARGIN
from training.learning.precision import Precision, choose_precision
from training.learning.recipe import TrainingData
from training.left_out import score_left_out
from training.retrain_settings import RetrainSettings
from training.run_checks import divide
from training.training_run import RUNS, Reporter, identify, select, train


@dataclass(frozen=True)
class Retrained:
    """The result of a run, which `training.writing.retrained_bundle` writes."""

    films: Sequence[LabelledFilm]
    scored: ScoredFilms
    network: FinishedNetwork
    history: Sequence[EpochResult]
    calibration: CalibrationFit
    points: tuple[OperatingPoint, ...]
    evaluation: Evaluation
    verdict: Verdict
    heat: HeatFigures | None
    regions: RegionFigures | None
    precision: Precision
    left_out: LeftOutFigures | None
    """None where validation films chose the operating points."""
    started: datetime
    finished: datetime
    state: Path
    """Folder of the state of the run, from which it resumes until its bundle is written."""


def retrain(
    films: Sequence[LabelledFilm], store: FilmStore, settings: RetrainSettings, reporter: Reporter
) -> Retrained:
    """Train a network and evaluate it.

    A killed run resumes where it was when it is started again with the same films and settings. Its state
    stays on disk until the caller, who writes the bundle, deletes it.

    Args:
        films: all films, without duplicates.
        store: arrays of the films, in the same order.
        settings: settings of the run.
        reporter: receiver of the progress.

    Raises:
        PermanentError: when the films cannot be split or the architecture cannot be trained with these
            settings, when initial weights are missing, or when training does not converge.
    """
    started = datetime.now(UTC)
    parts = divide(films, settings)
    validation, test = select(parts, Part.VALIDATION), select(parts, Part.TEST)
    precision = choose_precision(Precision(settings.precision), settings.architecture)
    left_out = _score_left_out(films, store, settings, precision, reporter)
    data = TrainingData(films, store, select(parts, Part.TRAIN), validation)
    folder = settings.cache / RUNS / identify(films, parts, settings, precision)
    network, history = train(data, settings, precision, folder, reporter)

    reporter.begin("scoring validation and test films")
    judged = [*validation, *test]
    scores = np.full(len(films), np.nan)
    scores[judged] = network.score(store, judged, reporter.advance)
    scored = gather(films, [part.value for part in parts], scores)

    reporter.begin("evaluating")
    features = compute_features(store.read, len(films))
    within = score_within(features, scored.is_tb, scored.sources, seed=settings.seed)
    baselines = {**score_baselines(features, scored.is_tb, scored.parts == Part.TRAIN.value), **within}
    beside = {
        **score_groups(features, scored.is_tb, scored.sources, settings.left_out, settings.hold_out),
        **within,
    }
    calibration, points, figures = _choose(scored, left_out, beside, settings)
    reference = {}
    if settings.reference is not None:
        reference = dict(zip(scored.digests[test].tolist(), settings.reference(store, test), strict=True))
    unseen = (*settings.unseen, *(figures.rows if figures else ()))
    evaluation = evaluate(scored, points, calibration.calibration, baselines, reference, unseen)
    started_from = None if settings.keeps_weights else settings.start
    seen = read_seen(started_from) if started_from is not None else frozenset()
    verdict = judge_network(
        evaluation,
        settings.reference_name,
        len(seen.intersection(scored.digests[test].tolist())),
        settings.go_on and f"with {len(films)} films {settings.go_on}",
        f"bundle {settings.start.digest[:12]}" if settings.start and settings.keeps_weights else None,
        compare_left_out(figures, settings.reference_left_out),
    )
    boxed = [position for position in test if films[position].boxes]
    boxes = [films[position].boxes for position in boxed]
    maps = network.draw_heat(store, boxed)
    heat = measure_heat(maps, boxes, MARGIN, CELL_PIXELS) if maps else None
    present = [place for place in range(len(maps)) if scores[boxed[place]] >= points[0].threshold]
    regions = measure_regions(
        [maps[place] for place in present], [boxes[place] for place in present], MARGIN, CELL_PIXELS
    )
    return Retrained(
        films=films,
        scored=scored,
        network=network,
        history=history,
        calibration=calibration,
        points=points,
        evaluation=evaluation,
        verdict=verdict,
        heat=heat,
        regions=regions,
        precision=precision,
        left_out=figures,
        started=started,
        finished=datetime.now(UTC),
        state=folder,
    )


def _score_left_out(
    films: Sequence[LabelledFilm],
    store: FilmStore,
    settings: RetrainSettings,
    precision: Precision,
    reporter: Reporter,
) -> ScoredFilms | None:
    """Return the films of the groups to leave out with their scores, or None without such groups."""
    if not settings.left_out:
        return None
    scores = score_left_out(films, store, settings, precision, settings.left_out, reporter)
    known = np.flatnonzero(~np.isnan(scores)).tolist()
    return gather([films[place] for place in known], [Part.TEST.value] * len(known), scores[known])


def _choose(
    scored: ScoredFilms,
    left_out: ScoredFilms | None,
    baselines: Mapping[str, Floats],
    settings: RetrainSettings,
) -> tuple[CalibrationFit, tuple[OperatingPoint, ...], LeftOutFigures | None]:
    """Return calibration and operating points, from left-out hospitals where there are any.

    Args:
        scored: all films.
        left_out: the films of the groups to leave out.
        baselines: scores of all films by baselines that were not fitted on a film's group.
        settings: settings of the run.
    """
    if left_out is None:
        chosen = scored.select_part(Part.VALIDATION.value)
        calibration = fit_calibration(chosen.is_tb, chosen.scores, settings.prevalence, settings.seed)
        return calibration, choose_operating_points(chosen.is_tb, chosen.scores), None
    group_of = {source: str(number) for number, group in enumerate(settings.left_out) for source in group}
    groups = [group_of[source] for source in left_out.sources.tolist()]
    weights = weigh(left_out)
    calibration = fit_left_out(left_out.is_tb, left_out.scores, weights, groups, settings.prevalence)
    points = choose_travelling_points(left_out)
    assert calibration.calibration.prevalence is not None
    here = np.isin(scored.sources, list(group_of))
    figures = measure_left_out(
        left_out,
        settings.left_out,
        points,
        calibration.calibration.prevalence,
        {name: values[here] for name, values in baselines.items()},
    )
    return calibration, points, figures
