"""The project's own layers, registered with Keras under "tbscreen". Each only computes.

A layer's name ends in its version. A layer that a bundle was trained with never changes; an improved layer
gets the next number.
"""

from __future__ import annotations

from typing import Any, Final

from domain.bundle.graph_structure import HOUSE_MODULE, HOUSE_PACKAGE
from networks.keras_library import load_keras

keras = load_keras()
ops = keras.ops

LEVELS: Final = 256
SAMPLING: Final = 4


@keras.saving.register_keras_serializable(package=HOUSE_PACKAGE)
class EqualizeHistogram1(keras.layers.Layer):  # type: ignore[misc, name-defined]
    """Histogram equalisation: spreads each film's grey values evenly over 0..1.

    Films that differ by a monotonic change of contrast (detector, window, export) become equal, so that the
    network cannot tell hospitals apart by brightness. The histogram has 256 levels and is taken from every
    fourth row and column.

    Input and output: (n, rows, columns, 1), 0..1.
    """

    __module__ = HOUSE_MODULE

    def call(self, films: Any) -> Any:
        """Return the equalised films."""
        rows, columns = films.shape[1:3]
        films = ops.cast(films, "float32")
        levels = ops.cast(ops.floor(ops.clip(films, 0.0, 1.0) * (LEVELS - 1) + 0.5), "int32")
        sample = ops.reshape(levels[:, ::SAMPLING, ::SAMPLING, :], (-1, _count(rows) * _count(columns)))
        histogram = ops.sum(ops.one_hot(sample, LEVELS, dtype="float32"), axis=1)
        ranks = (ops.cumsum(histogram, axis=1) - 0.5 * histogram) / float(_count(rows) * _count(columns))
        flat = ops.reshape(levels, (-1, rows * columns))
        equalized = ops.take_along_axis(ranks, flat, axis=1)
        return ops.cast(ops.reshape(equalized, (-1, rows, columns, 1)), self.compute_dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return `input_shape`: no pixel moves."""
        return input_shape


@keras.saving.register_keras_serializable(package=HOUSE_PACKAGE)
class LogMeanExpPooling1(keras.layers.Layer):  # type: ignore[misc, name-defined]
    """Log-mean-exp pooling of a map of logits: between mean and maximum, so that one lesion is enough.

    The logarithm of the mean of the exponentials (Pinheiro and Collobert 2015), plus the logarithm of
    `cells`: where one cell in `cells` has a high logit and the others do not count, the film's logit is that
    cell's.

    Input: logits (n, rows, columns, 1). Output: logit (n, 1).
    """

    __module__ = HOUSE_MODULE

    def __init__(self, cells: float = 20.0, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.cells = cells

    def call(self, logits: Any) -> Any:
        """Return one logit per film."""
        rows, columns = logits.shape[1:3]
        flat = ops.cast(ops.reshape(logits, (-1, rows * columns)), "float32")
        pooled = ops.logsumexp(flat, axis=1, keepdims=True)
        return ops.cast(pooled + ops.log(self.cells / (rows * columns)), self.compute_dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return (n, 1)."""
        return (input_shape[0], 1)

    def get_config(self) -> dict[str, Any]:
        """Return the configuration that Keras rebuilds the layer from."""
        return {**super().get_config(), "cells": self.cells}


def _count(length: int) -> int:
    return -(-length // SAMPLING)
