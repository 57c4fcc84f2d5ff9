"""A loaded network: arrays in, scores out. It knows its runtime by what that does, and imports none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import numpy as np
import numpy.typing as npt

from domain.array.normalization import SPEC
from domain.bundle.bundle import Bundle

Scores = npt.NDArray[np.float64]


class Runtime(Protocol):
    """A runtime: computes the scores of arrays by one network."""

    @property
    def name(self) -> str:
        """As settings call it."""

    precision: str
    batch: int
    """Most films at once."""

    def run(self, films: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
        """Return each output for float32 (n, 256, 256, 1), n at most `batch`."""


class ScreeningNetwork:
    """The network of a bundle on the runtime that computes it.

    Args:
        bundle: verified.
        runtime: computes its network.
    """

    def __init__(self, bundle: Bundle, runtime: Runtime) -> None:
        self.bundle = bundle
        self._runtime = runtime

    @property
    def runtime(self) -> str:
        """Runtime and precision, like `openvino bfloat16`."""
        return f"{self.runtime_name} {self.precision}"

    @property
    def runtime_name(self) -> str:
        """The runtime, `keras` or `openvino`."""
        return self._runtime.name

    @property
    def precision(self) -> str:
        """The precision, `float32` or `bfloat16`."""
        return self._runtime.precision

    @contextmanager
    def taking_turn(self, *, alone: bool) -> Iterator[bool]:
        """Wait until this network may compute the film of the block.

        Args:
            alone: True for a film that no other film may be computed with.

        Yields:
            True where the film is computed alone, so that a failure inside the block is its own.
        """
        yield True

    def warm_up(self) -> None:
        """Predict once, so that the first film does not wait for compilation."""
        self.predict(np.zeros((1, SPEC.rows, SPEC.columns), dtype=np.float32))

    def predict(self, arrays: npt.NDArray[np.float32]) -> Scores:
        """Score films.

        Args:
            arrays: float32 (n, 256, 256), 0..1, normalized as the bundle's manifest says. Any n: they are
                taken in batches of the size that suits the runtime.

        Returns:
            float64 (n,), 0..1: the output for tuberculosis, the last one where there are several.

        Raises:
            ValueError: when `arrays` has another shape, of which Keras does not always complain.
            ArithmeticError: when a score is not a number.
        """
        return self.predict_with_heat(arrays)[0]

    def predict_with_heat(
        self, arrays: npt.NDArray[np.float32]
    ) -> tuple[Scores, npt.NDArray[np.float32] | None]:
        """Score films and say where in them the score comes from.

        Args:
            arrays: as `predict` takes them.

        Returns:
            The scores as `predict` returns them, and float32 (n, g, g) in 0..1, a map of the film's central
            field in g by g cells; None where the bundle's network has no such output.

        Raises:
            ValueError, ArithmeticError: as `predict`.
        """
        if arrays.ndim != 3 or arrays.shape[1:] != (SPEC.rows, SPEC.columns):
            raise ValueError(f"films have the shape (n, {SPEC.rows}, {SPEC.columns}), not {arrays.shape}")
        parts = list(_compute(self._runtime, arrays))
        scores = np.concatenate([part[0] for part in parts]) if parts else np.empty(0)
        heat = [part[1] for part in parts if part[1] is not None]
        return scores, np.concatenate(heat) if heat else None


def _compute(
    runtime: Runtime, arrays: npt.NDArray[np.float32]
) -> Iterator[tuple[Scores, npt.NDArray[np.float32] | None]]:
    """Yield scores and heat of one batch after the other; raises `ArithmeticError`."""
    for start in range(0, len(arrays), runtime.batch):
        films = np.asarray(arrays[start : start + runtime.batch, ..., np.newaxis], dtype=np.float32)
        outputs = runtime.run(films)
        scores = outputs[0][:, -1].astype(np.float64)
        if not bool(np.all(np.isfinite(scores))):
            raise ArithmeticError("the network returned what is not a number")
        heat = np.clip(outputs[1][..., 0], 0.0, 1.0, dtype=np.float32) if len(outputs) > 1 else None
        yield np.clip(scores, 0.0, 1.0), heat


def score(runtime: Runtime, arrays: npt.NDArray[np.float32]) -> Scores:
    """Return the scores of arrays (n, 256, 256) by a runtime; errors as those of `Predictor.predict`."""
    return np.concatenate([scores for scores, _ in _compute(runtime, arrays)])
