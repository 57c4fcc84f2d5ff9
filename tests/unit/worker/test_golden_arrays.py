"""Golden arrays are the same everywhere, and differ from each other."""

from __future__ import annotations

import numpy as np

from worker.golden_arrays import draw_golden_arrays


def test_they_are_arrays_as_models_take_them() -> None:
    arrays = draw_golden_arrays(4)
    assert (arrays.shape, arrays.dtype) == ((4, 256, 256), np.float32)
    assert arrays.min() >= 0.0
    assert arrays.max() <= 1.0
    assert bool(np.all(arrays.std(axis=(1, 2)) > 0.05))
    assert len({round(float(array.mean()), 4) for array in arrays}) == 4


def test_they_are_always_the_same_and_others_by_another_seed() -> None:
    assert np.array_equal(draw_golden_arrays(2), draw_golden_arrays(2))
    assert not np.array_equal(draw_golden_arrays(2), draw_golden_arrays(2, seed=1))
