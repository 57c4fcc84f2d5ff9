"""Examination of a network before it is admitted: it loads, computes finite numbers, and depends on the film.

`tbscreen.models.examination` runs it in a child process, because the network of a bundle may take any memory
and time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from domain.array.normalization import SPEC
from domain.bundle.bundle import Bundle
from domain.bundle.manifest import DamagedBundleError
from networks.keras_library import load_keras
from worker.golden_arrays import draw_golden_arrays
from worker.predictor import load_model
from worker.runtimes.keras_runtime import KerasRuntime
from worker.screening_network import Scores, score

INSIDE_ARRAYS: Final = 4
"""Golden arrays whose way through the network is looked at, beside a black and a white array."""
LEAST_SPREAD: Final = 1e-6
"""Least difference between the highest and the lowest golden score."""


def examine_network(
    bundle: Bundle, count: int, films: npt.NDArray[np.float32] | None = None
) -> tuple[Scores, Scores]:
    """Load a bundle's network in Keras in float32, look for what is not finite, and score golden arrays.

    Args:
        bundle: verified.
        count: number of golden arrays.
        films: further arrays to score, float32 (n, 256, 256), 0..1.

    Returns:
        The golden scores, float64 (count,), and the scores of `films`, float64 (n,).

    Raises:
        PermanentError: when the network does not load, computes values that are not finite numbers, or gives
            all arrays the same score.
    """
    model = load_model(bundle)
    runtime = KerasRuntime(model, "float32")
    try:
        golden = score(runtime, draw_golden_arrays(count))
        further = np.empty(0) if films is None else score(runtime, films)
    except ArithmeticError as error:
        raise DamagedBundleError(
            f"the network computes values that are not finite numbers: {error}"
        ) from error
    if np.ptp(golden) < LEAST_SPREAD:
        raise DamagedBundleError(
            f"the network gives all of {count} different arrays the score {golden[0]:.4f}: "
            "it does not look at the film"
        )
    check_inside(model)
    return golden, further


def check_inside(model: Any) -> None:
    """Check that each layer of a Keras model computes finite numbers.

    Infinite or undefined values inside a network may come out as finite, plausible scores. The model is of no
    further use: its layers are wrapped.

    Raises:
        DamagedBundleError: naming the first layer that does not.
    """
    found: list[str] = []
    for layer in _list_leaves(model):
        layer.call = _watch(layer, found)
    extremes = np.zeros((2, SPEC.rows, SPEC.columns), dtype=np.float32)
    extremes[1] = 1.0
    arrays = np.concatenate([extremes, draw_golden_arrays(INSIDE_ARRAYS)])
    model(arrays[..., np.newaxis], training=False)
    if found:
        raise DamagedBundleError(
            f"layer {found[0]!r} of the network computes values that are not finite numbers"
        )


def _list_leaves(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _list_leaves(layer)
        else:
            yield layer


def _watch(layer: Any, found: list[str]) -> Callable[..., Any]:
    """Return the layer's function, which adds the layer's name to `found` if a value is not finite."""
    keras = load_keras()

    compute = layer.call

    @wraps(compute)
    def watched(*arguments: Any, **keywords: Any) -> Any:
        result = compute(*arguments, **keywords)
        values = [keras.ops.convert_to_numpy(value) for value in keras.tree.flatten(result)]
        if not all(bool(np.all(np.isfinite(value))) for value in values):
            found.append(str(layer.name))
        return result

    return watched
