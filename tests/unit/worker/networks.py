"""Small bundles with real networks, made in a moment."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from domain.array.normalization import SPEC
from domain.bundle.bundle import Bundle, write_bundle
from domain.bundle.manifest import STRUCTURE, WEIGHTS

MANIFEST: dict[str, Any] = {
    "format": 1,
    "name": "small",
    "version": "1.0",
    "architecture": "test",
    "trained": True,
    "finding": "TBCXR",
    "normalization": SPEC.to_manifest(),
    "operating_points": [
        {"name": "screening", "threshold": 0.25, "sensitivity": 0.9, "specificity": 0.7},
        {"name": "rule_in", "threshold": 0.75, "sensitivity": 0.6, "specificity": 0.9},
    ],
    "reported_operating_point": "screening",
    "calibration": {"method": "identity", "prevalence": None},
}


def write_network(
    directory: Path,
    outputs: int = 1,
    size: int = 256,
    weight: float | None = None,
    offset: float = 0.0,
    **manifest: Any,
) -> Bundle:
    """Write a bundle whose network is one dense layer over the film's mean: score = sigmoid(w · mean).

    Args:
        directory: new or empty.
        outputs: of the network; output k has k + 1 times the weight.
        size: rows and columns that it takes.
        weight: w; 1 by default.
        offset: added to w · mean.
        manifest: what differs from `MANIFEST`.
    """
    import keras

    films = keras.Input((size, size, 1), name="film")
    mean = keras.layers.GlobalAveragePooling2D(name="mean")(films)
    scores = keras.layers.Dense(outputs, activation="sigmoid", name="scores")(mean)
    model = keras.Model(films, scores, name="small")
    weights = np.arange(1, outputs + 1, dtype=np.float32)[np.newaxis] * (1.0 if weight is None else weight)
    model.get_layer("scores").set_weights([weights, np.full(outputs, offset, dtype=np.float32)])
    return write_model(directory, model, **manifest)


def write_overflow(directory: Path, *, hidden: bool) -> Bundle:
    """Write a bundle with finite weights whose network computes infinity.

    Args:
        directory: new or empty.
        hidden: True for a finite, plausible score all the same; False for the score NaN.
    """
    import keras

    films = keras.Input((256, 256, 1), name="film")
    mean = keras.layers.GlobalAveragePooling2D(name="mean")(films)
    high = keras.layers.Dense(1, name="high")(mean)  # infinity, but for a black film
    if hidden:
        bounded = keras.layers.Activation("tanh", name="bounded")(high)
        joined = keras.layers.Add(name="joined")([mean, bounded])
    else:
        zero = keras.layers.ReLU(name="zero")(keras.layers.Rescaling(-1.0, name="negative")(mean))
        joined = keras.layers.Multiply(name="joined")([high, zero])
    model = keras.Model(films, keras.layers.Activation("sigmoid", name="scores")(joined), name="overflow")
    model.get_layer("high").set_weights([np.full((1, 1), 3.4e38, np.float32), np.full(1, 3.4e38, np.float32)])
    return write_model(directory, model)


def write_heat(directory: Path, name: str = "heat") -> Bundle:
    """Write a bundle with two outputs: the mean of a film, and its 4 by 4 cells' means, called `name`."""
    import keras

    films = keras.Input((256, 256, 1), name="film")
    cells = keras.layers.AveragePooling2D(64, name=name)(films)
    score = keras.layers.GlobalAveragePooling2D(name="score")(films)
    return write_model(directory, keras.Model(films, [score, cells], name="with_heat"))


def write_model(directory: Path, model: Any, **manifest: Any) -> Bundle:
    """Write a bundle with this network.

    Args:
        directory: new or empty.
        model: of Keras.
        manifest: what differs from `MANIFEST`.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / WEIGHTS
        model.save_weights(file)
        content = file.read_bytes()
    return write_bundle(
        directory, {**MANIFEST, **manifest}, {STRUCTURE: model.to_json().encode(), WEIGHTS: content}
    )


def prepare_graph(bundle: Bundle, directory: Path) -> None:
    """Make the graph of a bundle for OpenVINO as a worker's child does, in this process: it has loaded Keras.

    Args:
        bundle: verified.
        directory: folder of graphs, as the setting of a worker names it.
    """
    from worker.graph_preparation import prepare
    from worker.runtimes.openvino_runtime import name_version

    folder = directory / f"{bundle.digest}-{name_version()}"
    folder.mkdir(parents=True)
    prepare(bundle, folder)
