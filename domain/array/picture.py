"""PNG and JPEG files as display values, for prediction and training. NumPy and Pillow only."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

PICTURES: Final = frozenset({".png", ".jpg", ".jpeg"})
"""Suffixes, in lower case, of the files that `read_picture` reads."""

MAX_PICTURE_PIXELS: Final = 100_000_000


def read_picture(path: Path) -> npt.NDArray[np.float32]:
    """Read a PNG or JPEG as display values.

    Args:
        path: a file with 8 or 16 bits, grey or colour; colours become luminance (ITU-R 601).

    Returns:
        float32 (rows, columns), 0..1.

    Raises:
        ValueError: when the picture has too many pixels or is damaged.
        OSError: when the file cannot be read, including `PIL.UnidentifiedImageError`.
    """
    try:
        with Image.open(path) as image:
            if image.width * image.height > MAX_PICTURE_PIXELS:
                raise ValueError(f"{image.width} by {image.height} pixels")
            if image.mode.startswith("I;16") or image.mode == "I":
                return np.asarray(image, dtype=np.float32) / np.float32(65535)
            return np.asarray(image.convert("L"), dtype=np.float32) / np.float32(255)
    except (SyntaxError, EOFError, struct.error, zlib.error, Image.DecompressionBombError) as error:
        # Errors of Pillow's decoders for files that are damaged after a valid beginning.
        raise ValueError(f"damaged picture: {error}") from error
