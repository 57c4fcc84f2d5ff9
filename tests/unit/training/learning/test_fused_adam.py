from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from training.learning.fused_adam import FusedAdam


def train(optimizer: Any) -> list[np.ndarray[Any, Any]]:
    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1)]
    )
    model.compile(optimizer, "mean_squared_error")
    optimizer.build(model.trainable_variables)
    inputs = np.random.default_rng(1).normal(size=(8, 3)).astype(np.float32)
    for _ in range(20):
        model.train_on_batch(inputs, inputs[:, :1] * 2)
    return [*model.get_weights(), *(np.asarray(variable) for variable in optimizer.variables)]


def test_its_weights_and_moments_are_those_of_keras() -> None:
    for fused, plain in zip(train(FusedAdam(0.01)), train(keras.optimizers.Adam(0.01)), strict=True):
        assert fused == pytest.approx(plain, rel=1e-4, abs=1e-6)
