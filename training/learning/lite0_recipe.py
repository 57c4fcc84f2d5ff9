"""Training of the default network: few steps, averaged weights, balanced and augmented films."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from networks.keras_library import load_keras
from training.learning.film_sampler import FilmSampler
from training.learning.lite0 import CELLS, build_lite0, finish, load_imagenet
from training.learning.recipe import TrainingData
from training.retrain_settings import RetrainSettings

keras = load_keras()
ops = keras.ops

EPOCHS: Final = 6
LEARNING_RATE: Final = 2e-4
WARM_UP_STEPS: Final = 60
WEIGHT_DECAY: Final = 1e-4
AVERAGING: Final = 0.99
"""Momentum of the moving average of the weights; the averaged weights are evaluated and shipped."""
CELL_LOSS: Final = 2.0
LESION_WEIGHT: Final = 4.0
BATCHES: Final = 60
"""Maximum number of batches an epoch; an epoch never draws more films than there are."""
SCORING_BATCH: Final = 32


class Lite0Recipe:
    """The training of the default network.

    Args:
        data: films and arrays.
        settings: epochs, batch, seed, learning rate.
        start: weights file of EfficientNet-Lite0 on ImageNet, or None to keep the weights of `model`.
        model: a network of `build_lite0(mixes_styles=True)` to continue with; None builds one.
    """

    def __init__(
        self, data: TrainingData, settings: RetrainSettings, start: Path | None, model: Any = None
    ) -> None:
        self.epochs = settings.epochs or EPOCHS
        self.batch = settings.batch
        self.batches = min(BATCHES, math.ceil(len(data.train) / settings.batch))
        self._data, self._seed = data, settings.seed
        self.model = build_lite0(mixes_styles=True) if model is None else model
        if start is not None:
            load_imagenet(self.model, start)
        self._graph = finish(self.model)
        steps = self.epochs * self.batches
        rate = settings.learning_rate or LEARNING_RATE
        warm_up = min(WARM_UP_STEPS, max(1, steps // 4))
        self._optimizer = keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(
                0.0, max(1, steps - warm_up), warmup_target=rate, warmup_steps=warm_up
            ),
            weight_decay=WEIGHT_DECAY,
            clipnorm=1.0,
            use_ema=True,
            ema_momentum=AVERAGING,
        )
        self.model.compile(
            self._optimizer,
            {"tuberculosis": keras.losses.BinaryCrossentropy(from_logits=True), "cells": weigh_cells},
            loss_weights={"tuberculosis": 1.0, "cells": CELL_LOSS},
        )
        # Otherwise TensorFlow traces the step twice, which takes seconds: the second time with the variables
        # that the first one has made, of the optimizer and of the mean of each loss.
        self._optimizer.build(self.model.trainable_variables)
        outputs = {name: ops.zeros((1, *output.shape[1:])) for name, output in self.model.output.items()}
        self.model.compute_loss(None, outputs, outputs)
        self.model.reset_metrics()

    def make_epoch(self, epoch: int) -> FilmSampler:
        """Return the batches of one epoch."""
        return FilmSampler(
            self._data.films,
            self._data.store,
            self._data.train,
            batch=self.batch,
            batches=self.batches,
            seed=self._seed,
            epoch=epoch,
        )

    def score(self, positions: Sequence[int]) -> npt.NDArray[np.float64]:
        """Return the scores (n,), 0..1, of the averaged weights."""
        with _AveragedWeights(self.model, self._optimizer):
            scores = [
                self._graph.predict_on_batch(
                    self._data.store.read(positions[first : first + SCORING_BATCH])[..., np.newaxis]
                )[0][:, 0]
                for first in range(0, len(positions), SCORING_BATCH)
            ]
        return np.concatenate(scores).astype(np.float64) if scores else np.empty(0)

    def finish(self) -> Any:
        """Return the graph of a bundle with the averaged weights."""
        finished = finish(build_lite0())
        with _AveragedWeights(self.model, self._optimizer):
            for layer in finished.layers:
                if layer.weights:
                    layer.set_weights(self.model.get_layer(layer.name).get_weights())
        return finished


class _AveragedWeights:
    """Context in which the network has the moving average of its weights."""

    def __init__(self, model: Any, optimizer: Any) -> None:
        self._model, self._optimizer = model, optimizer

    def __enter__(self) -> None:
        self._learning = [ops.convert_to_numpy(variable) for variable in self._model.trainable_variables]
        if int(ops.convert_to_numpy(self._optimizer.iterations)):
            self._optimizer.finalize_variable_values(self._model.trainable_variables)

    def __exit__(self, *_: object) -> None:
        for variable, value in zip(self._model.trainable_variables, self._learning, strict=True):
            variable.assign(value)


def weigh_cells(target: Any, logits: Any) -> Any:
    """Return the binary cross-entropy of the known cells; a lesion counts five times.

    Args:
        target: (n, 14, 14, 1): 1 for lesion, 0 for no lesion, below 0 for unknown.
        logits: (n, 14, 14, 1).

    Returns:
        (n,): the sum over the known cells divided by the number of all cells.
    """
    logits = ops.cast(logits, "float32")
    known = ops.cast(target >= 0.0, "float32")
    lesion = ops.maximum(ops.cast(target, "float32"), 0.0)
    loss = ops.maximum(logits, 0.0) - logits * lesion + ops.log1p(ops.exp(-ops.abs(logits)))
    return ops.sum(known * (1.0 + LESION_WEIGHT * lesion) * loss, axis=(1, 2, 3)) / CELLS**2
