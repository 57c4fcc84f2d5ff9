"""Pictures for the training of the image guard: varied chest films, and pictures to refuse.

Few real pictures of other subjects are available, so most pictures to refuse are drawn: test patterns, noise,
phantoms of other parts of the body, and chest films that are turned, inverted or cut.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

Array = npt.NDArray[np.float32]
"""float32 (256, 256), 0..1."""

Plane = npt.NDArray[np.floating]
"""A picture (256, 256) while it is drawn."""

SIDE: Final = 256
WAYS: Final = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.NEAREST)
_PLACES: Final[npt.NDArray[np.float32]] = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) / np.float32(SIDE)
DOWN: Final[Plane] = _PLACES[0]
RIGHT: Final[Plane] = _PLACES[1]
"""Position of each pixel, 0..1."""


def vary(array: Array, draw: np.random.Generator) -> Array:
    """Return a chest film as another hospital might send it: position, size, greys, borders, letters."""
    angle = float(np.clip(draw.normal(0.0, 5.0), -12.0, 12.0))
    across, along = draw.uniform(0.78, 1.2, 2)
    picture = _move(array, angle, float(across), float(along), draw.uniform(-0.08, 0.08, 2))
    if draw.random() < 0.5:
        picture = picture[:, ::-1]
    picture = vary_greys(_finish(picture), draw)
    if draw.random() < 0.12:
        picture = _lay_on_page(picture, draw)
    if draw.random() < 0.4:
        picture = _frame(picture, draw)
    if draw.random() < 0.4:
        picture = _mark(picture, draw)
    return picture


def vary_greys(array: Array, draw: np.random.Generator) -> Array:
    """Return a picture with other contrast, brightness, sharpness and noise."""
    low, high = np.quantile(array, [draw.uniform(0.0, 0.08), 1.0 - draw.uniform(0.0, 0.08)])
    picture = np.clip((array - low) / max(float(high - low), 1e-3), 0.0, 1.0) ** draw.uniform(0.5, 2.0)
    bottom, top = draw.uniform(0.0, 0.25), draw.uniform(0.7, 1.0)
    picture = bottom + (top - bottom) * picture
    if draw.random() < 0.3:
        picture = _blur(picture, int(draw.integers(2, 5)))
    if draw.random() < 0.3:
        picture = picture + draw.normal(0.0, draw.uniform(0.005, 0.04), picture.shape)
    return _finish(picture)


def coarsen(array: Array, draw: np.random.Generator) -> Array:
    """Return a picture at another resolution, every other time.

    Small originals (some limbs and slices have 64 pixels a side) must not be known by their resolution.
    """
    if draw.random() < 0.5:
        return array
    side = int(np.exp(draw.uniform(np.log(40), np.log(200))))
    small = Image.fromarray(np.ascontiguousarray(array)).resize((side, side), Image.Resampling.BOX)
    return _finish(np.asarray(small.resize((SIDE, SIDE), WAYS[int(draw.integers(0, len(WAYS)))])))


def turn(array: Array, draw: np.random.Generator) -> Array:
    """Return a chest film that is rotated, upside down, or has its greys inverted."""
    way = int(draw.integers(0, 6))
    if way < 3:
        return _finish(np.rot90(array, way + 1))
    if way == 3:
        return _finish(array[::-1])
    if way == 4:
        return _finish(np.rot90(1.0 - array, int(draw.integers(1, 4))))
    return _finish(1.0 - array)


def cut(array: Array, draw: np.random.Generator) -> Array:
    """Return a part of a chest film (shoulder, ribs, abdomen) as a film, or its quarters shuffled."""
    if draw.random() < 0.2:
        half = SIDE // 2
        parts = [array[:half, :half], array[:half, half:], array[half:, :half], array[half:, half:]]
        order = _derange(draw)
        rows = [np.hstack([parts[order[0]], parts[order[1]]]), np.hstack([parts[order[2]], parts[order[3]]])]
        return _finish(np.vstack(rows))
    height, width = (draw.uniform(0.25, 0.45, 2) * SIDE).astype(int)
    top = int(draw.choice([0, SIDE - height, draw.integers(0, SIDE - height)]))
    left = int(draw.choice([0, SIDE - width, draw.integers(0, SIDE - width)]))
    part = array[top : top + height, left : left + width]
    if float(part.std()) < 0.02:
        return cut(array, draw)
    picture = np.asarray(Image.fromarray(part).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    return _finish(np.rot90(picture, int(draw.choice([0, 0, 0, 1, 2, 3]))))


def cut_photograph(picture: npt.NDArray[np.float32], draw: np.random.Generator) -> Array:
    """Return a part of a photograph, (rows, columns) in 0..1."""
    size = int(min(picture.shape) * draw.uniform(0.3, 1.0))
    top = int(draw.integers(0, picture.shape[0] - size + 1))
    left = int(draw.integers(0, picture.shape[1] - size + 1))
    part = np.ascontiguousarray(picture[top : top + size, left : left + size])
    return vary_greys(_finish(np.asarray(Image.fromarray(part).resize((SIDE, SIDE)))), draw)


def draw_pattern(draw: np.random.Generator) -> Array:
    """Return a test pattern, noise, a gradient, a page of text or a nearly blank film."""
    pattern = PATTERNS[int(draw.integers(0, len(PATTERNS)))](draw)
    if draw.random() < 0.3:
        pattern = pattern + draw.normal(0.0, 0.03, pattern.shape)
    if draw.random() < 0.3:
        pattern = 1.0 - pattern
    return _finish(pattern)


def _stripes(draw: np.random.Generator) -> Plane:
    angle, count = draw.uniform(0, np.pi), draw.uniform(1, 40)
    wave = np.sin((DOWN * np.sin(angle) + RIGHT * np.cos(angle)) * count * 2 * np.pi)
    return np.asarray(0.5 + 0.5 * (np.sign(wave) if draw.random() < 0.5 else wave))


def _checks(draw: np.random.Generator) -> Plane:
    count = int(draw.integers(2, 24))
    return ((np.floor(DOWN * count) + np.floor(RIGHT * count)) % 2) * draw.uniform(0.3, 1.0)


def _gradient(draw: np.random.Generator) -> Plane:
    angle = draw.uniform(0, 2 * np.pi)
    slope = (DOWN - 0.5) * np.sin(angle) + (RIGHT - 0.5) * np.cos(angle) + 0.5
    steps = int(draw.integers(3, 20))
    return np.asarray(np.floor(slope * steps) / steps if draw.random() < 0.5 else slope)


def _rings(draw: np.random.Generator) -> Plane:
    middle = draw.uniform(0.3, 0.7, 2)
    away = np.hypot(DOWN - middle[0], RIGHT - middle[1])
    if draw.random() < 0.5:
        return np.asarray(0.5 + 0.5 * np.sin(away * draw.uniform(5, 120)))
    return np.asarray((away < draw.uniform(0.1, 0.5)) * draw.uniform(0.3, 1.0))


def _noise(draw: np.random.Generator) -> Plane:
    return make_noise(draw, draw.uniform(0.0, 2.5))


def _blank(draw: np.random.Generator) -> Plane:
    picture = np.full((SIDE, SIDE), draw.uniform(0.0, 1.0)) + draw.normal(0.0, 0.01, (SIDE, SIDE))
    edge = int(draw.integers(0, 40))
    picture[:edge] = picture[SIDE - edge :] = draw.uniform(0.0, 1.0)
    return picture


def _bars(draw: np.random.Generator) -> Plane:
    """Return a pattern similar to the SMPTE pattern: a grid, a row of grey patches, line pairs."""
    picture = np.full((SIDE, SIDE), draw.uniform(0.2, 0.5))
    for line in range(0, SIDE, int(draw.integers(16, 48))):
        picture[line] = picture[:, line] = 1.0
    top, height = int(draw.integers(20, 160)), int(draw.integers(20, 60))
    picture[top : top + height] = (np.arange(SIDE) // 24 / 11.0)[None, :]
    left = int(draw.integers(10, 180))
    picture[left : left + 50, left : left + 50] = (np.arange(50) // 2 % 2)[None, :]
    return picture


def _page(draw: np.random.Generator) -> Plane:
    picture = np.zeros((SIDE, SIDE))
    for top in range(int(draw.integers(4, 20)), SIDE - 10, int(draw.integers(9, 22))):
        for left in range(10, int(draw.integers(60, SIDE - 6)), 6):
            letter = draw.random((5, 4)) < 0.5
            picture[top : top + 5, left : left + 4] = letter
    return 1.0 - picture if draw.random() < 0.5 else picture


def _blobs(draw: np.random.Generator) -> Plane:
    picture = np.zeros((SIDE, SIDE))
    for _ in range(int(draw.integers(1, 12))):
        middle, size = draw.uniform(0, 1, 2), draw.uniform(0.03, 0.35, 2)
        inside = ((DOWN - middle[0]) / size[0]) ** 2 + ((RIGHT - middle[1]) / size[1]) ** 2 < 1
        picture[inside] = draw.uniform(0.1, 1.0)
    return _blur(picture, int(draw.integers(1, 6)))


PATTERNS: Final[tuple[Callable[[np.random.Generator], Plane], ...]] = (
    *(_stripes, _checks, _gradient, _rings, _noise, _blank, _bars, _page, _blobs),
)


def make_noise(draw: np.random.Generator, slope: float) -> Plane:
    """Return noise (256, 256) in 0..1 whose amplitude falls with frequency to the power of `slope`."""
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.fftfreq(SIDE)[None, :])
    frequency[0, 0] = 1.0
    spectrum = np.fft.fft2(draw.normal(size=(SIDE, SIDE))) / frequency**slope
    spectrum[0, 0] = 0.0
    noise = np.real(np.fft.ifft2(spectrum))
    low, high = np.quantile(noise, [0.01, 0.99])
    clipped: Plane = np.clip((noise - low) / (high - low), 0.0, 1.0)
    return clipped


def _move(array: Array, angle: float, across: float, along: float, shift: npt.NDArray[np.floating]) -> Array:
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    middle = SIDE / 2
    a, b, d, e = cosine / across, sine / across, -sine / along, cosine / along
    c = middle - a * middle - b * middle + shift[0] * SIDE
    f = middle - d * middle - e * middle + shift[1] * SIDE
    image = Image.fromarray(np.ascontiguousarray(array))
    fill = float(array[0, 0]) if angle else 0.0
    moved = image.transform(
        (SIDE, SIDE),
        Image.Transform.AFFINE,
        (a, b, c, d, e, f),
        resample=Image.Resampling.BILINEAR,
        fillcolor=min(fill, 0.2),
    )
    return np.asarray(moved, dtype=np.float32)


def _lay_on_page(array: Array, draw: np.random.Generator) -> Array:
    """Return the picture reduced on a larger page, like a film photographed on a light box, or scanned."""
    height, width = (draw.uniform([0.42, 0.6], [0.95, 1.0]) * SIDE).astype(int)
    page = np.full((SIDE, SIDE), draw.choice([0.0, 1.0]), dtype=np.float32)
    small = Image.fromarray(array).resize((int(width), int(height)), Image.Resampling.BOX)
    top, left = int(draw.integers(0, SIDE - height + 1)), int(draw.integers(0, SIDE - width + 1))
    if draw.random() < 0.5:
        top = left = 0
    page[top : top + height, left : left + width] = np.asarray(small)
    return page


def _frame(array: Array, draw: np.random.Generator) -> Array:
    picture = array.copy()
    grey = float(draw.choice([0.0, 0.0, 1.0, draw.random()]))
    top, bottom, left, right = (int(edge) for edge in draw.integers(0, 28, 4))
    picture[:top] = picture[SIDE - bottom :] = grey
    picture[:, :left] = picture[:, SIDE - right :] = grey
    return picture


def _mark(array: Array, draw: np.random.Generator) -> Array:
    """Return the picture with letters at its edge, or with a block like the one that hides a name."""
    picture = array.copy()
    for _ in range(int(draw.integers(1, 3))):
        height, width = int(draw.integers(5, 30)), int(draw.integers(5, 60))
        top = int(draw.choice([draw.integers(0, 30), draw.integers(SIDE - 60, SIDE - height)]))
        left = int(draw.integers(0, SIDE - width))
        block = np.kron(draw.random((height, width)) < 0.5, np.ones((1, 1))) if height < 12 else 1.0
        picture[top : top + height, left : left + width] = block
    return picture


def _blur(picture: Plane, size: int) -> Plane:
    for axis in (0, 1):
        picture = np.mean([np.roll(picture, at - size // 2, axis=axis) for at in range(size)], axis=0)
    return picture


def _derange(draw: np.random.Generator) -> list[int]:
    while True:
        order = [int(at) for at in draw.permutation(4)]
        if sum(at == place for place, at in enumerate(order)) <= 1:
            return order


def _finish(picture: Plane) -> Array:
    return np.ascontiguousarray(np.clip(picture, 0.0, 1.0), dtype=np.float32)
