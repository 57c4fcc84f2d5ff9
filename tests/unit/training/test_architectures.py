"""The networks are what their docstrings say."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from training.architectures import INPUT_SHAPE, build_default
from worker.bundle import ALLOWED_LAYERS, check_structure


@pytest.fixture(scope="module")
def network() -> Any:
    """The default network with random weights."""
    return build_default()


def test_it_takes_films_and_gives_one_score_each(network: Any) -> None:
    films = np.random.default_rng(1).random((3, *INPUT_SHAPE), dtype=np.float32)
    scores = np.asarray(network.predict_on_batch(films))
    assert INPUT_SHAPE == (256, 256, 1)
    assert scores.shape == (3, 1)
    assert bool(np.all((scores > 0) & (scores < 1)))


def test_it_has_as_many_weights_as_its_docstring_says(network: Any) -> None:
    assert network.count_params() == 80_353
    assert "80,353 weights" in str(build_default.__doc__)


def test_it_may_be_put_into_a_bundle(network: Any) -> None:
    structure = network.to_json()
    check_structure(structure.encode())
    layers = {layer["class_name"] for layer in json.loads(structure)["config"]["layers"]}
    assert layers <= ALLOWED_LAYERS


def test_its_last_layer_is_one_sigmoid(network: Any) -> None:
    last = json.loads(network.to_json())["config"]["layers"][-1]
    assert (last["class_name"], last["config"]["units"], last["config"]["activation"]) == (
        "Dense",
        1,
        "sigmoid",
    )
