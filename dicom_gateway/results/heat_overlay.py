"""A heat map laid over the film that it explains: colours, and how strongly they cover it.

NumPy and Pillow only.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

Grey = npt.NDArray[np.uint8]
"""uint8 (rows, columns)."""
Colour = npt.NDArray[np.uint8]
"""uint8 (rows, columns, 3), RGB."""
Spread = npt.NDArray[np.float32]
"""float32 (rows, columns), 0..1: heat at each pixel of the film."""

STOPS: Final = (
    (0.00, (87, 16, 110)),
    (0.25, (158, 42, 99)),
    (0.50, (212, 72, 66)),
    (0.75, (245, 125, 21)),
    (0.90, (250, 193, 39)),
    (1.00, (252, 243, 140)),
)
"""Colours by heat: the upper part of `inferno` (Smith and van der Walt 2015). It is perceptually uniform and
ordered by brightness, so that colour-blind readers and grey prints keep the order."""

FAINTEST: Final = 0.10
"""Heat below which the film is shown unchanged."""
STRONGEST_COVER: Final = 0.45
"""Share of colour in the picture at heat 1; the film stays readable beneath it."""


def spread_heat(cells: Grey, margin: float, rows: int, columns: int) -> Spread:
    """Return the heat at each pixel of a film.

    Args:
        cells: uint8 (r, c), 255 is hottest: a grid over the film's central field.
        margin: margin outside the grid at each edge, as a share of the film's height and width, 0 to
            below 0.5.
        rows: rows of the film.
        columns: columns of the film.

    Returns:
        float32 (rows, columns), 0..1; 0 outside the field.
    """
    top, left, height, width = find_field(margin, rows, columns)
    field = Image.fromarray(cells.astype(np.float32) / np.float32(255))
    spread = np.zeros((rows, columns), np.float32)
    spread[top : top + height, left : left + width] = np.clip(
        np.asarray(field.resize((width, height), Image.Resampling.BICUBIC)), 0.0, 1.0
    )
    return spread


def find_field(margin: float, rows: int, columns: int) -> tuple[int, int, int, int]:
    """Return the field that a heat map covers: top, left, height and width in pixels of the film."""
    top, left = round(rows * margin), round(columns * margin)
    return top, left, max(rows - 2 * top, 1), max(columns - 2 * left, 1)


def colour_heat(heat: Spread) -> tuple[Colour, Grey]:
    """Return the colour of each heat and its opacity.

    Args:
        heat: float32 of any two-dimensional shape, 0..1.

    Returns:
        uint8 (…, 3), RGB; and the opacity, uint8 of the same two dimensions: 0 shows the film alone.
    """
    colours, cover = _make_tables()
    index = np.rint(np.clip(heat, 0.0, 1.0) * 255).astype(np.uint8)
    return colours[index], cover[index]


def overlay_heat(film: Grey, heat: Spread) -> Colour:
    """Lay heat over a film.

    Args:
        film: uint8 (rows, columns), display values.
        heat: float32 (rows, columns), 0..1, from `spread_heat`.

    Returns:
        uint8 (rows, columns, 3), RGB. Where the heat is below `FAINTEST`, the film is unchanged.
    """
    colours, cover = colour_heat(heat)
    shown = Image.fromarray(film).convert("RGB")
    return np.asarray(Image.composite(Image.fromarray(colours), shown, Image.fromarray(cover)))


@cache
def _make_tables() -> tuple[Colour, Grey]:
    """Return colour (256, 3) and opacity (256,) by heat in steps of 1/255."""
    at = np.arange(256) / 255
    stops, colours = [stop for stop, _ in STOPS], [rgb for _, rgb in STOPS]
    channels = [np.interp(at, stops, channel) for channel in zip(*colours, strict=True)]
    risen = np.clip((at - FAINTEST) / (1.0 - FAINTEST), 0.0, 1.0)
    cover = np.where(at < FAINTEST, 0.0, 255 * STRONGEST_COVER * risen**0.7)
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8), np.rint(cover).astype(np.uint8)
