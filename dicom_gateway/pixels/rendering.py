"""Conversion of a film to display values, strip by strip.

A whole film of float32 has 20 MB and would pass through memory several times. A strip stays in the
processor's cache until all results are computed from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

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
    """

    def __init__(self, codes: npt.NDArray[Any], show: Callable[[npt.NDArray[Any]], Display]) -> None:
        self._codes = codes
        self._show = show

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
        rows, columns = self.shape
        height = max(1, STRIP_PIXELS // columns)
        low, high = np.inf, -np.inf
        for top in range(0, rows, height):
            strip = self._show(self._codes[top : top + height])
            if low >= high:  # until two values are found
                low, high = min(low, float(strip.min())), max(high, float(strip.max()))
            yield strip
        if low >= high:
            raise NotAnXrayError("all pixels have one value")

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
