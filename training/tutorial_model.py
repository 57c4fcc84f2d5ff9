"""Conversion of the tutorial's models, `model_structure.json` and `model_weights.h5`, to bundles.

It reads files of Keras 2 (`save_weights("….h5")` of TensorFlow up to 2.15, or of tf-keras) and of Keras 3,
without tf-keras. Keras gets a structure only after it was rewritten and checked.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np

from domain.array.normalization import SPEC
from domain.bundle.bundle import MAX_FILE_BYTES, Bundle, write_bundle
from domain.bundle.graph_structure import check_structure
from domain.bundle.manifest import STRUCTURE, WEIGHTS
from domain.errors import PermanentError
from networks.keras_library import load_keras
from training.keras_graph import rewrite_graph
from training.learning.architectures import IMAGENET_MEANS_BGR

keras = load_keras()

FILM: Final = (SPEC.rows, SPEC.columns, 1)
COLOURED: Final = (SPEC.rows, SPEC.columns, 3)
FEATURES: Final = (SPEC.rows // 32, SPEC.columns // 32, 512)
"""Shape of the features of a film by VGG16's convolutions."""
FEATURES_FLAT: Final = (FEATURES[0] * FEATURES[1] * FEATURES[2],)
MOST_STRUCTURE_BYTES: Final = 16 * 2**20

NOTES: Final = (
    "Imported from a model_structure.json and model_weights.h5 as the tutorial writes them. It was trained "
    "on images resized to 256 by 256 by nearest neighbour; tbscreen averages areas, so its scores here "
    "differ from those there. It has been neither evaluated nor calibrated here: the score is no "
    "probability, and the operating points are the tutorial's 0.5, with unknown sensitivity and specificity."
)


def load_tutorial_model(structure: Path, weights: Path, vgg16_weights: Path | None = None) -> Any:
    """Load a model of the tutorial and extend it to take films.

    A model of three channels gets the film in each channel. A head on VGG16's features is joined to VGG16,
    whose input is that of `vgg16.preprocess_input`: three equal channels, 0..255, less ImageNet's means.

    Args:
        structure: Keras JSON of a Sequential or Functional model of layers that only compute.
        weights: HDF5 file of Keras 2 or 3.
        vgg16_weights: VGG16's convolutions, for a model that is a head on them: Keras'
            `vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5`, or an npz of `block1_conv1_W`,
            `block1_conv1_b` and so on.

    Returns:
        keras.Model, float32 (n, 256, 256, 1) in 0..1 to (n, 1) or (n, 2) in 0..1: TB is the last column.

    Raises:
        PermanentError: when the files are no such model.
    """
    model = _build(structure)
    _check_output(model, structure)
    _load_weights(model, weights)
    shape = tuple(model.inputs[0].shape[1:])
    film = keras.Input(FILM, name="film")
    if shape == FILM:
        return keras.Model(film, _call(model, film), name="tutorial")
    if shape == COLOURED:
        return keras.Model(film, _call(model, _colour(film)), name="tutorial_in_colour")
    if shape not in (FEATURES, FEATURES_FLAT):
        raise PermanentError(
            f"{structure}: the network takes arrays of {_show(shape)}; tbscreen makes {_show(FILM)}. "
            "Train one of that size: tbscreen retrain --architecture scratch"
        )
    if vgg16_weights is None:
        raise PermanentError(
            f"{structure}: the network takes VGG16's features, {_show(shape)}, not images: name VGG16's "
            "weights too (--vgg16-weights vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5)"
        )
    base = keras.applications.VGG16(weights=None, include_top=False, input_shape=COLOURED)
    _load_vgg16(base, vgg16_weights)
    means = keras.layers.Rescaling(255.0, [-mean for mean in IMAGENET_MEANS_BGR], name="less_imagenet_means")
    features = _colour(film)
    for layer in [means, *base.layers[1:]]:
        features = layer(features)
    if shape == FEATURES_FLAT:
        features = keras.layers.Flatten(name="features")(features)
    return keras.Model(film, _call(model, features), name="tutorial_on_vgg16")


def write_tutorial_bundle(directory: Path, model: Any, name: str, version: str) -> Bundle:
    """Write a bundle of a tutorial model, with unknown figures marked as unknown.

    Args:
        directory: folder of the bundle, absent or empty.
        model: result of `load_tutorial_model`.
        name: name of the bundle.
        version: version of the bundle.

    Raises:
        PermanentError: when the bundle cannot be written.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / WEIGHTS
        model.save_weights(path)
        content = path.read_bytes()
    unknown = {"threshold": 0.5, "sensitivity": None, "specificity": None}
    manifest: Mapping[str, Any] = {
        "format": 1,
        "name": name,
        "version": version,
        "architecture": "tutorial",
        "trained": True,
        "finding": "TBCXR",
        "normalization": SPEC.to_manifest(),
        "operating_points": [{"name": "screening", **unknown}, {"name": "rule_in", **unknown}],
        "reported_operating_point": "screening",
        "calibration": {"method": "identity", "prevalence": None},
        "metrics": {},
        "training_data": {"interpolation": "nearest neighbour"},
        "notes": NOTES,
    }
    return write_bundle(directory, manifest, {STRUCTURE: model.to_json().encode(), WEIGHTS: content})


def _read(structure: Path) -> str:
    try:
        if structure.stat().st_size > MOST_STRUCTURE_BYTES:
            raise PermanentError(f"{structure} is too large for a model's structure")
        return structure.read_text("utf-8")
    except OSError as error:
        raise PermanentError(f"{structure}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PermanentError(f"{structure} cannot be converted: {error}") from error


def _build(structure: Path) -> Any:
    graph = _read(structure)
    try:
        text = rewrite_graph(graph)
        check_structure(text.encode())
        return keras.models.model_from_json(text)
    except PermanentError as error:
        raise PermanentError(f"{structure} cannot be converted: {error}") from error
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        IndexError,
        RuntimeError,
        RecursionError,
    ) as error:
        raise PermanentError(f"{structure}: Keras cannot build it: {_shorten(error)}") from error


def _load_weights(model: Any, weights: Path) -> None:
    """Load weights of Keras 2 or 3 under the file ending by which Keras tells them apart."""
    ending = _recognize(weights)
    with tempfile.TemporaryDirectory() as folder:
        named = Path(folder) / f"model{ending}"
        named.symlink_to(weights.absolute())
        try:
            with warnings.catch_warnings():
                # Keras only warns about missing weights, and would score with random ones.
                warnings.simplefilter("error", UserWarning)
                model.load_weights(named)
        except (ValueError, TypeError, KeyError, OSError, AttributeError, UserWarning) as error:
            raise PermanentError(
                f"{weights} does not fit the structure; both files must come from one model: "
                f"{_shorten(error)}"
            ) from error
    if not all(bool(np.all(np.isfinite(weight))) for weight in model.get_weights()):
        raise PermanentError(f"{weights} holds weights that are not numbers: the training had failed")


def _recognize(weights: Path) -> str:
    """Return the file ending by which Keras recognizes the format of these weights."""
    try:
        if weights.stat().st_size > MAX_FILE_BYTES:
            raise PermanentError(f"{weights} is larger than {MAX_FILE_BYTES // 2**30} GiB")
        with h5py.File(weights, "r") as file:
            odd: list[str] = []
            file.visititems(lambda name, entry: odd.append(name) if _is_odd(name, entry) else None)
            legacy = "layer_names" in file.attrs or "layer_names0" in file.attrs or "model_weights" in file
    except FileNotFoundError as error:
        raise PermanentError(f"{weights}: {error.strerror}") from error
    except OSError as error:
        raise PermanentError(
            f"{weights} is not an HDF5 file ({error.strerror or _shorten(error)}): save the weights by "
            "model.save_weights('model_weights.h5'), in Keras 3 by model.save_weights('model.weights.h5')"
        ) from error
    if odd:
        raise PermanentError(
            f"{weights}: {odd[0]} holds no floating-point weights; quantized models are not read"
        )
    return ".h5" if legacy else ".weights.h5"


def _is_odd(name: str, entry: Any) -> bool:
    """True for weights that are not floating-point, except for optimizers and the seeds of Dropout."""
    if not isinstance(entry, h5py.Dataset) or "optimizer" in name or "seed_generator" in name:
        return False
    return not np.issubdtype(entry.dtype, np.floating)


def _check_output(model: Any, structure: Path) -> None:
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise PermanentError(
            f"{structure}: the network has {len(model.inputs)} inputs and {len(model.outputs)} outputs, "
            "not one each"
        )
    shape = tuple(model.outputs[0].shape)
    last = model.layers[-1]
    while hasattr(last, "layers"):
        last = last.layers[-1]
    end = last.get_config().get("activation") or type(last).__name__.lower()
    if len(shape) != 2 or shape[1] not in (1, 2) or (end, shape[1]) not in ENDS:
        raise PermanentError(
            f"{structure}: the network ends in {end} with shape {shape}; it must end in one sigmoid for "
            "TB, or in two outputs (sigmoid or softmax) with TB last"
        )


ENDS: Final = frozenset({("sigmoid", 1), ("sigmoid", 2), ("softmax", 2)})


def _load_vgg16(base: Any, path: Path) -> None:
    if path.suffix.lower() != ".npz":
        _load_weights(base, path)
        return
    try:
        with np.load(path, allow_pickle=False) as arrays:
            for layer in base.layers:
                if layer.weights:
                    layer.set_weights([arrays[f"{layer.name}_{kind}"].astype(np.float32) for kind in "Wb"])
    except (OSError, ValueError, KeyError) as error:
        raise PermanentError(f"{path} does not hold VGG16's convolutions: {_shorten(error)}") from error


def _colour(film: Any) -> Any:
    return keras.layers.Concatenate(name="three_channels")([film, film, film])


def _call(model: Any, inputs: Any) -> Any:
    """Call a model; a Sequential is called layer by layer, so that the joined graph is flat."""
    if not isinstance(model, keras.Sequential):
        return model(inputs)
    for layer in model.layers:
        inputs = _call(layer, inputs)
    return inputs


def _show(shape: tuple[int | None, ...]) -> str:
    return "×".join("?" if length is None else str(length) for length in shape)


def _shorten(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
