"""A tile, drawn from the film's own pixels: the reader's window is applied at their full depth."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from dicom_gateway.pixels.radiograph import read_rendering
from dicom_gateway.pixels.rendering import Rendering
from dicom_gateway.pixels.rendition import QUALITY
from domain.viewing.film_tile import TileView


def draw_tile(rendering: Rendering, view: TileView) -> bytes:
    """Return a part of a film as an 8-bit grey JPEG, one pixel for each pixel of the film.

    The window counts on the film's display values, as it does on the rendition; these are floating-point
    numbers here, so that a narrow window shows steps that the rendition has not.

    Raises:
        ValueError: for a part that is not wholly on the film.
    """
    display = rendering.part(view.left, view.top, view.columns, view.rows)
    if display.shape != (view.rows, view.columns):
        raise ValueError("a tile beyond the film's edges")
    display -= np.float32(view.level / 255)
    display *= np.float32(255 / view.width)
    display += np.float32(0.5)
    np.clip(display, 0.0, 1.0, out=display)
    if view.inverted:
        np.subtract(np.float32(1), display, out=display)
    display *= np.float32(255)
    buffer = io.BytesIO()
    Image.fromarray(np.rint(display, out=display).astype(np.uint8)).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


@dataclass
class KeptFilm:
    """The film whose tile was drawn last, decoded: a reader asks for several of one film."""

    path: Path | None = None
    mark: tuple[int, int] = (0, 0)
    rendering: Rendering | None = None

    def open(self, path: Path) -> Rendering:
        """Return the film in a file, decoded now or before.

        Raises:
            OSError: for a file that cannot be read.
            PermanentError: as `read_rendering`.
        """
        state = path.stat()
        mark = (state.st_mtime_ns, state.st_size)
        if self.rendering is None or (self.path, self.mark) != (path, mark):
            self.forget()
            self.path, self.mark, self.rendering = path, mark, read_rendering(path)
        return self.rendering

    def forget(self) -> None:
        """Free the film's memory; a mapped file leaves the disk only then."""
        self.path = self.rendering = None
