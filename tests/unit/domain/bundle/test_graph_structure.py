"""A graph is accepted only if its layers compute and do nothing else."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from domain.bundle.graph_structure import HOUSE_LAYERS, check_structure
from domain.bundle.manifest import STRUCTURE, DamagedBundleError
from domain.errors import PermanentError
from tbscreen.models.default_bundle import DEFAULT_BUNDLE

Json = dict[str, Any]


@pytest.fixture
def graph() -> Json:
    """The graph of the bundle that comes with tbscreen."""
    read: Json = json.loads((DEFAULT_BUNDLE / STRUCTURE).read_text())
    return read


def _insert(layer: Json) -> Callable[[Json], None]:
    return lambda graph: graph["config"]["layers"].insert(1, layer)


def _first_convolution(graph: Json) -> Json:
    return next(layer for layer in graph["config"]["layers"] if layer["class_name"] == "Conv2D")


def _set_convolution(key: str, value: object) -> Callable[[Json], None]:
    return lambda graph: _first_convolution(graph)["config"].__setitem__(key, value)


def _house(name: str = "EqualizeHistogram1", **changes: object) -> Json:
    return {
        "module": "worker.layers",
        "class_name": name,
        "config": {"name": "house"},
        "registered_name": f"tbscreen>{name}",
        **changes,
    }


LAMBDA = {"module": "keras.layers", "class_name": "Lambda", "config": {}, "registered_name": None}
NESTED = {
    "module": "keras.src.models.functional",
    "class_name": "Functional",
    "registered_name": "Functional",
    "config": {"name": "inner", "layers": [{"module": "os", "class_name": "system", "config": {}}]},
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_insert(LAMBDA), "keras.layers.Lambda"),
        (_insert({"class_name": "Lambda", "config": {}}), "keras.Lambda"),
        (_insert({"class_name": "TFSMLayer", "module": "keras.layers", "config": {}}), "TFSMLayer"),
        (_insert({"class_name": "TorchModuleWrapper", "module": "keras.layers"}), "TorchModuleWrapper"),
        (_insert({"class_name": "Conv2D", "module": "evil.layers", "config": {}}), "evil.layers.Conv2D"),
        (_insert({"class_name": "Conv2D", "module": "builtins", "config": {}}), "builtins.Conv2D"),
        (_insert({"class_name": "Functional", "module": "evil", "config": {}}), "evil.Functional"),
        (_insert(NESTED), "os.system"),
        (_insert({"class_name": ["Lambda"], "module": "keras.layers"}), "not allowed"),
        (_insert({"class_name": None, "module": "keras.layers"}), "not allowed"),
        (_insert({"class_name": "Dense", "module": ["keras.layers"]}), "not allowed"),
        (
            lambda graph: _first_convolution(graph).__setitem__("registered_name", "evil>Conv2D"),
            "keras.layers.Conv2D",
        ),
        (
            _set_convolution(
                "activation", {"class_name": "function", "module": "builtins", "config": "eval"}
            ),
            "builtins.function",
        ),
        (
            _set_convolution(
                "activation", {"class_name": "function", "module": "keras.activations", "config": "get"}
            ),
            "keras.activations.function",
        ),
        (
            _set_convolution(
                "bias_initializer", {"class_name": "__lambda__", "module": "keras.initializers"}
            ),
            "keras.initializers.__lambda__",
        ),
        (_set_convolution("kernel_initializer", {"class_name": "Evil", "module": "evil"}), "evil.Evil"),
        (
            _set_convolution("dtype", {"class_name": "load_model", "module": "keras.saving"}),
            "keras.saving.load_model",
        ),
        (_set_convolution("dtype", {"class_name": "Model", "module": "keras"}), "keras.Model"),
        (_insert(_house("os")), "worker.layers.os"),
        (_insert(_house("keras")), "worker.layers.keras"),
        (_insert(_house("EqualizeHistogram99")), "worker.layers.EqualizeHistogram99"),
        (_insert(_house("Dense")), "worker.layers.Dense"),
        (_insert(_house("Functional")), "worker.layers.Functional"),
        (_insert(_house(registered_name=None)), "worker.layers.EqualizeHistogram1"),
        (_insert(_house(registered_name="EqualizeHistogram1")), "worker.layers.EqualizeHistogram1"),
        (_insert(_house(registered_name="evil>EqualizeHistogram1")), "worker.layers.EqualizeHistogram1"),
        (_insert(_house(registered_name="tbscreen>Other")), "worker.layers.EqualizeHistogram1"),
        (_insert(_house(module="worker.layers.evil")), "worker.layers.evil.EqualizeHistogram1"),
        (_insert(_house(module="worker")), "worker.EqualizeHistogram1"),
        (_insert(_house(module="keras.layers")), "keras.layers.EqualizeHistogram1"),
        (_insert(_house(module=None)), "keras.EqualizeHistogram1"),
        (_insert(_house(config={"cells": LAMBDA})), "keras.layers.Lambda"),
        (_insert(_house(class_name=["EqualizeHistogram1"])), "not allowed"),
        (lambda graph: graph.__setitem__("compile_config", {"class_name": "X", "module": "evil"}), "evil.X"),
    ],
)
def test_a_graph_that_does_more_than_compute_is_refused(
    graph: Json, change: Callable[[Json], None], said: str
) -> None:
    change(graph)
    with pytest.raises(PermanentError) as caught:
        check_structure(json.dumps(graph).encode())
    assert said in str(caught.value)
    assert "is not allowed in a bundle" in str(caught.value)


@pytest.mark.parametrize("class_name", ["Lambda", "Dense", "Subclassed", None])
def test_only_functional_and_sequential_models_are_taken(graph: Json, class_name: str | None) -> None:
    graph["class_name"] = class_name
    with pytest.raises(PermanentError, match="the model is not Functional or Sequential"):
        check_structure(json.dumps(graph).encode())


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000, b'{"class_name": "Functional", "x": ' + b"[" * 100_000],
)
def test_a_structure_that_is_not_json_is_damaged(content: bytes) -> None:
    with pytest.raises(DamagedBundleError, match=r"model_structure\.json is not JSON"):
        check_structure(content)


@pytest.mark.parametrize("depth", [100, 400, 900, 960, 980, 1000, 5000])
def test_deep_nesting_never_gets_past_the_check(depth: int) -> None:
    structure = '{"class_name": "Functional", "x": ' + "[" * depth + json.dumps(LAMBDA) + "]" * depth + "}"
    with pytest.raises(PermanentError, match=r"^model_structure\.json"):
        check_structure(structure.encode())


def test_a_nested_model_of_allowed_layers_is_taken(graph: Json) -> None:
    graph["config"]["layers"].append(json.loads(json.dumps(graph)))
    check_structure(json.dumps(graph).encode())


@pytest.mark.parametrize("name", sorted(HOUSE_LAYERS))
def test_the_layers_of_the_house_are_taken(graph: Json, name: str) -> None:
    graph["config"]["layers"].append(_house(name))
    check_structure(json.dumps(graph).encode())


def test_every_layer_of_the_house_is_registered_as_it_is_named() -> None:
    import keras

    import networks.layers

    for name in HOUSE_LAYERS:
        layer = getattr(networks.layers, name)
        assert keras.saving.get_registered_object(f"tbscreen>{name}") is layer
        written = keras.saving.serialize_keras_object(layer())
        assert (written["module"], written["class_name"]) == ("worker.layers", name)


@pytest.mark.parametrize(
    ("key", "value"),
    [("filters", 2_000_000_000), ("kernel_size", [3, 70_000]), ("strides", -70_000), ("filters", math.inf)],
)
def test_a_layer_without_bounds_is_refused(graph: Json, key: str, value: object) -> None:
    _set_convolution(key, value)(graph)
    with pytest.raises(PermanentError, match=rf"Conv2D .* has {key} .*; the limit is 65536"):
        check_structure(json.dumps(graph).encode())


def test_a_seed_may_be_large(graph: Json) -> None:
    _set_convolution("seed", 2**40)(graph)
    check_structure(json.dumps(graph).encode())
