"""Labelled images to a bundle with its report, in one run.

Split → train → calibrate → choose operating points → evaluate → bundle and report. Validation films serve for
early stopping, calibration and the choice of operating points; test films are scored once, at the end.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from domain.bundle.manifest import OperatingPoint
from domain.errors import PermanentError
from judging.operating_points import choose_operating_points
from training.films.film_store import FilmStore
from training.films.labelled_film import LabelledFilm
from training.films.split import Part, split
from training.judging.baselines import compute_features, score_baselines, score_within
from training.judging.calibration_fit import CalibrationFit, fit_calibration
from training.judging.evaluation import Evaluation, evaluate
from training.judging.heat_maps import HeatFigures, measure_heat
from training.judging.scored_films import ScoredFilms, gather
from training.learning.finished_network import FinishedNetwork
from training.learning.fit import EpochResult, FitProgress, fit
from training.learning.lite0 import CELL_PIXELS, MARGIN
from training.learning.precision import Precision, choose_precision, set_precision
from training.learning.recipe import Recipe, TrainingData
from training.retrain_settings import RetrainSettings

RUNS: Final = "runs"
FEWEST_VALIDATING: Final = 2
"""Minimum number of validation films of each class, as in `training.judging.calibration_fit`."""


class Reporter(Protocol):
    """Receiver of the progress of a run."""

    def begin(self, stage: str) -> None:
        """Report the start of a stage."""

    def advance(self, done: int, total: int) -> None:
        """Report the progress within the stage."""

    def train(self, event: FitProgress | EpochResult) -> None:
        """Report the end of a batch or an epoch."""


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
    heat: HeatFigures | None
    precision: Precision
    started: datetime
    finished: datetime


def retrain(
    films: Sequence[LabelledFilm], store: FilmStore, settings: RetrainSettings, reporter: Reporter
) -> Retrained:
    """Train a network and evaluate it.

    A killed run resumes where it was when it is started again with the same films and settings.

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
    parts = split(
        films,
        seed=settings.seed,
        test_share=settings.test_share,
        validation_share=settings.validation_share,
        hold_out=settings.hold_out,
    )
    train, validation, test = (
        [position for position, part in enumerate(parts) if part is wanted]
        for wanted in (Part.TRAIN, Part.VALIDATION, Part.TEST)
    )
    _check_validation([films[position] for position in validation])
    precision = choose_precision(settings.precision)
    data = TrainingData(films, store, train, validation)
    folder = settings.cache / RUNS / _identify(films, parts, settings, precision)[:32]
    network, history = _train(data, settings, precision, folder, reporter)

    reporter.begin("scoring validation and test films")
    judged = [*validation, *test]
    scores = np.full(len(films), np.nan)
    scores[judged] = network.score(store, judged, reporter.advance)
    scored = gather(films, [part.value for part in parts], scores)
    chosen = scored.select_part(Part.VALIDATION.value)
    calibration = fit_calibration(chosen.is_tb, chosen.scores, settings.prevalence, settings.seed)
    points = choose_operating_points(chosen.is_tb, chosen.scores)

    reporter.begin("evaluating")
    features = compute_features(store.read, len(films))
    baselines = {
        **score_baselines(features, scored.is_tb, scored.parts == Part.TRAIN.value),
        **score_within(features, scored.is_tb, scored.sources, seed=settings.seed),
    }
    reference = {}
    if settings.reference is not None:
        reference = dict(zip(scored.digests[test].tolist(), settings.reference(store, test), strict=True))
    evaluation = evaluate(scored, points, calibration.calibration, baselines, reference, settings.unseen)
    boxed = [position for position in test if films[position].boxes]
    boxes = [films[position].boxes for position in boxed]
    maps = network.draw_heat(store, boxed)
    heat = measure_heat(maps, boxes, MARGIN, CELL_PIXELS) if maps else None
    shutil.rmtree(folder, ignore_errors=True)
    return Retrained(
        films=films,
        scored=scored,
        network=network,
        history=history,
        calibration=calibration,
        points=points,
        evaluation=evaluation,
        heat=heat,
        precision=precision,
        started=started,
        finished=datetime.now(UTC),
    )


def _train(
    data: TrainingData, settings: RetrainSettings, precision: Precision, folder: Path, reporter: Reporter
) -> tuple[FinishedNetwork, list[EpochResult]]:
    import keras

    from training.learning.recipes import build_recipe

    reporter.begin("preparing the network")
    keras.utils.set_random_seed(settings.seed)
    set_precision(precision)
    recipe: Recipe = build_recipe(data, settings, reporter.advance)
    reporter.begin(f"training {settings.architecture.value}, at most {recipe.epochs} epochs")
    history = fit(recipe, data.films, data.validation, folder, folder.name, reporter.train)
    return FinishedNetwork(recipe.finish()), history


def _check_validation(films: Sequence[LabelledFilm]) -> None:
    """Check before hours of training that the validation films suffice for calibration."""
    tb = sum(film.label.is_tb for film in films)
    if min(tb, len(films) - tb) < FEWEST_VALIDATING:
        raise PermanentError(
            f"{tb} validation films with TB and {len(films) - tb} without: calibration needs "
            f"{FEWEST_VALIDATING} of each. Add films, or choose a larger --validation-share"
        )


def _identify(
    films: Sequence[LabelledFilm], parts: Sequence[Part], settings: RetrainSettings, precision: Precision
) -> str:
    """Return the key of a run, a SHA-256, so that a run never resumes from the state of another run."""
    facts: dict[str, Any] = {
        "films": [
            [film.digest, film.label.value, part.value] for film, part in zip(films, parts, strict=True)
        ],
        "architecture": settings.architecture.value,
        "start": settings.start.digest if settings.start else None,
        "pretrained": str(settings.pretrained),
        "epochs": settings.epochs,
        "batch": settings.batch,
        "learning_rate": settings.learning_rate,
        "seed": settings.seed,
        "precision": precision.value,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
