"""Style: the look that a hospital's detector and software give to a film, changed at random in training.

Two hospitals differ in sharpness, local contrast and compression more than their patients do, and a network
can tell them apart by that. So a film takes the spectrum of a film of another hospital (after Yang and
Soatto 2020, "FDA": only the amplitude at each spatial frequency, averaged over directions, never a
structure), or has its frequency bands weighed at random, its contrast made local, or is compressed as JPEG.
"""

from __future__ import annotations

import io
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

SIDE: Final = 256

Picture = npt.NDArray[np.float32]
"""float32 (256, 256), 0..1."""

RESTYLED: Final = 0.4
"""Share of films that take the spectrum of another film, if one is given."""
WEIGHED: Final = 0.25
LOCAL_CONTRAST: Final = 0.2
COMPRESSED: Final = 0.2

STRONGEST: Final = 3.0
"""Largest factor by which an amplitude changes."""
KNOTS: Final = np.array([0.0, 4.0, 8.0, 16.0, 32.0, 64.0, 182.0])
"""Spatial frequencies, in periods per film, of the random weights."""


def change_style(picture: Picture, other: Picture | None, random: np.random.Generator) -> Picture:
    """Change the style of one film at random.

    Args:
        picture: float32 (256, 256), 0..1, equalised (`training.learning.transplants.equalize`).
        other: a film of another hospital, likewise, or None.
        random: generator of all choices.
    """
    choice = random.random()
    if other is not None and choice < RESTYLED:
        picture = take_spectrum(picture, other, random.uniform(0.3, 1.0))
    elif choice > 1.0 - WEIGHED:
        logs = random.normal(0.0, 0.3, len(KNOTS))
        logs[0] = 0.0
        picture = _weigh_frequencies(picture, np.interp(np.arange(_radii().max() + 1), KNOTS, logs))
    if random.random() < LOCAL_CONTRAST:
        picture = _localize_contrast(picture, random.uniform(12.0, 40.0), random.uniform(0.2, 0.8))
    if random.random() < COMPRESSED:
        picture = _compress(picture, int(random.uniform(20, 80)))
    return picture


def take_spectrum(picture: Picture, other: Picture, share: float) -> Picture:
    """Return the film with the mean amplitudes of another film at each spatial frequency.

    Args:
        picture: float32 (256, 256), 0..1.
        other: the film whose amplitudes are taken.
        share: 0 leaves the film as it is, 1 takes the amplitudes of the other.
    """
    logs = share * np.clip(_measure_spectrum(other) - _measure_spectrum(picture), *_bounds())
    return _weigh_frequencies(picture, logs)


def _bounds() -> tuple[float, float]:
    return -float(np.log(STRONGEST)), float(np.log(STRONGEST))


@cache
def _radii() -> npt.NDArray[np.intp]:
    """Return the spatial frequency of each coefficient of a real Fourier transform, rounded."""
    rows = np.fft.fftfreq(SIDE, 1 / SIDE)[:, np.newaxis]
    columns = np.fft.rfftfreq(SIDE, 1 / SIDE)[np.newaxis]
    radii: npt.NDArray[np.intp] = np.rint(np.hypot(rows, columns)).astype(np.intp)
    return radii


def _measure_spectrum(picture: Picture) -> npt.NDArray[np.float64]:
    """Return the logarithm of the mean amplitude at each spatial frequency."""
    amplitudes = np.abs(np.fft.rfft2(picture)).ravel()
    radii = _radii().ravel()
    spectrum: npt.NDArray[np.float64] = np.log(np.bincount(radii, amplitudes) / np.bincount(radii) + 1e-3)
    return spectrum


def _weigh_frequencies(picture: Picture, logs: npt.NDArray[np.float64]) -> Picture:
    """Multiply each spatial frequency but the mean by a factor, given as its logarithm."""
    factors = np.exp(logs)
    factors[0] = 1.0
    changed: Any = np.fft.irfft2(np.fft.rfft2(picture) * factors[_radii()], s=picture.shape)
    weighed: Picture = np.clip(changed, 0.0, 1.0).astype(np.float32)
    return weighed


def _localize_contrast(picture: Picture, radius: float, share: float) -> Picture:
    """Mix the film with its deviation from the surroundings, in units of their spread (after CLAHE)."""
    mean = _blur(picture, radius)
    spread = np.sqrt(np.maximum(_blur(picture * picture, radius) - mean * mean, 0.0)) + 0.05
    local = 0.5 + (picture - mean) / (4.0 * spread)
    return np.clip(picture * (1.0 - share) + local * share, 0.0, 1.0).astype(np.float32)


def _blur(picture: Picture, radius: float) -> Picture:
    """Blur on a quarter of the pixels, which is enough for these radii."""
    small = Image.fromarray(picture).reduce(4)
    blurred = _to_image(np.asarray(small)).filter(ImageFilter.GaussianBlur(radius / 4))
    return np.asarray(blurred.resize((SIDE, SIDE), Image.Resampling.BILINEAR), np.float32) / np.float32(255)


def _compress(picture: Picture, quality: int) -> Picture:
    file = io.BytesIO()
    _to_image(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file), np.float32) / np.float32(255)


def _to_image(picture: npt.NDArray[Any]) -> Image.Image:
    return Image.fromarray((np.clip(picture, 0.0, 1.0) * 255 + 0.5).astype(np.uint8))
