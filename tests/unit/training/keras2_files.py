"""The tutorial's two files as Keras 2 writes them: made here, so that no test needs Keras 2.

Layout of structure and weights were compared with files that tf-keras 2.21 wrote.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

Layer = dict[str, Any]
Weights = dict[str, dict[str, npt.NDArray[np.float32]]]
"""Arrays by the names of layers and weights, in order."""

GLOROT = {"class_name": "GlorotUniform", "config": {"seed": None}}
ZEROS = {"class_name": "Zeros", "config": {}}
KERNEL = {
    "kernel_initializer": GLOROT,
    "bias_initializer": ZEROS,
    "kernel_regularizer": {"class_name": "L2", "config": {"l2": 0.01}},
    "bias_regularizer": None,
    "activity_regularizer": None,
    "kernel_constraint": None,
    "bias_constraint": None,
}


def describe(kind: str, name: str, **config: Any) -> Layer:
    """Return a layer as Keras 2 describes it."""
    return {"class_name": kind, "config": {"name": name, "trainable": True, "dtype": "float32", **config}}


def convolve(
    name: str, filters: int, size: int = 3, padding: str = "valid", activation: str = "relu"
) -> Layer:
    """Return a Conv2D."""
    return describe(
        "Conv2D",
        name,
        filters=filters,
        kernel_size=[size, size],
        strides=[1, 1],
        padding=padding,
        data_format="channels_last",
        dilation_rate=[1, 1],
        groups=1,
        activation=activation,
        use_bias=True,
        **KERNEL,
    )


def pool(name: str, size: int) -> Layer:
    """Return a MaxPooling2D."""
    return describe(
        "MaxPooling2D",
        name,
        pool_size=[size, size],
        padding="valid",
        strides=[size, size],
        data_format="channels_last",
    )


def drop(name: str) -> Layer:
    """Return a Dropout."""
    return describe("Dropout", name, rate=0.25, noise_shape=None, seed=None)


def normalize_batch(name: str) -> Layer:
    """Return a BatchNormalization, with its axis as older versions write it."""
    return describe(
        "BatchNormalization",
        name,
        axis=[3],
        momentum=0.99,
        epsilon=0.001,
        center=True,
        scale=True,
        beta_initializer=ZEROS,
        gamma_initializer={"class_name": "Ones", "config": {}},
        moving_mean_initializer=ZEROS,
        moving_variance_initializer={"class_name": "Ones", "config": {}},
        beta_regularizer=None,
        gamma_regularizer=None,
        beta_constraint=None,
        gamma_constraint=None,
    )


def connect(name: str, units: int, activation: str) -> Layer:
    """Return a Dense."""
    return describe("Dense", name, units=units, activation=activation, use_bias=True, **KERNEL)


def flatten(name: str = "flatten") -> Layer:
    """Return a Flatten."""
    return describe("Flatten", name, data_format="channels_last")


def make_sequential(shape: Sequence[int], layers: Sequence[Layer]) -> dict[str, Any]:
    """Return a Sequential model: the first layer carries the shape of the input."""
    first = {**layers[0], "config": {**layers[0]["config"], "batch_input_shape": [None, *shape]}}
    return {
        "class_name": "Sequential",
        "config": {"name": "sequential", "layers": [first, *layers[1:]]},
        "keras_version": "2.4.0",
        "backend": "tensorflow",
    }


def make_functional(shape: Sequence[int], layers: Sequence[tuple[Layer, list[str]]]) -> dict[str, Any]:
    """Return a functional model, class `Model` as before Keras 2.3, of layers with what each is called on."""
    entry = describe("InputLayer", "input_1", batch_input_shape=[None, *shape], sparse=False, ragged=False)
    described = [{**entry, "name": "input_1", "inbound_nodes": []}]
    for layer, inputs in layers:
        node = [[name, 0, 0, {}] for name in inputs]
        described.append({**layer, "name": layer["config"]["name"], "inbound_nodes": [node]})
    return {
        "class_name": "Model",
        "config": {
            "name": "model",
            "layers": described,
            "input_layers": [["input_1", 0, 0]],
            "output_layers": [[described[-1]["name"], 0, 0]],
        },
        "keras_version": "2.2.4-tf",
        "backend": "tensorflow",
    }


def write_files(folder: Path, graph: dict[str, Any], weights: Weights) -> tuple[Path, Path]:
    """Write `model_structure.json` and `model_weights.h5`; return their paths."""
    structure, file = folder / "model_structure.json", folder / "model_weights.h5"
    structure.write_text(json.dumps(graph), "utf-8")
    names = [layer["config"]["name"] for layer in graph["config"]["layers"]]
    with h5py.File(file, "w") as hdf5:
        hdf5.attrs["layer_names"] = [name.encode() for name in names]
        hdf5.attrs["backend"] = b"tensorflow"
        hdf5.attrs["keras_version"] = b"2.4.0"
        for name in names:
            group, arrays = hdf5.create_group(name), weights.get(name, {})
            group.attrs["weight_names"] = [f"{name}/{kind}:0".encode() for kind in arrays]
            for kind, array in arrays.items():
                group.create_dataset(f"{name}/{kind}:0", data=array)
    return structure, file
