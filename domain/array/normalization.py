"""Normalization of display values to the array that every model takes. NumPy and Pillow only.

Training, `tbscreen predict` and the gateway call the same function, so that a model scores arrays like those
it was trained on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, _imaging


@dataclass(frozen=True)
class NormalizationSpec:
    """The definition of the normalization, as data that every bundle's manifest holds."""

    version: str = "tbscreen-normalization-1"
    """Changes with every change that alters a pixel."""
    rows: int = 256
    columns: int = 256
    aspect: str = "stretched"
    """The whole film fills the array, without its aspect ratio."""
    field_of_view: str = "whole film"
    window: str = "first VOI LUT, else first window"
    window_fallback: str = "stored range without padding"
    padding: str = "black"
    inversion: str = "MONOCHROME1 or Presentation LUT Shape INVERSE, after the window"
    interpolation: str = "area average"
    dtype: str = "float32"
    minimum: float = 0.0
    maximum: float = 1.0

    def to_manifest(self) -> dict[str, Any]:
        """Return the spec as the JSON object that a bundle's manifest holds."""
        return asdict(self)


SPEC: Final = NormalizationSpec()
"""The normalization of this version of tbscreen."""

STRIP_ROWS: Final = 128
"""Rows to resize at once, so that they stay in the processor's cache."""

FilmArray = npt.NDArray[np.float32]
"""float32 (256, 256), 0 (black) to 1 (white); bones are white."""


def normalize(display: npt.NDArray[np.float32] | npt.NDArray[np.uint8]) -> FilmArray:
    """Resize display values to the array that models take.

    Args:
        display: (rows, columns); float32 in 0..1, or uint8 in 0..255 as read from a PNG. Bones white.

    Returns:
        float32 (256, 256) in 0..1, each pixel the mean of the area that it covers.

    Raises:
        ValueError: when `display` is not two-dimensional, is empty, or is of another type.
    """
    if display.ndim != 2 or 0 in display.shape:
        raise ValueError(f"a film has rows and columns, not shape {display.shape}")
    if display.dtype not in (np.uint8, np.float32):
        raise ValueError(f"display values are float32 or uint8, not {display.dtype}")
    parts = (display[top : top + STRIP_ROWS] for top in range(0, display.shape[0], STRIP_ROWS))
    return normalize_strips(_to_unit(part) for part in parts)


def normalize_strips(strips: Iterable[npt.NDArray[np.float32]]) -> FilmArray:
    """Resize a film that comes in strips from top to bottom, with the result of `normalize`.

    Args:
        strips: float32 (any rows, columns) in 0..1, all of the same width.

    Returns:
        float32 (256, 256) in 0..1.

    Raises:
        ValueError: when there is no strip.
    """
    # Like Pillow, which resizes all rows before the columns; each row is resized independently.
    narrow = [_resize(strip, strip.shape[0], SPEC.columns) for strip in strips]
    return np.clip(_resize(np.concatenate(narrow), SPEC.rows, SPEC.columns), 0.0, 1.0)


def _to_unit(display: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    if display.dtype == np.uint8:
        return display.astype(np.float32) / np.float32(255)
    return display


def _resize(display: npt.NDArray[np.float32], rows: int, columns: int) -> npt.NDArray[np.float32]:
    """Return an area average of float32 (rows, columns)."""
    resized = _view(np.ascontiguousarray(display)).resize((columns, rows), Image.Resampling.BOX)
    return np.asarray(resized, dtype=np.float32)


def _view(display: npt.NDArray[np.float32]) -> Image.Image:
    """Return a picture that shares the memory of float32 (rows, columns).

    `Image.frombuffer` copies pictures of this mode, although the function beneath it can share them.
    """
    rows, columns = display.shape
    mapped = _imaging.map_buffer(display, (columns, rows), "raw", 0, ("F", 0, 1))
    return Image.new("F", (0, 0))._new(mapped)
