"""Keras as the runtime of a network: on any device and backend, in float32 or bfloat16.

`predict_on_batch` already runs one compiled graph, and measured as fast as a `tf.function` of our own, so
this module has no such function.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

import networks.layers  # noqa: F401 - registers the layers of the house with Keras
from domain.bundle.graph_structure import ALLOWED_LAYERS
from networks.keras_library import load_keras
from networks.weights_file import check_weights

keras = load_keras()

CPU_BATCH: Final = 8
"""Films at once; more are no faster and take more memory: `scratch` holds 33 MB per film and layer."""
GPU_BATCH: Final = 64

KEPT_IN_FLOAT32: Final = frozenset({"InputLayer", "Normalization", "Rescaling", "Softmax"})
NARROW: Final = 2
"""Most outputs of a layer that stays in float32: it costs little and computes the logit."""


class KerasRuntime:
    """A Keras model that predicts.

    Args:
        model: takes (n, 256, 256, 1).
        precision: what it was built for, `float32` or `bfloat16`.
    """

    name: Final = "keras"

    def __init__(self, model: Any, precision: str) -> None:
        self.precision = precision
        self.batch = GPU_BATCH if has_gpu() else CPU_BATCH
        self._model = model

    def run(self, films: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
        """Return the network's outputs for float32 (n, 256, 256, 1), n at most `batch`."""
        outputs = self._model.predict_on_batch(films)
        return [
            np.asarray(output) for output in (outputs if isinstance(outputs, list | tuple) else [outputs])
        ]


def build_model(structure: str, weights: Path, precision: str = "float32") -> Any:
    """Return the Keras model of a bundle whose structure was checked.

    Args:
        structure: the JSON text.
        weights: the HDF5 file.
        precision: `float32` as the structure says, or `bfloat16`: its convolutions, dense layers and what
            lies between them compute in bfloat16; weights and outputs remain float32.

    Raises:
        ValueError, TypeError, KeyError, OSError, RecursionError: when they are damaged or do not fit.
        PermanentError: when the weights lie elsewhere or swell.
    """
    if precision == "bfloat16":
        structure = _mix_precision(structure)
    check_weights(weights)
    model = keras.models.model_from_json(structure)
    model.load_weights(weights)
    return model


def is_tensorflow() -> bool:
    """True where Keras computes by TensorFlow."""
    return bool(keras.backend.backend() == "tensorflow")


def has_gpu() -> bool:
    """True where Keras computes on a GPU."""
    return any(device.startswith(("gpu", "cuda")) for device in keras.distribution.list_devices())


def has_amx() -> bool:
    """True where the CPU multiplies bfloat16 matrices (Intel AMX).

    Only there is Keras in bfloat16 faster throughout: with AVX512_BF16 alone (Zen 4) `scratch` gained 1.6
    and EfficientNet-Lite0 lost a quarter.
    """
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.exists() and "amx_bf16" in cpuinfo.read_text("utf-8").split()


def _mix_precision(structure: str) -> str:
    graph = json.loads(structure)
    outputs = json.dumps(graph["config"].get("output_layers", []))
    layers = graph["config"]["layers"]
    for layer in layers:
        config = layer["config"]
        narrow = min(config.get("units", NARROW + 1), config.get("filters", NARROW + 1)) <= NARROW
        is_output = json.dumps(config.get("name")) in outputs or layer is layers[-1]
        ours = layer["class_name"] in ALLOWED_LAYERS - KEPT_IN_FLOAT32
        if ours and not narrow and not is_output:
            config["dtype"] = "mixed_bfloat16"
    return json.dumps(graph)
