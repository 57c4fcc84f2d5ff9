"""One training of a network, which a killed run resumes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any, Final, Protocol

from domain.errors import PermanentError
from training.films.labelled_film import LabelledFilm
from training.films.split import Part
from training.learning.finished_network import FinishedNetwork
from training.learning.fit import EpochResult, FitProgress, fit
from training.learning.precision import Precision, set_precision
from training.learning.recipe import Recipe, TrainingData
from training.retrain_settings import RetrainSettings

RUNS: Final = "runs"
RECIPE: Final = 5
"""Version of the recipe of the default network: a run never resumes from another recipe's state."""
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


def select(parts: Sequence[Part], wanted: Part) -> list[int]:
    """Return the positions of the films of one part."""
    return [position for position, part in enumerate(parts) if part is wanted]


def train(
    data: TrainingData,
    settings: RetrainSettings,
    precision: Precision,
    folder: Path,
    reporter: Reporter,
    title: str = "",
) -> tuple[FinishedNetwork, list[EpochResult]]:
    """Train a network, or return that of the bundle to start from where its weights are kept.

    Args:
        data: films, arrays, and the films that train and validate.
        settings: settings of the run.
        precision: number format of the computation.
        folder: folder of the state; its name is the key of the run (`identify`).
        reporter: receiver of the progress.
        title: text about the run for the progress, such as " without A, B".

    Raises:
        PermanentError: when the architecture cannot be trained with these settings, initial weights are
            missing, the validation films lack a class, or training does not converge.
    """
    from networks.keras_library import load_keras
    from training.learning.recipes import build_recipe, keep_weights

    if settings.keeps_weights:
        assert settings.start is not None
        reporter.begin(f"loading the network of the bundle {settings.start.digest[:12]}")
        return FinishedNetwork(keep_weights(settings.start, settings.architecture)), []
    if data.validation:
        _check_validation([data.films[position] for position in data.validation])
    reporter.begin(f"preparing the network{title}")
    load_keras().utils.set_random_seed(settings.seed)
    set_precision(precision)
    recipe: Recipe = build_recipe(data, settings, reporter.advance)
    reporter.begin(f"training {settings.architecture.value}{title}, at most {recipe.epochs} epochs")
    history = fit(recipe, data.films, data.validation, folder, folder.name, reporter.train)
    return FinishedNetwork(recipe.finish()), history


def identify(
    films: Sequence[LabelledFilm], parts: Sequence[Part], settings: RetrainSettings, precision: Precision
) -> str:
    """Return the key of a run, so that a run never resumes from the state of another run.

    Sources say how often films are drawn, boxes where their lesions are: others train another network.
    """
    facts: dict[str, Any] = {
        "films": [
            [film.digest, film.label.value, part.value, film.source, list(map(astuple, film.boxes))]
            for film, part in zip(films, parts, strict=True)
        ],
        "recipe": RECIPE,
        "architecture": settings.architecture.value,
        "start": settings.start.digest if settings.start else None,
        "pretrained": str(settings.pretrained),
        "epochs": settings.epochs,
        "batch": settings.batch,
        "learning_rate": settings.learning_rate,
        "seed": settings.seed,
        "precision": precision.value,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


def _check_validation(films: Sequence[LabelledFilm]) -> None:
    """Check before hours of training that the validation films suffice for calibration."""
    tb = sum(film.label.is_tb for film in films)
    if min(tb, len(films) - tb) < FEWEST_VALIDATING:
        raise PermanentError(
            f"{tb} validation films with TB and {len(films) - tb} without: calibration needs "
            f"{FEWEST_VALIDATING} of each. Add films, or choose a larger --validation-share"
        )
