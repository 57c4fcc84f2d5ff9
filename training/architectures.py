"""The networks. Each takes float32 (n, 256, 256, 1) in 0..1 and does its own last step of preprocessing."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
from keras import layers

INPUT_SHAPE = (256, 256, 1)


def build_default() -> Any:
    """Return the default network: small residual blocks of separable convolutions.

    80,353 weights, against `scratch`'s 119 million.

    Returns:
        keras.Model, (n, 256, 256, 1) to (n, 1): a sigmoid, 0..1.
    """
    films = keras.Input(INPUT_SHAPE, name="film")
    x = layers.Rescaling(2.0, offset=-1.0, name="to_minus_one_to_one")(films)
    x = _convolve(x, 16, stride=2, name="stem")
    for number, filters in enumerate((32, 64, 96, 128), start=1):
        shortcut = layers.Conv2D(filters, 1, strides=2, use_bias=False, name=f"block{number}_shortcut")(x)
        x = _separate(x, filters, stride=2, name=f"block{number}_a")
        x = _separate(x, filters, stride=1, name=f"block{number}_b")
        x = layers.Add(name=f"block{number}_add")([x, shortcut])
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(0.3, name="dropout")(x)
    tuberculosis = layers.Dense(1, activation="sigmoid", name="tuberculosis")(x)
    return keras.Model(films, tuberculosis, name="tbscreen_default")


def _convolve(x: Any, filters: int, stride: int, name: str) -> Any:
    x = layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False, name=f"{name}_conv")(x)
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _separate(x: Any, filters: int, stride: int, name: str) -> Any:
    x = layers.SeparableConv2D(
        filters, 3, strides=stride, padding="same", use_bias=False, name=f"{name}_conv"
    )(x)
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
