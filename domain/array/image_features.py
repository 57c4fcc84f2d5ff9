"""Features of an array, from which the image guard judges it. NumPy only.

They are those of the array at 64 by 64 pixels, so that a picture's resolution tells nothing: some pictures of
the training are that small.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

SIDE: Final = 64
THUMBNAIL: Final = 32
CELLS: Final = 8
DIRECTIONS: Final = 8
GREYS: Final = 16

EDGES: Final = slice(THUMBNAIL**2, THUMBNAIL**2 + CELLS**2 * DIRECTIONS)
"""Place of the histograms of gradients among the features."""

FeatureVector = npt.NDArray[np.float32]
"""float32 (FEATURES,)."""

FEATURES: Final = EDGES.stop + GREYS + 10
"""Number of features of an array."""

_FLAT: Final = 1e-3
"""Standard deviation below which an array shows no picture."""


def describe(array: npt.NDArray[np.float32]) -> FeatureVector:
    """Return the features of an array.

    Args:
        array: float32 (256, 256) in 0..1, as `normalization.normalize` makes it.

    Returns:
        A thumbnail with mean 0 and standard deviation 1; histograms of oriented gradients in 8 by 8 cells
        (Dalal and Triggs 2005); a histogram of grey values; and single numbers for symmetry, sharpness and
        contrast.
    """
    picture = _shrink(array, SIDE)
    thumbnail = _shrink(picture, THUMBNAIL)
    spread = max(float(thumbnail.std()), _FLAT)
    standard = (thumbnail - thumbnail.mean()) / spread
    return np.concatenate(
        [
            np.clip(standard, -3.0, 3.0).ravel(),
            _describe_edges(picture),
            np.sqrt(np.histogram(picture, bins=GREYS, range=(0.0, 1.0))[0] / picture.size),
            _describe_whole(picture, standard, spread),
        ]
    ).astype(np.float32)


def _shrink(array: npt.NDArray[np.float32], side: int) -> npt.NDArray[np.float32]:
    rows, columns = array.shape[0] // side, array.shape[1] // side
    # Rows first: their sums are of whole vectors.
    bands = array.reshape(side, rows, array.shape[1]).sum(axis=1, dtype=np.float32)
    shrunk: npt.NDArray[np.float32] = bands.reshape(side, side, columns).sum(axis=2, dtype=np.float32)
    return shrunk / np.float32(rows * columns)


def _describe_edges(picture: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    down, right = np.gradient(picture)
    strength = np.hypot(down, right)
    direction = np.floor(np.arctan2(down, right) % np.pi / np.pi * DIRECTIONS).astype(np.int64) % DIRECTIONS
    place = np.arange(SIDE) * CELLS // SIDE
    slot = (place[:, None] * CELLS + place[None, :]) * DIRECTIONS + direction
    amount = np.bincount(slot.ravel(), weights=strength.ravel(), minlength=CELLS**2 * DIRECTIONS)
    whole = amount.sum()
    # The square root limits the weight of markers and collimator edges.
    return np.sqrt(amount / whole if whole > 0 else amount).astype(np.float32) * np.float32(8.0)


def _describe_whole(
    picture: npt.NDArray[np.float32], standard: npt.NDArray[np.float32], spread: float
) -> npt.NDArray[np.float32]:
    columns, rows = standard.mean(axis=0), standard.mean(axis=1)
    steps = np.abs(np.diff(picture, axis=0)).mean() + np.abs(np.diff(picture, axis=1)).mean()
    third = THUMBNAIL // 3
    return np.array(
        [
            _correlate(standard, standard[:, ::-1]),
            _correlate(standard, standard[::-1]),
            _correlate(columns, columns[::-1]),
            _correlate(rows, rows[::-1]),
            spread * 4.0,
            float(picture.mean()),
            float((picture <= 0.004).mean()),
            float((picture >= 0.996).mean()),
            np.log10(float(steps) + 1e-5),
            float(standard[third:-third, third:-third].mean()),
        ],
        dtype=np.float32,
    )


def _correlate(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> float:
    first, second = first - first.mean(), second - second.mean()
    size = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / size if size > 1e-6 else 0.0
