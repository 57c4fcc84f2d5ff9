"""The rendition of a film: an 8-bit grey JPEG that the database keeps after the file has left the spool."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from dicom_gateway.pixels.rendering import Display

RENDITION_PIXELS: Final = 1024
"""Pixels of the longest side."""

QUALITY: Final = 95
"""Quality of the JPEG, 1 to 100, on libjpeg's scale."""


class Rendition:
    """A rendition that is built strip by strip.

    Each of its pixels is the mean of whole pixels of the film (Pillow's BOX). Rows come first, so that the
    columns have fewer of them.

    Args:
        shape: rows and columns of the film.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        scale = min(1.0, RENDITION_PIXELS / max(shape))
        rows, columns = (max(1, round(side * scale)) for side in shape)
        self._picture = Image.new("L", (columns, rows), None)
        self._filled = 0
        self._edges = np.floor(np.arange(rows + 1) * (shape[0] / rows) + 0.5).astype(np.int64)
        """First row of the film in each row of the rendition, and the film's number of rows."""
        self._top = 0
        self._begun: Display | None = None
        """Sum of the rows so far of a row that the next strip completes."""

    def add(self, strip: Display) -> None:
        """Add the film's next rows: float32 (rows, columns), 0..1."""
        top, bottom = self._top, self._top + len(strip)
        first = int(np.searchsorted(self._edges, top, "right")) - 1
        edges = self._edges[first : int(np.searchsorted(self._edges, bottom, "left")) + 1]
        sums = _add_rows(strip, np.clip(edges, top, bottom) - top)
        if self._begun is not None:
            sums[0] += self._begun
        self._begun = sums[-1].copy() if edges[-1] > bottom else None
        self._top = bottom
        complete = len(sums) - (self._begun is not None)
        if complete:
            self._narrow(sums[:complete], np.diff(edges[: complete + 1]))

    def _narrow(self, sums: Display, counts: npt.NDArray[np.int64]) -> None:
        sums *= (np.float32(255) / counts.astype(np.float32))[:, None]
        image = Image.fromarray(np.rint(sums, out=sums).astype(np.uint8))
        narrow = image.resize((self._picture.width, image.height), Image.Resampling.BOX)
        self._picture.paste(narrow, (0, self._filled))
        self._filled += image.height

    def encode(self) -> bytes:
        """Return the JPEG."""
        buffer = io.BytesIO()
        self._picture.save(buffer, "JPEG", quality=QUALITY)
        return buffer.getvalue()


def _add_rows(strip: Display, edges: npt.NDArray[np.int64]) -> Display:
    """Return the sums of the rows from each edge up to the next one."""
    sums = np.empty((len(edges) - 1, strip.shape[1]), np.float32)
    for total, (first, last) in zip(sums, pairwise(edges.tolist()), strict=True):
        total[:] = strip[first]
        for row in strip[first + 1 : last]:
            total += row
    return sums
