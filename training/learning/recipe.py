"""What a way of training has to offer, so that one loop serves all architectures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from training.films.film_store import FilmStore
from training.films.labelled_film import LabelledFilm


class Architecture(StrEnum):
    """The networks that `tbscreen retrain` builds."""

    DEFAULT = "default"
    SCRATCH = "scratch"
    VGG16 = "vgg16"


@dataclass(frozen=True)
class TrainingData:
    """All films with their arrays, and which of them train."""

    films: Sequence[LabelledFilm]
    store: FilmStore
    """Their arrays, in the same order."""
    train: Sequence[int]
    """Positions of the films that train."""
    validation: Sequence[int]


@dataclass(frozen=True)
class RecipeSettings:
    """What the person who trains may choose."""

    epochs: int | None = None
    """None: the architecture's own number."""
    batch: int = 32
    seed: int = 42
    learning_rate: float | None = None
    cache: Path = Path()
    """For what is computed once, such as features."""


class Recipe(Protocol):
    """A network and how it learns. Made once per run; holds the network."""

    epochs: int
    batch: int
    batches: int
    """Per epoch."""
    model: Any
    """The compiled keras.Model that `fit` is called on."""

    def make_epoch(self, epoch: int) -> Any:
        """Return the batches of one epoch (keras.utils.PyDataset), the same for the same epoch."""
        ...

    def score(self, positions: Sequence[int]) -> npt.NDArray[np.float64]:
        """Return the score (n,), 0..1, that the network in its present state gives films."""
        ...

    def finish(self) -> Any:
        """Return the graph of a bundle with the present weights: (n, 256, 256, 1) to scores."""
        ...
