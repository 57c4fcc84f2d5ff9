from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from domain.bundle.graph_structure import check_structure
from domain.errors import PermanentError
from networks.layers import LogMeanExpPooling1
from training.learning.lite0 import CELLS, build_lite0, finish, load_imagenet
from training.learning.lite0_weights import IMAGENET, read_layers


@pytest.fixture(scope="module")
def network() -> keras.Model:
    keras.utils.set_random_seed(1)
    model = build_lite0()
    load_imagenet(model, IMAGENET)
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


def test_a_bundle_weighs_cells_by_their_zone_for_the_score_but_not_for_the_heat(network: keras.Model) -> None:
    films = np.random.default_rng(4).random((2, 256, 256, 1)).astype(np.float32)
    cells = network.predict_on_batch(films)["cells"]
    score, heat = finish(network).predict_on_batch(films)
    np.testing.assert_allclose(heat, 1 / (1 + np.exp(-cells)), rtol=0, atol=1e-4)
    # Rows 0 and 13 have +2 and -2; columns 6 and 7 lie 1/13 from the midline: exp(-(1/13 / .3)²) = .936.
    down = 2.0 - 4.0 * np.arange(CELLS) / 13
    across = -2.0 * np.exp(-np.square((np.arange(CELLS) / 6.5 - 1) / 0.3))
    assert np.isclose(across[6], -1.873, atol=1e-3)
    weighed = cells + down[:, np.newaxis, np.newaxis] + across[:, np.newaxis]
    logits = np.asarray(LogMeanExpPooling1()(1.5 * weighed)) / 1.5
    np.testing.assert_allclose(score, 1 / (1 + np.exp(-logits)), rtol=0, atol=1e-4)


def test_only_the_central_field_counts(network: keras.Model) -> None:
    films = np.random.default_rng(2).random((2, 256, 256, 1)).astype(np.float32)
    films[1] = films[0]
    films[1, :16] = films[1, -16:] = films[1, :, :16] = films[1, :, -16:] = 1.0
    outputs = network.predict_on_batch(films)["cells"]
    # A CPU may sum the films of one batch in different orders.
    np.testing.assert_allclose(outputs[0], outputs[1], rtol=0, atol=1e-5)


def test_a_change_of_contrast_changes_next_to_nothing(network: keras.Model) -> None:
    films = np.random.default_rng(3).random((2, 256, 256, 1)).astype(np.float32)
    films[1] = films[0] ** 1.4 * 0.9 + 0.05
    outputs = network.predict_on_batch(films)["tuberculosis"]
    assert abs(outputs[0, 0] - outputs[1, 0]) < 0.05


def test_imagenet_features_are_in_range(network: keras.Model) -> None:
    """Weights read in the wrong order give features of wild size: trained ones stay near their norm's."""
    features = keras.Model(network.input, network.get_layer("block10_add").output)
    films = np.random.default_rng(5).random((1, 32, 32, 1)).astype(np.float32).repeat(8, 1).repeat(8, 2)
    assert 0.1 < features.predict_on_batch(films).std() < 10


def test_imagenet_features_are_those_of_the_weights_in_single_precision(network: keras.Model) -> None:
    """Weights that were rounded, or folded wrongly, give others; the figures are the original file's."""
    features = keras.Model(network.input, network.get_layer("block15_project").output)
    films = np.random.default_rng(5).random((1, 32, 32, 1)).astype(np.float32).repeat(8, 1).repeat(8, 2)
    values = features.predict_on_batch(films)
    expected = [-0.38291085, -0.07148629, -0.65021706, -0.716038, 1.2274332]
    assert np.allclose(values.ravel()[:5], expected, atol=0.02)
    assert values.mean() == pytest.approx(-0.12531295, abs=0.002)
    assert values.std() == pytest.approx(1.4925442, abs=0.005)


def test_a_weights_file_holds_a_kernel_and_a_bias_for_each_convolution(
    network: keras.Model, tmp_path: Path
) -> None:
    assert {name for name, _ in read_layers()} == {
        layer.name
        for layer in network.layers
        if layer.weights and (layer.name == "stem" or layer.name.startswith("block"))
    }
    with np.load(IMAGENET) as whole:
        np.savez(
            tmp_path / "a.npz", **{name: whole[name] for name in whole.files if name != "block9_expand_b"}
        )
    with pytest.raises(PermanentError, match="block9_expand_b"):
        list(read_layers(tmp_path / "a.npz"))


@pytest.mark.parametrize("content", [b"", b"nothing", b"PK\x03\x04 a zip", b"\x80\x02}q\x00."])
def test_a_file_of_something_else_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(content)
    with pytest.raises(PermanentError, match="does not hold EfficientNet-Lite0"):
        list(read_layers(path))


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(IMAGENET.read_bytes()[:-3])
    with pytest.raises(PermanentError, match="does not hold EfficientNet-Lite0"):
        list(read_layers(tmp_path / "a.npz"))


@pytest.mark.parametrize("packed", [True, False], ids=["in an npz", "alone"])
def test_nothing_in_a_weights_file_is_run(tmp_path: Path, packed: bool) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "was here",)

    path = tmp_path / "a.npz"
    if packed:
        np.savez(path, stem_W=np.array([Hostile()], dtype=object))
    else:
        path.write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(PermanentError, match="allow_pickle="):
        list(read_layers(path))
    assert not (tmp_path / "was here").exists()
