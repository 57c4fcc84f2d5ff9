"""Arrays that look a little like films, the same everywhere: they compare ways of predicting."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from domain.array.normalization import SPEC

SEED: Final = 7


def draw_golden_arrays(count: int, seed: int = SEED) -> npt.NDArray[np.float32]:
    """Draw dark fields in bright frames, with bands, texture and spots; each array has its own.

    Args:
        count: how many.
        seed: other seeds give other arrays.

    Returns:
        float32 (count, 256, 256), 0..1.
    """
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[0 : SPEC.rows, 0 : SPEC.columns].astype(np.float32)
    y, x = y / SPEC.rows - 0.5, x / SPEC.columns - 0.5
    arrays = np.empty((count, SPEC.rows, SPEC.columns), dtype=np.float32)
    for array in arrays:
        film = np.full_like(array, generator.uniform(0.5, 0.9))
        for side in (-0.21, 0.21):
            place = side + generator.normal(0.0, 0.02)
            width, height = generator.uniform(0.13, 0.18), generator.uniform(0.28, 0.36)
            film -= generator.uniform(0.3, 0.6) * _blob(y, x - place, height, width, sharpness=4.0)
            for _ in range(generator.integers(0, 4)):
                spot = _blob(y - generator.uniform(-0.3, 0.2), x - place, *generator.uniform(0.02, 0.08, 2))
                film += generator.uniform(0.1, 0.4) * spot
        film += 0.05 * np.sin(
            2 * np.pi * generator.uniform(8, 12) * (y + np.abs(x) * generator.uniform(0, 1))
        )
        film += generator.normal(0.0, generator.uniform(0.005, 0.04), film.shape)
        array[:] = np.clip(film, 0.0, 1.0)
    return arrays


def _blob(
    y: npt.NDArray[np.float32],
    x: npt.NDArray[np.float32],
    height: float,
    width: float,
    sharpness: float = 1.0,
) -> npt.NDArray[np.float32]:
    """Return 1 in the middle of an ellipse, falling to 0 around it."""
    distance = (y / np.float32(height)) ** 2 + (x / np.float32(width)) ** 2
    falling: npt.NDArray[np.float32] = np.exp(-(distance ** np.float32(sharpness)))
    return falling
