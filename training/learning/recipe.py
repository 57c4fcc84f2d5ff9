"""The interface of a training recipe, so that one loop serves all architectures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
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
    """All films with their arrays, and the positions of training and validation films."""

    films: Sequence[LabelledFilm]
    store: FilmStore
    """Arrays of the films, in the same order."""
    train: Sequence[int]
    """Positions of the training films."""
    validation: Sequence[int]


class Recipe(Protocol):
    """A network with its training. Made once per run; holds the network."""

    epochs: int
    batch: int
    batches: int
    """Batches per epoch."""
    model: Any
    """The compiled keras.Model that `fit` is called on."""

    def make_epoch(self, epoch: int) -> Any:
        """Return the batches of one epoch (keras.utils.PyDataset), the same for the same epoch."""
        ...

    def score(self, positions: Sequence[int]) -> npt.NDArray[np.float64]:
        """Return the scores (n,), 0..1, of films by the network in its present state."""
        ...

    def finish(self) -> Any:
        """Return the graph of a bundle with the present weights: (n, 256, 256, 1) to scores."""
        ...
