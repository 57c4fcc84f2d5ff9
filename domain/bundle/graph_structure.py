"""The structure of a bundle's network: a Keras model JSON that holds only layers that compute."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from domain.bundle.manifest import STRUCTURE, DamagedBundleError
from domain.errors import PermanentError

ALLOWED_LAYERS: Final = frozenset(
    {
        "Activation",
        "Add",
        "AveragePooling2D",
        "BatchNormalization",
        "Concatenate",
        "Conv2D",
        "Cropping2D",
        "Dense",
        "DepthwiseConv2D",
        "Dropout",
        "Flatten",
        "GlobalAveragePooling2D",
        "GlobalMaxPooling2D",
        "InputLayer",
        "MaxPooling2D",
        "Multiply",
        "Normalization",
        "ReLU",
        "Rescaling",
        "Reshape",
        "SeparableConv2D",
        "Softmax",
        "UpSampling2D",
        "ZeroPadding2D",
    }
)
"""Keras layers that only compute; others, such as Lambda, which runs code of the file, are refused."""

HOUSE_PACKAGE: Final = "tbscreen"
HOUSE_MODULE: Final = "worker.layers"
"""Module that every saved graph names, the former place of `networks.layers`."""
HOUSE_LAYERS: Final = frozenset({"EqualizeHistogram1", "LogMeanExpPooling1"})
"""Layers of `networks.layers`, registered with Keras under "tbscreen>NAME"."""

ALLOWED_CONTAINERS: Final = frozenset({"Functional", "Sequential"})
KERAS_CONTAINER_MODULES: Final = (
    "keras",
    "keras.models",
    "keras.src.models.functional",
    "keras.src.models.sequential",
)
LARGEST_NUMBER: Final = 65_536
"""Largest number in a layer's configuration: more units, filters or pixels than any network here has. Keras
would allocate what a larger one says before it looks at the weights."""

KERAS_VALUE_MODULES: Final = (
    "keras.initializers",
    "keras.regularizers",
    "keras.activations",
    "keras.constraints",
)


def check_structure(structure: bytes) -> None:
    """Raise `PermanentError` unless each layer of a Keras model JSON only computes and is of bounded size."""
    try:
        graph = json.loads(structure.decode())
        nodes = list(_walk(graph))
    except (ValueError, RecursionError) as error:
        raise DamagedBundleError(f"{STRUCTURE} is not JSON, or nested too deeply") from error
    if not isinstance(graph, dict) or graph.get("class_name") not in ALLOWED_CONTAINERS:
        raise PermanentError(f"{STRUCTURE}: the model is not Functional or Sequential")
    for node in nodes:
        if not _is_allowed(node):
            name, module = node["class_name"], node.get("module") or "keras"
            raise PermanentError(f"{STRUCTURE}: {module}.{name} is not allowed in a bundle")
        _check_numbers(node)


def _is_allowed(node: Mapping[str, Any]) -> bool:
    """True for an object of a Keras JSON that Keras makes without running code of the file."""
    name, module, registered_name = str(node["class_name"]), node.get("module"), node.get("registered_name")
    if module == HOUSE_MODULE:
        return name in HOUSE_LAYERS and registered_name == f"{HOUSE_PACKAGE}>{name}"
    if registered_name not in (None, name):
        return False
    if name in ALLOWED_CONTAINERS and module in (None, *KERAS_CONTAINER_MODULES):
        return True
    if name == "__keras_tensor__":
        return module is None
    if module in (None, "keras.layers"):
        return name in ALLOWED_LAYERS
    if module in KERAS_VALUE_MODULES:
        # A class like GlorotUniform, never a special word of Keras like "function" or "__lambda__".
        return re.fullmatch(r"[A-Z][A-Za-z0-9]*", name) is not None
    return module == "keras" and name == "DTypePolicy"


def _check_numbers(node: Mapping[str, Any]) -> None:
    """Raise `PermanentError` for a layer with a number beyond `LARGEST_NUMBER`, or that is not a number."""
    config = node.get("config")
    if node["class_name"] not in ALLOWED_LAYERS | HOUSE_LAYERS or not isinstance(config, dict):
        return
    for key, value in config.items():
        for number in _list_numbers(value) if key != "seed" else ():
            if not abs(number) <= LARGEST_NUMBER:
                raise PermanentError(
                    f"{STRUCTURE}: {node['class_name']} {config.get('name')!r} has {key} {number}; "
                    f"the limit is {LARGEST_NUMBER}"
                )


def _list_numbers(value: object) -> Iterator[float]:
    if isinstance(value, list):
        for item in value:
            yield from _list_numbers(item)
    elif isinstance(value, int | float):
        yield value


def _walk(node: object) -> Iterator[dict[str, Any]]:
    """Yield every object of a Keras JSON that names a class."""
    if isinstance(node, dict):
        if "class_name" in node:
            yield node
        for value in node.values():
            yield from _walk(value)
    elif isinstance(node, list):
        for value in node:
            yield from _walk(value)
