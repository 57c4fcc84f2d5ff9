"""The golden films: what each one shows, and how it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from tests.golden.synthetic import draw_shapes, make_lut, write_film

WINDOW: Final = {"WindowCenter": 2048, "WindowWidth": 3000}
CURVE: Final = [round(4095 * (code / 4095) ** 0.5) for code in range(4096)]
"""A lookup table of 12 bits that is no straight line."""

PADDED: Final = {"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 400}


@dataclass(frozen=True)
class GoldenFilm:
    """One film and whether its pixels are pinned exactly (lossless) or within 2/255 (lossy decoders)."""

    write: Callable[[Path], Path]
    exact: bool = True


def _shapes(bits: int, *, signed: bool = False, **attributes: object) -> GoldenFilm:
    stored = draw_shapes(bits, signed=signed)
    return GoldenFilm(lambda path: write_film(path, stored, BitsStored=bits, **attributes))


def _high_bit() -> GoldenFilm:
    stored: npt.NDArray[np.uint16] = draw_shapes(12) << 4
    return GoldenFilm(lambda path: write_film(path, stored, BitsStored=12, HighBit=15, **WINDOW))


def _garbage() -> GoldenFilm:
    stored: npt.NDArray[np.uint16] = draw_shapes(12) | np.uint16(0xA000)
    return GoldenFilm(lambda path: write_film(path, stored, BitsStored=12, **WINDOW))


def _grey_rgb() -> GoldenFilm:
    stored = np.stack([draw_shapes(8)] * 3, axis=-1)
    return GoldenFilm(lambda path: write_film(path, stored))


GOLDEN_FILMS: Final[dict[str, GoldenFilm]] = {
    "monochrome1-8-bit": _shapes(8, PhotometricInterpretation="MONOCHROME1"),
    "monochrome1-10-bit": _shapes(10, PhotometricInterpretation="MONOCHROME1"),
    "monochrome1-12-bit-window": _shapes(12, PhotometricInterpretation="MONOCHROME1", **WINDOW),
    "monochrome1-15-bit": _shapes(15, PhotometricInterpretation="MONOCHROME1"),
    "monochrome1-16-bit": _shapes(16, PhotometricInterpretation="MONOCHROME1"),
    "monochrome2-8-bit": _shapes(8),
    "monochrome2-10-bit": _shapes(10),
    "monochrome2-12-bit": _shapes(12),
    "monochrome2-12-bit-window": _shapes(12, **WINDOW),
    "monochrome2-14-bit": _shapes(14),
    "monochrome2-16-bit": _shapes(16),
    "monochrome2-presentation-inverse": _shapes(12, PresentationLUTShape="INVERSE", **WINDOW),
    "signed-8-bit": _shapes(8, signed=True),
    "signed-12-bit-window": _shapes(12, signed=True, WindowCenter=-200, WindowWidth=2500),
    "signed-16-bit": _shapes(16, signed=True),
    "high-bit-15-of-12-bits": _high_bit(),
    "garbage-above-high-bit": _garbage(),
    "rescaled-window": _shapes(
        12, RescaleSlope="0.5", RescaleIntercept="-1000", WindowCenter=100, WindowWidth=1500
    ),
    "modality-lut": _shapes(12, **make_lut("ModalityLUTSequence", 0, 16, CURVE), **WINDOW),
    "voi-lut": _shapes(12, **make_lut("VOILUTSequence", 0, 12, CURVE)),
    "voi-lut-signed": _shapes(12, signed=True, **make_lut("VOILUTSequence", -2048, 12, CURVE)),
    "voi-lut-monochrome1": _shapes(
        12, PhotometricInterpretation="MONOCHROME1", **make_lut("VOILUTSequence", 0, 12, CURVE)
    ),
    "window-linear-exact": _shapes(12, VOILUTFunction="LINEAR_EXACT", **WINDOW),
    "window-sigmoid": _shapes(12, VOILUTFunction="SIGMOID", **WINDOW),
    "padding": _shapes(12, **PADDED),
    "padding-monochrome1": _shapes(12, PhotometricInterpretation="MONOCHROME1", **PADDED),
    "grey-rgb": _grey_rgb(),
}
"""By what is peculiar to them; all Explicit VR Little Endian."""

TRANSFER_SYNTAXES: Final = {
    "explicit-little": ExplicitVRLittleEndian,
    "implicit-little": ImplicitVRLittleEndian,
    "explicit-big": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
    "rle": RLELossless,
    "jpeg-ls-lossless": JPEGLSLossless,
    "jpeg-ls-near-lossless": JPEGLSNearLossless,
    "jpeg-2000-lossless": JPEG2000Lossless,
    "jpeg-2000": JPEG2000,
    "jpeg-baseline": JPEGBaseline8Bit,
    "jpeg-extended": JPEGExtended12Bit,
    "jpeg-lossless": JPEGLossless,
    "jpeg-lossless-sv1": JPEGLosslessSV1,
    "htj2k-lossless": HTJ2KLossless,
}
LOSSY: Final = frozenset({JPEGLSNearLossless, JPEG2000, JPEGBaseline8Bit, JPEGExtended12Bit})


def _in_syntax(name: str) -> GoldenFilm:
    syntax = TRANSFER_SYNTAXES[name]
    bits = 8 if syntax == JPEGBaseline8Bit else 12
    return GoldenFilm(
        lambda path: write_film(path, draw_shapes(bits), syntax, BitsStored=bits), exact=syntax not in LOSSY
    )


GOLDEN_FILMS.update({f"syntax-{name}": _in_syntax(name) for name in TRANSFER_SYNTAXES})
