"""The tutorial's files, as Keras 2 and Keras 3 write them, become bundles that score as they did there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import numpy.typing as npt
import pytest
from keras import layers

from domain.array.normalization import SPEC
from domain.bundle.bundle import open_bundle
from domain.errors import PermanentError
from tests import checkout
from tests.unit.training import keras2_files as keras2
from training.tutorial_model import load_tutorial_model, write_tutorial_bundle
from worker.predictor import Predictor

SHARED = checkout.SHARED_DATA
RANDOM = np.random.default_rng(11)
FILMS = RANDOM.random((2, 256, 256, 1), dtype=np.float32)

Array = npt.NDArray[np.float32]


def draw(*shape: int) -> Array:
    return RANDOM.normal(0, 0.3, shape).astype(np.float32)


def weigh(*shape: int) -> dict[str, Array]:
    return {"kernel": draw(*shape), "bias": draw(shape[-1])}


def weigh_norm(count: int) -> dict[str, Array]:
    return {
        "gamma": draw(count) + 1,
        "beta": draw(count),
        "moving_mean": draw(count),
        "moving_variance": np.abs(draw(count)) + np.float32(0.5),
    }


def make_scratch(
    channels: int = 1, activation: str = "sigmoid", units: int = 2
) -> tuple[Any, keras2.Weights]:
    """Return a network of the kinds of layer that the tutorial's has, and its weights."""
    graph = keras2.make_sequential(
        (256, 256, channels),
        [
            keras2.convolve("conv2d", 4, padding="same"),
            keras2.convolve("conv2d_1", 3),
            keras2.pool("max_pooling2d", 16),
            keras2.drop("dropout"),
            keras2.convolve("conv2d_2", 2, activation="linear"),
            keras2.normalize_batch("batch_normalization"),
            keras2.describe("Activation", "activation", activation="relu"),
            keras2.flatten(),
            keras2.connect("dense", 8, "relu"),
            keras2.drop("dropout_1"),
            keras2.connect("dense_1", units, activation),
        ],
    )
    weights = {
        "conv2d": weigh(3, 3, channels, 4),
        "conv2d_1": weigh(3, 3, 4, 3),
        "conv2d_2": weigh(3, 3, 3, 2),
        "batch_normalization": weigh_norm(2),
        "dense": weigh(13 * 13 * 2, 8),
        "dense_1": weigh(8, units),
    }
    return graph, weights


def build_scratch(weights: keras2.Weights, channels: int = 1) -> Any:
    """Build the same network by Keras 3's own means."""
    model = keras.Sequential(
        [
            keras.Input((256, 256, channels)),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.Conv2D(3, 3, activation="relu"),
            layers.MaxPooling2D(16),
            layers.Dropout(0.25),
            layers.Conv2D(2, 3),
            layers.BatchNormalization(epsilon=0.001),
            layers.Activation("relu"),
            layers.Flatten(),
            layers.Dense(8, activation="relu"),
            layers.Dropout(0.25),
            layers.Dense(2, activation="sigmoid"),
        ]
    )
    model.set_weights([array for arrays in weights.values() for array in arrays.values()])
    return model


def predict(model: Any, films: Array = FILMS) -> Array:
    return np.asarray(model.predict_on_batch(films))


def test_files_of_keras_2_score_as_there(tmp_path: Path) -> None:
    graph, weights = make_scratch()
    model = load_tutorial_model(*keras2.write_files(tmp_path, graph, weights))
    assert model.input_shape == (None, 256, 256, 1)
    expected = predict(build_scratch(weights))
    assert np.abs(predict(model) - expected).max() < 1e-6
    assert np.ptp(expected[:, 1]) > 1e-4


def test_files_of_keras_3_score_as_there(tmp_path: Path) -> None:
    _, weights = make_scratch()
    original = build_scratch(weights)
    structure, file = tmp_path / "model_structure.json", tmp_path / "model.weights.h5"
    structure.write_text(original.to_json(), "utf-8")
    original.save_weights(file)
    renamed = file.rename(tmp_path / "model_weights.h5")
    assert np.abs(predict(load_tutorial_model(structure, renamed)) - predict(original)).max() < 1e-6


def test_a_whole_model_in_one_hdf5_file_serves_as_weights(tmp_path: Path) -> None:
    graph, weights = make_scratch()
    structure, file = keras2.write_files(tmp_path, graph, weights)
    with h5py.File(file) as source, h5py.File(tmp_path / "model.h5", "w") as target:
        group = target.create_group("model_weights")
        for name in source:
            source.copy(name, group)
        for name, value in source.attrs.items():
            group.attrs[name] = value
        target.create_dataset("optimizer_weights/iterations", data=np.int64(3))
    expected = predict(load_tutorial_model(structure, file))
    assert np.array_equal(predict(load_tutorial_model(structure, tmp_path / "model.h5")), expected)


def test_a_network_of_three_channels_sees_the_film_in_each(tmp_path: Path) -> None:
    graph, weights = make_scratch(channels=3)
    model = load_tutorial_model(*keras2.write_files(tmp_path, graph, weights))
    expected = predict(build_scratch(weights, channels=3), np.repeat(FILMS, 3, axis=-1))
    assert model.input_shape == (None, 256, 256, 1)
    assert np.abs(predict(model) - expected).max() < 1e-6


def test_a_functional_network_with_branches_is_read(tmp_path: Path) -> None:
    graph = keras2.make_functional(
        (256, 256, 1),
        [
            (keras2.convolve("left/conv", 2, padding="same"), ["input_1"]),
            (keras2.convolve("right", 2, padding="same"), ["input_1"]),
            (keras2.describe("Concatenate", "both", axis=-1), ["left/conv", "right"]),
            (keras2.describe("GlobalAveragePooling2D", "mean", data_format="channels_last"), ["both"]),
            (keras2.connect("dense", 1, "sigmoid"), ["mean"]),
        ],
    )
    weights = {"left/conv": weigh(3, 3, 1, 2), "right": weigh(3, 3, 1, 2), "dense": weigh(4, 1)}
    model = load_tutorial_model(*keras2.write_files(tmp_path, graph, weights))
    film = keras.Input((256, 256, 1))
    left = layers.Conv2D(2, 3, padding="same", activation="relu")(film)
    right = layers.Conv2D(2, 3, padding="same", activation="relu")(film)
    pooled = layers.GlobalAveragePooling2D()(layers.Concatenate()([left, right]))
    expected = keras.Model(film, layers.Dense(1, activation="sigmoid")(pooled))
    expected.set_weights([array for arrays in weights.values() for array in arrays.values()])
    assert np.abs(predict(model) - predict(expected)).max() < 1e-6
    again = tmp_path / "again.json"
    again.write_text(expected.to_json(), "utf-8")
    assert (
        np.abs(predict(load_tutorial_model(again, tmp_path / "model_weights.h5")) - predict(expected)).max()
        < 1e-6
    )


def test_an_imported_bundle_says_what_is_not_known_of_it_and_scores_alike(tmp_path: Path) -> None:
    graph, weights = make_scratch()
    model = load_tutorial_model(*keras2.write_files(tmp_path, graph, weights))
    bundle = write_tutorial_bundle(tmp_path / "bundle", model, "tutorial", "1.0")
    manifest = open_bundle(tmp_path / "bundle").manifest
    assert (manifest.name, manifest.version, manifest.architecture) == ("tutorial", "1.0", "tutorial")
    assert manifest.trained is True
    assert manifest.normalization == SPEC.to_manifest()
    assert manifest.calibration.method == "identity"
    assert manifest.calibration.prevalence is None
    for point in manifest.operating_points:
        assert (point.threshold, point.sensitivity, point.specificity) == (0.5, None, None)
    assert "nearest neighbour" in manifest.notes
    assert "neither evaluated nor calibrated" in manifest.notes
    predictor = Predictor(bundle, runtime="keras", precision="float32")
    assert np.allclose(predictor.predict(FILMS[..., 0]), predict(model)[:, -1], atol=1e-5)


def make_head(flat: bool) -> tuple[Any, keras2.Weights]:
    """Return a head on VGG16's features with its weights."""
    dense = [
        keras2.connect("dense", 4, "relu"),
        keras2.drop("dropout"),
        keras2.connect("dense_1", 1, "sigmoid"),
    ]
    weights = {"dense": weigh(8 * 8 * 512, 4), "dense_1": weigh(4, 1)}
    weights["dense"]["kernel"] *= np.float32(0.01)
    if flat:
        return keras2.make_sequential((8 * 8 * 512,), dense), weights
    return keras2.make_sequential((8, 8, 512), [keras2.flatten(), *dense]), weights


def test_a_head_on_features_asks_for_vgg16(tmp_path: Path) -> None:
    for flat in (False, True):
        paths = keras2.write_files(tmp_path, *make_head(flat))
        with pytest.raises(PermanentError, match=r"takes VGG16's features.*--vgg16-weights"):
            load_tutorial_model(*paths)


def test_a_head_is_joined_to_vgg16(tmp_path: Path) -> None:
    base = keras.applications.VGG16(weights=None, include_top=False, input_shape=(256, 256, 3))
    file = tmp_path / "vgg16.npz"
    convolutions = [layer for layer in base.layers if layer.weights]
    named = {
        f"{layer.name}_{kind}": weights
        for layer in convolutions
        for kind, weights in zip("Wb", layer.get_weights(), strict=True)
    }
    np.savez(file, **{name: array.astype(np.float16) for name, array in named.items()})
    for layer in convolutions:
        layer.set_weights([array.astype(np.float16).astype(np.float32) for array in layer.get_weights()])
    pictures = keras.applications.vgg16.preprocess_input(np.repeat(FILMS[:1], 3, axis=-1) * np.float32(255))
    features = np.asarray(base.predict_on_batch(pictures)).reshape(1, -1)
    for flat in (False, True):
        graph, weights = make_head(flat)
        model = load_tutorial_model(*keras2.write_files(tmp_path, graph, weights), file)
        hidden = np.maximum(features @ weights["dense"]["kernel"] + weights["dense"]["bias"], 0)
        logits = hidden @ weights["dense_1"]["kernel"] + weights["dense_1"]["bias"]
        assert np.abs(predict(model, FILMS[:1]) - 1 / (1 + np.exp(-logits))).max() < 1e-4
    (tmp_path / "other.npz").write_bytes(b"no archive")
    with pytest.raises(PermanentError, match="does not hold VGG16's convolutions"):
        load_tutorial_model(*keras2.write_files(tmp_path, *make_head(True)), tmp_path / "other.npz")
    with pytest.raises(PermanentError, match="does not fit the structure"):
        load_tutorial_model(*keras2.write_files(tmp_path, *make_head(True)), tmp_path / "model_weights.h5")


Change = Callable[[dict[str, Any]], object]


def replace_layer(number: int, **changes: Any) -> Change:
    return lambda graph: graph["config"]["layers"][number].update(changes)


def configure(number: int, **changes: Any) -> Change:
    return lambda graph: graph["config"]["layers"][number]["config"].update(changes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (replace_layer(6, class_name="Lambda"), "keras.Lambda is not a known layer that only computes"),
        (replace_layer(6, class_name="Lambda", module="keras.layers"), "keras.layers.Lambda"),
        (replace_layer(6, class_name="TFOpLambda"), "TFOpLambda"),
        (replace_layer(0, module="evil.layers"), "evil.layers.Conv2D"),
        (replace_layer(0, class_name="LSTM"), "LSTM"),
        (
            configure(0, activation={"class_name": "function", "module": "builtins", "config": "eval"}),
            "unknown activation",
        ),
        (configure(0, activation="eval"), "unknown activation 'eval'"),
        (configure(0, rank=7), "unknown setting rank = 7"),
        (configure(0, filters="many"), "Keras cannot build it"),
        (configure(0, filters=5), "does not fit the structure"),
        (lambda graph: graph.update(class_name="Evil"), "it is a Evil, not a Sequential"),
        (lambda graph: graph.pop("config"), "it is not a Keras model"),
        (lambda graph: graph["config"].update(layers=[]), "it is not a Keras model"),
        (lambda graph: graph["config"]["layers"].pop(), "it must end in one sigmoid"),
        (configure(-1, activation="linear"), "ends in linear"),
        (configure(0, batch_input_shape=[None, 256, 256, 2]), "does not fit the structure"),
    ],
)
def test_a_structure_that_cannot_be_taken_over_is_refused(
    change: Change, message: str, tmp_path: Path
) -> None:
    graph, weights = make_scratch()
    structure, file = keras2.write_files(tmp_path, graph, weights)
    change(graph)
    structure.write_text(json.dumps(graph), "utf-8")
    with pytest.raises(PermanentError) as caught:
        load_tutorial_model(structure, file)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("shape", "message"),
    [((64, 64, 1), r"takes arrays of 64×64×1; tbscreen makes 256×256×1"), ((9,), "of 9;")],
)
def test_a_network_of_another_size_is_refused(shape: tuple[int, ...], message: str, tmp_path: Path) -> None:
    dense = keras2.connect("dense", 1, "sigmoid")
    graph = keras2.make_sequential(shape, [dense] if len(shape) == 1 else [keras2.flatten(), dense])
    paths = keras2.write_files(tmp_path, graph, {"dense": weigh(int(np.prod(shape)), 1)})
    with pytest.raises(PermanentError, match=message):
        load_tutorial_model(*paths)


@pytest.mark.parametrize(("units", "activation"), [(1, "softmax"), (3, "sigmoid"), (2, "tanh")])
def test_outputs_that_are_no_score_are_refused(units: int, activation: str, tmp_path: Path) -> None:
    graph, weights = make_scratch(units=units, activation=activation)
    with pytest.raises(PermanentError, match="it must end in one sigmoid for TB, or in two outputs"):
        load_tutorial_model(*keras2.write_files(tmp_path, graph, weights))


def test_weights_that_are_none_are_refused(tmp_path: Path) -> None:
    graph, weights = make_scratch()
    structure, file = keras2.write_files(tmp_path, graph, weights)
    with pytest.raises(PermanentError, match="No such file"):
        load_tutorial_model(structure, tmp_path / "absent.h5")
    with pytest.raises(PermanentError, match="No such file"):
        load_tutorial_model(tmp_path / "absent.json", file)
    with pytest.raises(PermanentError, match="is not an HDF5 file"):
        load_tutorial_model(structure, structure)
    (tmp_path / "text.json").write_text("{")
    with pytest.raises(PermanentError, match="it is not JSON"):
        load_tutorial_model(tmp_path / "text.json", file)
    with pytest.raises(PermanentError, match="cannot be converted"):
        load_tutorial_model(file, file)
    weights["dense"]["bias"][0] = np.nan
    with pytest.raises(PermanentError, match="not numbers"):
        load_tutorial_model(*keras2.write_files(tmp_path, graph, weights))
    weights["dense"]["bias"] = np.zeros(8, np.int8)  # type: ignore[assignment]
    with pytest.raises(PermanentError, match="dense/bias:0 holds no floating-point weights"):
        load_tutorial_model(*keras2.write_files(tmp_path, graph, weights))
    del weights["dense"]
    with pytest.raises(PermanentError, match="does not fit the structure"):
        load_tutorial_model(*keras2.write_files(tmp_path, graph, weights))


def test_real_vgg16_weights_are_taken(tmp_path: Path) -> None:
    real = SHARED / "models" / "vgg16_notop_candidate_f16.npz"
    if not real.is_file():
        pytest.skip(f"no file {real.name}: the folder shared/data/models is not beside the repository")
    model = load_tutorial_model(*keras2.write_files(tmp_path, *make_head(True)), real)
    scores = predict(model, FILMS[:1])
    assert scores.shape == (1, 1)
    assert 0 < float(scores.min()) <= float(scores.max()) < 1
