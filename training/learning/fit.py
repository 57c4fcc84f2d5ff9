"""The loop over epochs, with early stopping on validation AUC, best weights kept, and resume after a kill."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from domain.errors import PermanentError
from judging.statistics import measure_auc
from networks.keras_library import load_keras
from training.films.labelled_film import LabelledFilm
from training.learning.recipe import Recipe

keras = load_keras()

STATE: Final = "state.json"
LATEST: Final = "latest.weights.h5"
BEST: Final = "best.weights.h5"
PATIENCE: Final = 3


@dataclass(frozen=True)
class EpochResult:
    """The result of one epoch. Seconds are wall-clock."""

    epoch: int
    """Number of the epoch, from 1."""
    loss: float
    validation_auc: float | None
    """None without validation films."""
    seconds: float
    best: bool


@dataclass(frozen=True)
class FitProgress:
    """The progress of a training."""

    epoch: int
    """Number of the epoch, from 1."""
    epochs: int
    batch: int
    batches: int
    loss: float


Report = Callable[[FitProgress | EpochResult], None]


def fit(
    recipe: Recipe,
    films: Sequence[LabelledFilm],
    validation: Sequence[int],
    folder: Path,
    identity: str,
    report: Report,
) -> list[EpochResult]:
    """Train the network of a recipe, and leave it with the weights of its best epoch.

    Training ends when `PATIENCE` epochs brought no better validation AUC, or after the last epoch. Without
    validation films the last epoch is the best. The state is written after each epoch; a call with the same
    folder and identity resumes there.

    Args:
        recipe: the network and its batches.
        films: all films.
        validation: positions of the validation films, with both classes, or none.
        folder: folder of the state.
        identity: key of the run (data, settings, seed); the state of another run is not used.
        report: called after each batch and each epoch.

    Raises:
        PermanentError: when the loss is not a number.
    """
    folder.mkdir(parents=True, exist_ok=True)
    is_tb = np.array([films[position].label.is_tb for position in validation])
    history = _resume(recipe, folder, identity)
    for epoch in range(len(history), recipe.epochs):
        if _is_exhausted(history):
            break
        started = time.monotonic()
        watcher = _BatchWatcher(epoch + 1, recipe, report)
        batches = recipe.make_epoch(epoch)  # already in random order, which a resumed run repeats
        fitted = recipe.model.fit(batches, epochs=1, verbose=0, shuffle=False, callbacks=[watcher])
        loss = float(fitted.history["loss"][-1])
        if not np.isfinite(loss):
            raise PermanentError(
                f"the loss of epoch {epoch + 1} is not a number; try a lower --learning-rate"
            )
        auc = measure_auc(is_tb, recipe.score(validation)).value if len(is_tb) else None
        best = auc is None or all(auc > (earlier.validation_auc or 0.0) for earlier in history)
        history.append(EpochResult(epoch + 1, loss, auc, time.monotonic() - started, best))
        _save(recipe, folder, identity, history)
        report(history[-1])
    recipe.model.load_weights(folder / _name_file(BEST, _find_best(history)))
    return history


def _is_exhausted(history: Sequence[EpochResult]) -> bool:
    return bool(history) and history[-1].epoch - _find_best(history) >= PATIENCE


def _find_best(history: Sequence[EpochResult]) -> int:
    return max(result.epoch for result in history if result.best)


def _name_file(kind: str, epoch: int) -> str:
    return f"epoch-{epoch}-{kind}"


def _resume(recipe: Recipe, folder: Path, identity: str) -> list[EpochResult]:
    path = folder / STATE
    if not path.is_file():
        return []
    state = json.loads(path.read_text("utf-8"))
    if state["identity"] != identity:
        return []
    history = [EpochResult(**result) for result in state["history"]]
    if not recipe.model.optimizer.built:  # the file can only fill existing variables
        recipe.model.optimizer.build(recipe.model.trainable_variables)
    recipe.model.load_weights(folder / _name_file(LATEST, history[-1].epoch))
    return history


def _save(recipe: Recipe, folder: Path, identity: str, history: Sequence[EpochResult]) -> None:
    """Write the weights, then the state that names them; a kill in between leaves the previous epoch."""
    epoch, best = history[-1].epoch, _find_best(history)
    latest = folder / _name_file(LATEST, epoch)
    recipe.model.save_weights(latest)
    if history[-1].best:
        (folder / _name_file(BEST, epoch)).unlink(missing_ok=True)
        (folder / _name_file(BEST, epoch)).hardlink_to(latest)  # the same file: `scratch` writes 1.4 GB
    state = {"identity": identity, "history": [asdict(result) for result in history]}
    new = folder / f"{STATE}.new"
    new.write_text(json.dumps(state, indent=2), "utf-8")
    os.replace(new, folder / STATE)  # noqa: PTH105  the atomic one
    kept = {_name_file(LATEST, epoch), _name_file(BEST, best)}
    for stale in folder.glob("epoch-*.weights.h5"):
        if stale.name not in kept:
            stale.unlink()


class _BatchWatcher(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
    """Reports the progress of an epoch."""

    def __init__(self, epoch: int, recipe: Recipe, report: Report) -> None:
        super().__init__()
        self._epoch, self._recipe, self._report = epoch, recipe, report

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Report one batch."""
        loss = float((logs or {}).get("loss", float("nan")))
        self._report(FitProgress(self._epoch, self._recipe.epochs, batch + 1, self._recipe.batches, loss))
