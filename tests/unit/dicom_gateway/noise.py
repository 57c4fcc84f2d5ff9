"""Films of noise, the same each time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def make_noise(rows: int, columns: int, *, smooth: bool = False) -> npt.NDArray[np.float32]:
    """Return float32 (rows, columns) in 0..1, no two runs different.

    Args:
        rows: from top to bottom.
        columns: from left to right.
        smooth: one grey that gets lighter from top to bottom, with a little noise on it.
    """
    noise = np.random.default_rng(rows * 10_000 + columns).random((rows, columns), dtype=np.float32)
    if not smooth:
        return noise
    return np.linspace(0, 0.9, rows, dtype=np.float32)[:, np.newaxis] + noise * np.float32(0.1)
