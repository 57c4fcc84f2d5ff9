"""Conversion of a film to display values, strip by strip.

A whole film of float32 has 20 MB and would pass through memory several times. A strip stays in the
processor's cache until all results are computed from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dicom_gateway.pixels.grey_transforms import GreyTransforms
from domain.errors import PermanentError

Display = npt.NDArray[np.float32]
"""float32 (rows, columns), 0 (black) to 1 (white)."""

STRIP_PIXELS: Final = 1 << 18
"""Pixels of a strip: 1 MiB of float32."""


class NotAnXrayError(PermanentError):
    """The pixels are a colour picture, or blank."""


class Rendering:
    """Stored values with their conversion to display values.

    Args:
        codes: (rows, columns) of stored values, or of their bit patterns.
        show: takes rows of `codes` and returns a new float32 array of the same shape, 0..1.
        mask: bits of a stored value that hold pixels; 0 for all.
        transforms: the conversion as a presentation state carries it; None for a colour picture.
    """

    def __init__(
        self,
        codes: npt.NDArray[Any],
        show: Callable[[npt.NDArray[Any]], Display],
        mask: int = 0,
        transforms: GreyTransforms | None = None,
    ) -> None:
        self.transforms = transforms
        self._codes = codes
        self._show = show
        self._mask = mask

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the film."""
        rows, columns = self._codes.shape
        return int(rows), int(columns)

    def strips(self) -> Iterator[Display]:
        """Yield the film from top to bottom; the caller may change each strip.

        Raises:
            NotAnXrayError: after the last strip, when all pixels have one value.
        """
        low, high = np.inf, -np.inf
        for codes in self._strips_of_codes():
            strip = self._show(codes)
            if low >= high:  # until two values are found
                low, high = min(low, float(strip.min())), max(high, float(strip.max()))
            yield strip
        if low >= high:
            raise NotAnXrayError("all pixels have one value")

    def digest(self) -> str:
        """Return the SHA-256 of size and stored values, hexadecimal: the same in each lossless encoding."""
        pixels = hashlib.sha256(f"{self.shape} ".encode())
        for strip in self._strips_of_codes():
            values = strip
            if self._mask and self._mask != np.iinfo(f"u{strip.dtype.itemsize}").max:
                values = strip.view(np.uint16 if strip.dtype.itemsize == 2 else np.uint8)
                values = values & values.dtype.type(self._mask)
            pixels.update(np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).data)
        return pixels.hexdigest()

    def whole(self) -> Display:
        """Return the whole film.

        Raises:
            NotAnXrayError: when all pixels have one value.
        """
        display = np.empty(self.shape, np.float32)
        top = 0
        for strip in self.strips():
            display[top : top + len(strip)] = strip
            top += len(strip)
        return display

    def part(self, left: int, top: int, columns: int, rows: int) -> Display:
        """Return a part of the film, cut at its edges; a part beyond them has no pixel."""
        return self._show(self._codes[top : top + rows, left : left + columns])

    def _strips_of_codes(self) -> Iterator[npt.NDArray[Any]]:
        rows, columns = self.shape
        height = max(1, STRIP_PIXELS // columns)
        for top in range(0, rows, height):
            yield self._codes[top : top + height]
