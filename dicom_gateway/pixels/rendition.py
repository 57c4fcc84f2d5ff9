"""The rendition of a film: an 8-bit grey JPEG that the database keeps after the file has left the spool."""

from __future__ import annotations

import io
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

    Args:
        shape: rows and columns of the film.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        scale = min(1.0, RENDITION_PIXELS / max(shape))
        self._rows, self._columns = (max(1, round(side * scale)) for side in shape)
        self._strips: list[npt.NDArray[np.uint8]] = []

    def add(self, strip: Display) -> None:
        """Add the film's next rows: float32 (rows, columns), 0..1."""
        grey = np.multiply(strip, np.float32(255))
        image = Image.fromarray(np.rint(grey, out=grey).astype(np.uint8))
        narrow = image.resize((self._columns, image.height), Image.Resampling.BOX)
        self._strips.append(np.asarray(narrow))

    def encode(self) -> bytes:
        """Return the JPEG."""
        image = Image.fromarray(np.concatenate(self._strips))
        buffer = io.BytesIO()
        image.resize((self._columns, self._rows), Image.Resampling.BOX).save(buffer, "JPEG", quality=QUALITY)
        return buffer.getvalue()
