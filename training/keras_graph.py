"""A model JSON of Keras 2 or 3, rewritten for the installed Keras.

Keras 3 does not read the JSON of Keras 2 (`batch_input_shape`, class `Model`, no `module`). The result has
only the parts of the file that decide a score: settings of layers that only compute. Parts for training
(initializers, regularizers, constraints) and number formats are dropped: all layers compute in float32.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from domain.bundle.graph_structure import ALLOWED_LAYERS
from domain.errors import PermanentError

CONVOLUTION: Final = (
    "kernel_size",
    "strides",
    "padding",
    "data_format",
    "dilation_rate",
    "use_bias",
    "activation",
)
POOLING: Final = ("pool_size", "strides", "padding", "data_format")
GLOBAL_POOLING: Final = ("data_format", "keepdims")

SETTINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "Activation": ("activation",),
    "Add": (),
    "AveragePooling2D": POOLING,
    "BatchNormalization": ("axis", "momentum", "epsilon", "center", "scale"),
    "Concatenate": ("axis",),
    "Conv2D": (*CONVOLUTION, "filters", "groups"),
    "Dense": ("units", "use_bias", "activation"),
    "DepthwiseConv2D": (*CONVOLUTION, "depth_multiplier"),
    "Dropout": ("rate", "noise_shape", "seed"),
    "Flatten": ("data_format",),
    "GlobalAveragePooling2D": GLOBAL_POOLING,
    "GlobalMaxPooling2D": GLOBAL_POOLING,
    "MaxPooling2D": POOLING,
    "Multiply": (),
    "ReLU": ("max_value", "negative_slope", "threshold"),
    "Rescaling": ("scale", "offset"),
    "Reshape": ("target_shape",),
    "SeparableConv2D": (*CONVOLUTION, "filters", "depth_multiplier"),
    "Softmax": ("axis",),
    "ZeroPadding2D": ("padding", "data_format"),
}
"""Settings of each layer that decide its output. Normalization is absent, since its weights lie elsewhere."""

WITHOUT_EFFECT: Final = frozenset(
    {
        "autocast",
        "batch_input_shape",
        "batch_shape",
        "dtype",
        "fused",
        "input_shape",
        "name",
        "renorm_momentum",
        "trainable",
    }
)
"""Settings without effect on a score, like those with `ENDINGS_WITHOUT_EFFECT` and empty settings."""
ENDINGS_WITHOUT_EFFECT: Final = ("_initializer", "_regularizer", "_constraint")

ACTIVATIONS: Final = frozenset(
    [
        "elu",
        "exponential",
        "gelu",
        "hard_sigmoid",
        "leaky_relu",
        "linear",
        "relu",
        "relu6",
        "selu",
        "sigmoid",
        "silu",
        "softmax",
        "softplus",
        "softsign",
        "swish",
        "tanh",
    ]
)

CONTAINER_MODULES: Final = {
    "Functional": "keras.src.models.functional",
    "Sequential": "keras.src.models.sequential",
}
CONTAINER_CLASSES: Final = {"Model": "Functional", "Functional": "Functional", "Sequential": "Sequential"}


def rewrite_graph(text: str) -> str:
    """Return a Keras model JSON in the form of Keras 3.

    Args:
        text: JSON of a Sequential or Functional model of Keras 2 or 3.

    Raises:
        PermanentError: for any other text, or for a layer or setting that tbscreen does not know.
    """
    try:
        graph = json.loads(text)
        return json.dumps(_rewrite_model(graph))
    except json.JSONDecodeError as error:
        raise PermanentError(f"it is not JSON: {error}") from error
    except RecursionError as error:
        raise PermanentError("it is nested too deeply") from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise PermanentError(f"it is not a Keras model ({type(error).__name__}: {error})") from error


def _rewrite_model(node: Mapping[str, Any]) -> dict[str, Any]:
    if node["class_name"] not in CONTAINER_CLASSES:
        raise PermanentError(f"it is a {node['class_name']}, not a Sequential or Functional model")
    kind = CONTAINER_CLASSES[node["class_name"]]
    config = node["config"]
    if isinstance(config, list):  # Keras up to 2.1
        config = {"name": "model", "layers": config}
    rewrite = _rewrite_sequential if kind == "Sequential" else _rewrite_functional
    return {
        "module": CONTAINER_MODULES[kind],
        "class_name": kind,
        "config": {"name": _rename(config.get("name", "model")), **rewrite(config)},
        "registered_name": kind,
    }


def _rewrite_sequential(config: Mapping[str, Any]) -> dict[str, Any]:
    layers = list(config["layers"])
    first = layers[0]
    shape = first["config"].get("batch_input_shape") if isinstance(first["config"], dict) else None
    if first["class_name"] != "InputLayer" and shape is not None:
        layers.insert(0, {"class_name": "InputLayer", "config": {"name": "film", "batch_shape": shape}})
    return {"layers": [_rewrite_layer(layer) for layer in layers]}


def _rewrite_functional(config: Mapping[str, Any]) -> dict[str, Any]:
    layers = []
    for layer in config["layers"]:
        name = _rename(layer.get("name") or layer["config"]["name"])
        nodes = [_rewrite_call(node) for node in layer["inbound_nodes"]]
        layers.append({**_rewrite_layer(layer), "name": name, "inbound_nodes": nodes})
    ends: dict[str, Any] = {
        end: [_refer(tensor) for tensor in _as_list(config[end])] for end in ("input_layers", "output_layers")
    }
    # Keras 3 reads [[…]] as a list of one tensor, which most layers do not accept.
    ends = {end: tensors[0] if len(tensors) == 1 else tensors for end, tensors in ends.items()}
    return {"layers": layers, **ends}


def _rewrite_layer(layer: Mapping[str, Any]) -> dict[str, Any]:
    kind, config = layer["class_name"], layer["config"]
    if kind in CONTAINER_CLASSES:
        return _rewrite_model(layer)
    if kind == "InputLayer":
        shape = config.get("batch_shape") or config["batch_input_shape"]
        settings: dict[str, Any] = {"batch_shape": [None, *shape[1:]], "dtype": "float32"}
    elif kind in SETTINGS and kind in ALLOWED_LAYERS and layer.get("module") in (None, "keras.layers"):
        settings = _rewrite_settings(kind, config)
    else:
        raise PermanentError(
            f"layer {layer.get('module') or 'keras'}.{kind} is not a known layer that only computes"
        )
    if config.get("trainable") is False:
        settings["trainable"] = (
            False  # decides the order in which Keras 2 wrote the weights of a nested model
        )
    return {
        "module": "keras.layers",
        "class_name": kind,
        "config": {"name": _rename(config["name"]), **settings},
        "registered_name": None,
    }


def _rewrite_settings(kind: str, config: Mapping[str, Any]) -> dict[str, Any]:
    settings = {}
    for key, value in config.items():
        if key in SETTINGS[kind]:
            settings[key] = value
        elif key == "groups" and value == 1:
            continue
        elif key not in WITHOUT_EFFECT and not key.endswith(ENDINGS_WITHOUT_EFFECT) and value:
            raise PermanentError(
                f"layer {config['name']!r} ({kind}) has an unknown setting {key} = {value!r}"
            )
    if str(settings.get("activation", "linear")) not in ACTIVATIONS:
        raise PermanentError(f"layer {config['name']!r} has an unknown activation {settings['activation']!r}")
    if kind == "BatchNormalization" and isinstance(settings.get("axis"), list):
        (settings["axis"],) = settings["axis"]
    return settings


def _rewrite_call(node: Any) -> dict[str, Any]:
    """Return one call of a layer. Keras 2 lists [name, node, tensor, {}], Keras 3 names its arguments."""
    if isinstance(node, dict):
        references = [tensor["config"]["keras_history"] for tensor in _find_tensors(node["args"])]
        several = isinstance(node["args"][0], list)
    else:
        references = [node] if isinstance(node[0], str) else list(node)
        several = len(references) > 1
    for reference in references:
        if len(reference) > 3 and reference[3]:
            raise PermanentError(f"layer {reference[0]!r} is called with {reference[3]!r}")
    tensors = [
        {
            "class_name": "__keras_tensor__",
            "config": {"shape": [], "dtype": "float32", "keras_history": history},
        }
        for history in map(_refer, references)
    ]
    return {"args": [tensors] if several else tensors, "kwargs": {}}


def _find_tensors(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _find_tensors(item)


def _as_list(ends: Any) -> list[Any]:
    return [ends] if ends and isinstance(ends[0], str) else list(ends)


def _refer(reference: Sequence[Any]) -> list[Any]:
    return [_rename(reference[0]), int(reference[1]), int(reference[2])]


def _rename(name: str) -> str:
    """Return a name of a layer without slashes, which Keras 3 does not allow."""
    return str(name).replace("/", "_")
