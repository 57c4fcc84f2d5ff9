"""One training of a network, which a killed run resumes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from domain.errors import PermanentError
from training.films.labelled_film import LabelledFilm
from training.films.split import Part
from training.learning.finished_network import FinishedNetwork
from training.learning.fit import EpochResult, FitProgress, fit
from training.learning.precision import Precision, set_precision
from training.learning.recipe import Recipe, TrainingData
from training.retrain_settings import RetrainSettings

RUNS: Final = "runs"
MEMBER_SEEDS: Final = 1000
RECIPE: Final = 2
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
    """Train a network: the mean of its members, which differ in the films that they draw.

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
    _check_validation([data.films[position] for position in data.validation])
    trained = [
        train_member(data, settings, precision, folder, reporter, title, number)
        for number in range(settings.members)
    ]
    graph, history = trained[0]
    graph.set_weights(
        [
            np.mean(weights, axis=0, dtype=np.float32)
            for weights in zip(*(member.get_weights() for member, _ in trained), strict=True)
        ]
    )
    return FinishedNetwork(graph), history


def train_member(
    data: TrainingData,
    settings: RetrainSettings,
    precision: Precision,
    folder: Path,
    reporter: Reporter,
    title: str,
    number: int,
) -> tuple[Any, list[EpochResult]]:
    """Train a member, number 0 and on, as in `train`; returns its graph and its epochs.

    All members start from the same weights. Trained briefly from there, they stay so near to each other that
    the mean of their weights is as good as the mean of their scores, and costs one network (Wortsman et al.
    2022, "Model soups"; Rame et al. 2022, for hospitals not seen in training).
    """
    import keras

    from training.learning.recipes import build_recipe

    of_many = f", {number + 1} of {settings.members}" if settings.members > 1 else ""
    reporter.begin(f"preparing the network{title}{of_many}")
    keras.utils.set_random_seed(settings.seed)
    set_precision(precision)
    drawn = replace(settings, seed=settings.seed + number * MEMBER_SEEDS)
    recipe: Recipe = build_recipe(data, drawn, reporter.advance)
    reporter.begin(f"training {settings.architecture.value}{title}{of_many}, at most {recipe.epochs} epochs")
    identity = f"{folder.name}-{number}"
    history = fit(recipe, data.films, data.validation, folder / identity, identity, reporter.train)
    return recipe.finish(), history


def identify(
    films: Sequence[LabelledFilm], parts: Sequence[Part], settings: RetrainSettings, precision: Precision
) -> str:
    """Return the key of a run, so that a run never resumes from the state of another run."""
    facts: dict[str, Any] = {
        "films": [
            [film.digest, film.label.value, part.value] for film, part in zip(films, parts, strict=True)
        ],
        "recipe": RECIPE,
        "architecture": settings.architecture.value,
        "start": settings.start.digest if settings.start else None,
        "pretrained": str(settings.pretrained),
        "epochs": settings.epochs,
        "batch": settings.batch,
        "learning_rate": settings.learning_rate,
        "seed": settings.seed,
        "members": settings.members,
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
