"""The networks are what their docstrings say."""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np
import pytest

from domain.bundle.graph_structure import check_structure
from training.learning.architectures import (
    INPUT_SHAPE,
    VGG16_FEATURES,
    build_scratch,
    build_vgg16,
    build_vgg16_features,
    build_vgg16_head,
)


def test_scratch_is_the_tutorial_s_network_layer_for_layer() -> None:
    layers = [_describe(layer) for layer in json.loads(build_scratch().to_json())["config"]["layers"]]
    assert layers == [
        ("InputLayer",),
        ("Conv2D", 64, [3, 3], "same", "relu"),
        ("Conv2D", 64, [3, 3], "valid", "relu"),
        ("MaxPooling2D", [2, 2]),
        ("Dropout", 0.25),
        ("Conv2D", 128, [3, 3], "same", "relu"),
        ("Conv2D", 128, [3, 3], "valid", "relu"),
        ("MaxPooling2D", [2, 2]),
        ("Dropout", 0.25),
        ("Conv2D", 256, [3, 3], "same", "relu"),
        ("Conv2D", 256, [3, 3], "valid", "relu"),
        ("MaxPooling2D", [2, 2]),
        ("Dropout", 0.3),
        ("Flatten",),
        ("Dense", 512, "relu"),
        ("Dropout", 0.5),
        ("Dense", 2, "sigmoid"),
    ]


def test_scratch_has_119_million_weights() -> None:
    network = build_scratch()
    assert network.count_params() == 119_110_594
    assert (network.input_shape, network.output_shape) == ((None, *INPUT_SHAPE), (None, 2))
    check_structure(network.to_json().encode())


def test_vgg16_is_frozen_features_and_a_dense_head() -> None:
    network = build_vgg16()
    layers = [_describe(layer) for layer in json.loads(network.to_json())["config"]["layers"]]
    assert [layer for layer in layers if layer[0] == "Conv2D"] == [
        ("Conv2D", filters, [3, 3], "same", "relu")
        for filters in [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6
    ]
    assert layers[-4:] == [("Flatten",), ("Dense", 256, "relu"), ("Dropout", 0.5), ("Dense", 1, "sigmoid")]
    trainable = {variable.path.split("/")[0] for variable in network.trainable_variables}
    assert trainable == {"dense", "tuberculosis"}
    check_structure(network.to_json().encode())


def test_vgg16_s_features_are_those_of_keras_applications() -> None:
    features = build_vgg16_features()
    published = keras.applications.VGG16(weights=None, include_top=False, input_shape=(256, 256, 3))
    for layer in published.layers:
        if layer.get_weights():
            features.get_layer(layer.name).set_weights(layer.get_weights())
    films = np.random.default_rng(1).random((1, *INPUT_SHAPE), dtype=np.float32)
    colour = keras.applications.vgg16.preprocess_input(np.repeat(films, 3, axis=-1) * 255)
    expected = np.asarray(published.predict_on_batch(colour)).reshape(1, VGG16_FEATURES)
    assert np.asarray(features.predict_on_batch(films)) == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_a_head_that_learned_alone_scores_alike_in_the_whole_graph() -> None:
    features, head = build_vgg16_features(), build_vgg16_head()
    films = np.random.default_rng(1).random((1, *INPUT_SHAPE), dtype=np.float32)
    apart = head.predict_on_batch(np.asarray(features.predict_on_batch(films)))
    whole = keras.models.model_from_json(build_vgg16(features, head).to_json())
    whole.set_weights(build_vgg16(features, head).get_weights())
    assert np.asarray(whole.predict_on_batch(films)) == pytest.approx(np.asarray(apart), abs=1e-5)


def _describe(layer: dict[str, Any]) -> tuple[Any, ...]:
    config = layer["config"]
    keys = ("filters", "units", "kernel_size", "padding", "pool_size", "rate", "activation")
    if layer["class_name"] == "MaxPooling2D":
        keys = ("pool_size",)
    return (layer["class_name"], *(config[key] for key in keys if key in config))
