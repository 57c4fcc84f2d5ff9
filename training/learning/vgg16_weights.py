"""VGG16's published convolution weights, from a file or from Keras' cache, without network access."""

from __future__ import annotations

import hashlib
import os
import warnings
import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from domain.errors import PermanentError
from networks.keras_library import load_keras
from training.learning.architectures import VGG16_BLOCKS

keras = load_keras()

FILE_NAME: Final = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
PAGE: Final = "https://keras.io/api/applications/vgg/"
ADDRESS: Final = f"https://storage.googleapis.com/tensorflow/keras-applications/vgg16/{FILE_NAME}"
OPTION: Final = "--pretrained"

CONVOLUTIONS: Final = tuple(
    f"block{block}_conv{number}"
    for block, (convolutions, _) in enumerate(VGG16_BLOCKS, start=1)
    for number in range(1, convolutions + 1)
)


def load_vgg16_weights(model: Any, path: Path | None = None) -> str:
    """Set the 13 convolutions of a network of `build_vgg16` or `build_vgg16_features`.

    Args:
        model: the network to change.
        path: Keras' `.h5` without top layers, a `.weights.h5` of
            `keras.applications.VGG16(include_top=False)`, or an `.npz` with `block1_conv1_W` (rows, columns,
            channels in, channels out), `block1_conv1_b` and so on; None: the file in Keras' cache.

    Returns:
        First 16 hexadecimal digits of the file's SHA-256, which identify the weights.

    Raises:
        PermanentError: when the file is missing or does not hold these weights.
    """
    found = find_vgg16_weights() if path is None else path
    if not found.is_file():
        raise PermanentError(_explain(found))
    try:
        weights = _read_npz(found) if found.suffix == ".npz" else _read_h5(found)
        for name in CONVOLUTIONS:
            kernel, bias = weights[name]
            if not bool(np.all(np.isfinite(kernel)) and np.all(np.isfinite(bias))):
                raise ValueError(f"{name} is not finite")
            model.get_layer(name).set_weights([kernel, bias])
    except (ValueError, TypeError, KeyError, OSError, EOFError, UserWarning, zipfile.BadZipFile) as error:
        reason = f"{error}"[:300]
        raise PermanentError(f"{found} does not hold VGG16's convolutions: {reason}") from error
    with found.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def find_vgg16_weights() -> Path:
    """Return the path of the weights in Keras' cache; the file may be missing."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    return home / "models" / FILE_NAME


def _explain(path: Path) -> str:
    return (
        f"there are no VGG16 weights at {path}. Download {ADDRESS} (59 MB; described on {PAGE}) on a "
        f"computer with network access, copy the file here, and name it with {OPTION} FILE or put it at "
        f"{find_vgg16_weights()}"
    )


def _read_npz(path: Path) -> dict[str, tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
    with np.load(path, allow_pickle=False) as arrays:
        return {
            name: (arrays[f"{name}_W"].astype(np.float32), arrays[f"{name}_b"].astype(np.float32))
            for name in CONVOLUTIONS
        }


def _read_h5(path: Path) -> dict[str, tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
    published = keras.applications.VGG16(weights=None, include_top=False, input_shape=(256, 256, 3))
    with warnings.catch_warnings():
        # Keras only warns about missing weights, which would stay random.
        warnings.simplefilter("error", UserWarning)
        published.load_weights(path)
    return {name: tuple(published.get_layer(name).get_weights()) for name in CONVOLUTIONS}
