"""Mixing of styles among the films of a batch, in training only."""

from __future__ import annotations

from typing import Any, Final

from networks.keras_library import load_keras

keras = load_keras()
ops = keras.ops

MIXED: Final = 0.5
"""Share of the films that take a part of another film's style."""
CONCENTRATION: Final = 0.1
"""Both parameters of the beta distribution that a film's share of its own style is drawn from: mostly near 0
or near 1."""
LEAST_VARIANCE: Final = 1e-6
DRAWS: Final = 5
"""Seed of the draws. All layers of a network draw alike: a film takes the same share of the same other film's
style in each, and half of the films keep their own style throughout."""


class StyleMixing(keras.layers.Layer):  # type: ignore[misc, name-defined]
    """Gives a film's features mean and spread of another film's, in training (MixStyle, Zhou et al. 2021).

    Mean and spread of each channel of the first features carry what a hospital's detector and software give
    to a film. Each film is paired with one of its batch at random; its mean and spread become a mixture of
    both films'. No gradient goes through them. Outside training the features pass unchanged, so that the
    graph of a bundle has no such layer.

    Input and output: (n, rows, columns, channels).
    """

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._random = keras.random.SeedGenerator(DRAWS)

    def call(self, features: Any, training: bool | None = None) -> Any:
        """Return the features, in training with mixed styles."""
        if not training:
            return features
        values = ops.cast(features, "float32")
        count = ops.shape(values)[0]
        mean, spread = (ops.stop_gradient(statistic) for statistic in _measure(values))
        own = keras.random.beta((count, 1, 1, 1), CONCENTRATION, CONCENTRATION, seed=self._random)
        others = keras.random.shuffle(ops.arange(count), seed=self._random)
        mixed_mean = own * mean + (1.0 - own) * ops.take(mean, others, axis=0)
        mixed_spread = own * spread + (1.0 - own) * ops.take(spread, others, axis=0)
        chosen = keras.random.uniform((count, 1, 1, 1), seed=self._random) < MIXED
        mixed = (values - mean) / spread * mixed_spread + mixed_mean
        return ops.cast(ops.where(chosen, mixed, values), self.compute_dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return `input_shape`."""
        return input_shape


def _measure(values: Any) -> tuple[Any, Any]:
    """Return mean and spread of each film's channels, both (n, 1, 1, channels)."""
    mean = ops.mean(values, axis=(1, 2), keepdims=True)
    return mean, ops.sqrt(ops.var(values, axis=(1, 2), keepdims=True) + LEAST_VARIANCE)
