"""The choices of the person who retrains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from domain.bundle.bundle import Bundle
from training.films.film_store import FilmStore
from training.judging.evaluation import Row
from training.learning.precision import Precision
from training.learning.recipe import Architecture


@dataclass(frozen=True)
class RetrainSettings:
    """What the person who retrains chooses. Paths exist."""

    cache: Path
    """For what can be made again: arrays, features, the state of a run."""
    architecture: Architecture = Architecture.DEFAULT
    start: Bundle | None = None
    """A bundle of the same architecture to go on from."""
    pretrained: Path | None = None
    """Weights file for `default` (EfficientNet-Lite0) or `vgg16`; None: where they are usually found."""
    epochs: int | None = None
    batch: int = 32
    learning_rate: float | None = None
    seed: int = 42
    precision: Precision = Precision.AUTO
    hold_out: tuple[str, ...] = ()
    """Sources that neither train nor validate: all their films test."""
    test_share: float = 0.2
    validation_share: float = 0.2
    """Of what does not test."""
    prevalence: float | None = None
    """Share of TB among those who will be screened, for the calibrated percentage; None: as in the films."""
    reference: Callable[[FilmStore, Sequence[int]], Sequence[float]] | None = None
    """Scores of another bundle, to compare with on the same test films."""
    unseen: tuple[Row, ...] = ()
    """Of sources that a network of the same kind was trained without, for the report."""
