"""VGG16's weights come from a file, and a wrong or missing one is explained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from domain.errors import PermanentError
from tests import checkout
from training.learning.architectures import build_vgg16_features
from training.learning.vgg16_weights import CONVOLUTIONS, FILE_NAME, load_vgg16_weights

SHARED = checkout.SHARED_DATA / "models"

Weights = dict[str, np.ndarray[Any, np.dtype[np.float32]]]


@pytest.fixture(scope="module")
def features() -> Any:
    """VGG16's convolutions with random weights."""
    return build_vgg16_features()


@pytest.fixture(scope="module")
def npz(tmp_path_factory: pytest.TempPathFactory, features: Any) -> Path:
    """Other random weights, as an .npz file."""
    path = tmp_path_factory.mktemp("weights") / "vgg16.npz"
    np.savez(path, **_draw(features))
    return path


def _draw(features: Any) -> Weights:
    generator = np.random.default_rng(1)
    weights: Weights = {}
    for name in CONVOLUTIONS:
        kernel, bias = features.get_layer(name).get_weights()
        weights[f"{name}_W"] = generator.standard_normal(kernel.shape, dtype=np.float32)
        weights[f"{name}_b"] = generator.standard_normal(bias.shape, dtype=np.float32)
    return weights


def _published(npz: Path) -> Any:
    model = keras.applications.VGG16(weights=None, include_top=False, input_shape=(256, 256, 3))
    with np.load(npz) as weights:
        for name in CONVOLUTIONS:
            model.get_layer(name).set_weights([weights[f"{name}_W"], weights[f"{name}_b"]])
    return model


def test_the_13_convolutions_are_named() -> None:
    assert len(CONVOLUTIONS) == 13
    assert (CONVOLUTIONS[0], CONVOLUTIONS[-1]) == ("block1_conv1", "block5_conv3")


@pytest.mark.parametrize("form", ["npz", "weights.h5", "h5"])
def test_weights_are_read_from_each_form(features: Any, npz: Path, tmp_path: Path, form: str) -> None:
    path = npz
    if form == "weights.h5":
        path = tmp_path / "vgg16.weights.h5"
        _published(npz).save_weights(path)
    elif form == "h5":
        path = tmp_path / FILE_NAME
        _write_legacy(path, npz)
    origin = load_vgg16_weights(features, path)
    assert len(origin) == 16
    with np.load(npz) as expected:
        for name in CONVOLUTIONS:
            kernel, bias = features.get_layer(name).get_weights()
            assert np.array_equal(kernel, expected[f"{name}_W"])
            assert np.array_equal(bias, expected[f"{name}_b"])


def _write_legacy(path: Path, npz: Path) -> None:
    """Write the layout of keras-applications' download: one group per layer, in order."""
    model = _published(npz)
    with h5py.File(path, "w") as file, np.load(npz) as weights:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}_W_1:0", f"{layer.name}_b_1:0"] if layer.name in CONVOLUTIONS else []
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, key in zip(names, (f"{layer.name}_W", f"{layer.name}_b"), strict=False):
                group.create_dataset(name, data=weights[key])


def test_keras_cache_is_looked_into(
    features: Any, npz: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(PermanentError) as caught:
        load_vgg16_weights(features)
    place = tmp_path / "models" / FILE_NAME
    for told in (str(place), "https://keras.io/api/applications/vgg/", "--pretrained FILE"):
        assert told in str(caught.value)
    place.parent.mkdir()
    _write_legacy(place, npz)
    assert len(load_vgg16_weights(features)) == 16


@pytest.mark.parametrize("name", ["damaged.h5", "damaged.weights.h5", "damaged.npz", "damaged.txt"])
def test_a_damaged_file_is_refused(features: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"no weights")
    with pytest.raises(PermanentError, match="does not hold VGG16's convolutions"):
        load_vgg16_weights(features, tmp_path / name)


@pytest.mark.parametrize("trouble", ["missing", "shape", "nan", "objects"])
def test_an_npz_with_something_else_is_refused(features: Any, tmp_path: Path, trouble: str) -> None:
    weights: dict[str, Any] = dict(_draw(features))
    if trouble == "missing":
        del weights["block3_conv2_b"]
    elif trouble == "shape":
        weights["block1_conv1_W"] = weights["block1_conv1_W"].transpose(3, 2, 0, 1)
    elif trouble == "nan":
        weights["block1_conv1_b"][0] = np.nan
    else:
        weights["block1_conv1_b"] = np.array([{}], dtype=object)  # would be unpickled
    np.savez(tmp_path / "wrong.npz", **weights)
    with pytest.raises(PermanentError, match="does not hold VGG16's convolutions"):
        load_vgg16_weights(features, tmp_path / "wrong.npz")


def test_the_candidate_weights_are_read(features: Any) -> None:
    path = SHARED / "vgg16_notop_candidate_f16.npz"
    if not path.is_file():
        pytest.skip(f"no file {path.name}: the folder shared/data/models is not beside the repository")
    load_vgg16_weights(features, path)
    kernel = features.get_layer("block1_conv1").get_weights()[0]
    assert kernel.shape == (3, 3, 3, 64)
    assert 0.1 < float(kernel.std()) < 0.4
