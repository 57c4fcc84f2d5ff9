"""A film on its way to display values, strip by strip.

A whole film of float32 is 20 MB that go through memory several times; a strip of it stays in the processor's
cache until everything is made of it that is wanted.
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
"""1 MiB of float32."""


class NotAnXrayError(PermanentError):
    """The pixels are a colour picture, or blank."""


class Rendering:
    """Stored values, and how each becomes a display value.

    Args:
        codes: (rows, columns) of stored values, whichever way they are coded.
        show: takes rows of `codes` and returns new float32 of the same shape, 0..1.
    """

    def __init__(self, codes: npt.NDArray[Any], show: Callable[[npt.NDArray[Any]], Display]) -> None:
        self._codes = codes
        self._show = show

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self._codes.shape
        return int(rows), int(columns)

    def strips(self) -> Iterator[Display]:
        """Yield the film from top to bottom; each strip belongs to who takes it.

        Raises:
            NotAnXrayError: after the last, when all pixels have one value.
        """
        rows, columns = self.shape
        height = max(1, STRIP_PIXELS // columns)
        low, high = np.inf, -np.inf
        for top in range(0, rows, height):
            strip = self._show(self._codes[top : top + height])
            if low >= high:  # else it is known not to be blank
                low, high = min(low, float(strip.min())), max(high, float(strip.max()))
            yield strip
        if low >= high:
            raise NotAnXrayError("all pixels have one value")

    def whole(self) -> Display:
        """Return the film in one piece.

        Raises:
            NotAnXrayError: when all pixels have one value.
        """
        display = np.empty(self.shape, np.float32)
        top = 0
        for strip in self.strips():
            display[top : top + len(strip)] = strip
            top += len(strip)
        return display
