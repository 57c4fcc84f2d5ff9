"""The options of a run of `tbscreen retrain`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.bundle.bundle import Bundle
from training.films.film_store import FilmStore
from training.learning.recipe import Architecture

if TYPE_CHECKING:
    from training.judging.evaluation import Row


@dataclass(frozen=True)
class RetrainSettings:
    """The options of a run. All paths exist."""

    cache: Path
    """Folder of derived data: arrays, features, the state of a run."""
    architecture: Architecture = Architecture.DEFAULT
    start: Bundle | None = None
    """A bundle of the same architecture to start from."""
    pretrained: Path | None = None
    """Weights file for `default` (EfficientNet-Lite0) or `vgg16`; None: the usual file."""
    epochs: int | None = None
    """Largest number of epochs; None: that of the recipe. 0, with `start` and `left_out` alone, keeps the
    weights of `start`: only its calibration and thresholds are chosen anew."""
    batch: int = 32
    learning_rate: float | None = None
    seed: int = 42
    precision: str = "auto"
    """A word of `training.learning.precision.Precision`, whose module loads Keras."""
    hold_out: tuple[str, ...] = ()
    """Sources whose films are all test films; the networks without a group do not see them either."""
    test_share: float = 0.2
    validation_share: float = 0.2
    """Share of validation films among all films but the test films; 0, with `left_out` alone, trains with all
    of them and keeps the last epoch."""
    prevalence: float | None = None
    """Prevalence to calibrate for; None: that of the validation films."""
    reference: Callable[[FilmStore, Sequence[int]], Sequence[float]] | None = None
    """Returns the scores of another bundle for the comparison on the same test films; NaN for a film that it
    has seen. None where there is none, or where its weights are those of the run."""
    reference_name: str = "the shipped model"
    reference_left_out: Mapping[str, Any] | None = None
    """Figures of hospitals that the reference's scoring networks never saw, as its manifest has them."""
    go_on: str | None = None
    """Advice that follows a verdict against the network."""
    left_out: tuple[tuple[str, ...], ...] = ()
    """Groups of sources to leave out, one after the other, for the choice of thresholds; empty: validation
    films serve for it."""
    unseen: tuple[Row, ...] = ()
    """Rows of sources that a network of the same kind was trained without, for the report."""

    @property
    def keeps_weights(self) -> bool:
        """True for a run that trains no network but those of left-out hospitals."""
        return self.epochs == 0
