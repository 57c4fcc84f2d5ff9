"""The default network: EfficientNet-Lite0 with one logit per cell of the film.

EfficientNet-Lite0 (Tan and Le 2019; the Lite variant has no squeeze-and-excitation and uses ReLU6) with its
batch normalization folded into the convolutions, on the equalised central field of the film. Its features at
14 × 14 and 7 × 7 cells become one logit per cell, which the heat map shows, and the film's logit is their
log-mean-exp, for which a bundle weighs the cells by zones of the chest. Where a training film has boxes, the
cells learn from them: cells inside against cells outside of the *same* film, which no difference between
hospitals explains.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from domain.errors import PermanentError
from networks.keras_library import load_keras
from networks.layers import EqualizeHistogram1, LogMeanExpPooling1
from training.learning.lite0_weights import read_layers
from training.learning.style_mixing import StyleMixing

keras = load_keras()
layers = keras.layers

INPUT_SHAPE: Final = (256, 256, 1)
FIELD: Final = 224
"""Rows and columns of the central field; the border (labels, markers, collimator) is cropped."""
MARGIN: Final = (INPUT_SHAPE[0] - FIELD) // 2
CELLS: Final = 14
CELL_PIXELS: Final = FIELD // CELLS

# repeats, kernel, stride, expansion, channels
STAGES: Final = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
FINE: Final = "block10_add"
"""The last layer with 14 × 14 cells."""
MIXED_AFTER: Final = ("block0", "block2", "block4")
"""Blocks after which styles are mixed, the last of each of the three finest grids."""
CHANNELS: Final = 128
UPPER: Final = 2.0
"""Logits that a bundle adds to the top row of cells and takes from the bottom row."""
MIDDLE: Final = 2.0
"""Logits that it takes from cells at the midline."""
MIDLINE: Final = 0.3
"""Distance from the midline, 1 at the edge, at which that has fallen to 1/e."""
SHARPNESS: Final = 1.5
"""Factor of the logits in the pooling of a bundle: 1 pools as in training, a high one like the maximum."""


def build_lite0(mixes_styles: bool = False) -> Any:
    """Return the default network with random weights.

    Args:
        mixes_styles: the styles of a batch are mixed in training (`training.learning.style_mixing`).

    Returns:
        keras.Model: (n, 256, 256, 1) in 0..1 to `{"tuberculosis": (n, 1), "cells": (n, 14, 14, 1)}`, both
        logits; `finish` turns it into the graph of a bundle.
    """
    films = keras.Input(INPUT_SHAPE, name="film")
    x = layers.Cropping2D(MARGIN, name="central_field")(films)
    x = EqualizeHistogram1(name="equalize")(x)
    x = layers.Rescaling(2.0, offset=-1.0, name="to_minus_one_to_one")(x)
    coarse, fine = _extract_features(x, MIXED_AFTER if mixes_styles else ())
    fine = layers.Conv2D(CHANNELS, 1, name="fine")(fine)
    coarse = layers.Conv2D(CHANNELS, 1, name="coarse")(coarse)
    coarse = layers.UpSampling2D(2, interpolation="bilinear", name="coarse_to_fine")(coarse)
    x = layers.ReLU(name="merge_relu")(layers.Add(name="merge")([fine, coarse]))
    x = layers.DepthwiseConv2D(3, padding="same", name="neighbours")(x)
    x = layers.Conv2D(CHANNELS, 1, activation="relu", name="evidence")(x)
    x = layers.Dropout(0.2, name="dropout")(x)
    rare = keras.initializers.Constant(-2.0)  # most cells show no lesion
    cells = layers.Conv2D(1, 1, bias_initializer=rare, dtype="float32", name="cells")(x)
    film = LogMeanExpPooling1(dtype="float32", name="tuberculosis")(cells)
    return keras.Model(films, {"tuberculosis": film, "cells": cells}, name="tbscreen_lite0")


def load_imagenet(model: Any, path: Path) -> None:
    """Set the ImageNet weights of the convolutions up to block 15; the other weights stay random.

    Raises:
        PermanentError: when the file does not fit the network.
    """
    for name, weights in read_layers(path):
        try:
            model.get_layer(name).set_weights(weights)
        except ValueError as error:
            raise PermanentError(f"{path}: {name} does not fit: {error}") from error


def finish(model: Any) -> Any:
    """Return the graph of a bundle: score (n, 1) and heat (n, 14, 14, 1), both 0..1.

    For the score alone, the cells are weighed by their place, and the pooling is sharper than in training:
    postprimary tuberculosis is in the upper zones in nine of ten (Woodring et al. 1986, AJR 146:497). Neither
    training nor the heat weighs cells (docs/decisions/2026-12-01-zones-of-the-chest.md).
    """
    cells = model.output["cells"]
    # Normalization subtracts constants, and workers of the version before load it.
    weights = _weigh_zones()[..., np.newaxis]
    zones = layers.Normalization(
        axis=(1, 2, 3),
        mean=(-weights).tolist(),
        variance=np.ones_like(weights).tolist(),
        dtype="float32",
        name="zones",
    )(cells)
    sharp = layers.Rescaling(SHARPNESS, dtype="float32", name="sharpen")(zones)
    pooled = LogMeanExpPooling1(dtype="float32", name="pool")(sharp)
    film = layers.Rescaling(1.0 / SHARPNESS, dtype="float32", name="film_logit")(pooled)
    score = layers.Activation("sigmoid", dtype="float32", name="score")(film)
    heat = layers.Activation("sigmoid", dtype="float32", name="heat")(cells)
    return keras.Model(model.input, [score, heat], name=model.name)


def _weigh_zones() -> npt.NDArray[np.float64]:
    """Return what is added to the logit of each cell, (14, 14): the upper zones rise, the midline falls."""
    down = np.linspace(-1.0, 1.0, CELLS)[:, np.newaxis]
    across = np.linspace(-1.0, 1.0, CELLS)
    weights: npt.NDArray[np.float64] = -UPPER * down - MIDDLE * np.exp(-np.square(across / MIDLINE))
    return weights.round(6)


def _extract_features(x: Any, mixed: tuple[str, ...]) -> tuple[Any, Any]:
    """Return the last features at 7 × 7 and at 14 × 14 cells; styles are mixed after the named blocks."""
    x = layers.Conv2D(32, 3, strides=2, padding="same", name="stem")(x)
    x = layers.ReLU(6.0, name="stem_relu")(x)
    fine, number, channels_in = x, 0, 32
    for repeats, kernel, stride, expansion, channels in STAGES:
        for repeat in range(repeats):
            step = stride if repeat == 0 else 1
            x = _invert_residual(x, f"block{number}", kernel, step, channels_in * expansion, channels)
            if f"block{number}" in mixed:
                x = StyleMixing(name=f"block{number}_style")(x)
            if f"block{number}_add" == FINE:
                fine = x
            channels_in = channels
            number += 1
    return x, fine


def _invert_residual(x: Any, name: str, kernel: int, stride: int, wide: int, channels: int) -> Any:
    """Append an MBConv block without squeeze-and-excitation: widen, filter each channel, narrow, add."""
    entry = x
    if wide != x.shape[-1]:
        x = layers.Conv2D(wide, 1, name=f"{name}_expand")(x)
        x = layers.ReLU(6.0, name=f"{name}_expand_relu")(x)
    x = layers.DepthwiseConv2D(kernel, strides=stride, padding="same", name=f"{name}_depthwise")(x)
    x = layers.ReLU(6.0, name=f"{name}_depthwise_relu")(x)
    x = layers.Conv2D(channels, 1, name=f"{name}_project")(x)
    if stride == 1 and entry.shape[-1] == channels:
        x = layers.Add(name=f"{name}_add")([entry, x])
    return x
