"""Augmentation: random changes of a film that vary between hospitals and not between lungs.

Size, position and tilt in the frame; sharpness, resolution and noise of the detector; uneven exposure;
blocks, letters and borders over the film. Brightness and contrast need no change, since the network equalises
the histogram.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from training.films.labelled_film import Box

SIDE: Final = 256

Picture = npt.NDArray[np.float32]
"""float32 (256, 256), 0..1."""


@dataclass(frozen=True)
class AugmentedFilm:
    """A changed film with the changed mask of its lesions."""

    picture: Picture
    lesions: Picture
    """float32 (256, 256), 1 inside a box and 0 outside, transformed with the film."""


def augment(picture: Picture, boxes: Sequence[Box], random: np.random.Generator) -> AugmentedFilm:
    """Change one film at random.

    Args:
        picture: float32 (256, 256), 0..1.
        boxes: marked lesions of the film.
        random: generator of all choices.
    """
    mask = np.zeros((SIDE, SIDE), np.uint8)
    for box in boxes:
        mask[box.y0 : box.y1, box.x0 : box.x1] = 255
    affine = _choose_affine(random)
    background = int(random.choice([0, 0, 0, 255, int(picture.mean() * 255)]))
    film = Image.fromarray((picture * 255 + 0.5).astype(np.uint8))
    film = film.transform(
        film.size, Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR, fillcolor=background
    )
    moved = Image.fromarray(mask).transform(
        film.size, Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR
    )
    changed = np.asarray(_change_sharpness(film, random), np.float32) / np.float32(255)
    changed = _change_exposure(changed, random)
    changed = _cover_places(changed, random)
    return AugmentedFilm(
        np.clip(changed, 0.0, 1.0, dtype=np.float32), np.asarray(moved, np.float32) / np.float32(255)
    )


def _choose_affine(random: np.random.Generator) -> tuple[float, ...]:
    """Return Pillow's six coefficients: 8 % of size, 5° of tilt, 10 pixels of shift; half are mirrored."""
    across, down = np.exp(random.normal(0.0, 0.08, 2))
    angle = np.radians(random.normal(0.0, 5.0))
    shift = random.normal(0.0, 10.0, 2)
    mirror = -1.0 if random.random() < 0.5 else 1.0
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.array([[cos * across * mirror, -sin * down], [sin * across * mirror, cos * down]])
    centre = np.array([SIDE / 2, SIDE / 2])
    offset = centre + shift - matrix @ centre
    return (*matrix[0], offset[0], *matrix[1], offset[1])


def _change_sharpness(film: Image.Image, random: np.random.Generator) -> Image.Image:
    choice = random.random()
    if choice < 0.25:
        return film.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 1.3)))
    if choice < 0.45:
        radius, percent = random.uniform(1.0, 4.0), int(random.uniform(30, 150))
        return film.filter(ImageFilter.UnsharpMask(radius, percent, 0))
    if choice < 0.6:
        side = int(random.uniform(110, 230))
        return film.resize((side, side), Image.Resampling.BILINEAR).resize(
            film.size, Image.Resampling.BILINEAR
        )
    return film


def _change_exposure(picture: Picture, random: np.random.Generator) -> Picture:
    changed: npt.NDArray[Any] = picture
    if random.random() < 0.5:
        coarse = random.normal(0.0, 1.0, (3, 3)).astype(np.float32)
        field = Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        changed = changed + np.asarray(field) * random.uniform(0.0, 0.12)
    if random.random() < 0.3:
        changed = np.clip(changed, 0.0, 1.0) ** np.exp(random.normal(0.0, 0.3))
    if random.random() < 0.3:
        changed = changed + random.normal(0.0, random.uniform(0.0, 0.04), changed.shape)
    return changed.astype(np.float32)


def _cover_places(picture: Picture, random: np.random.Generator) -> Picture:
    """Cover parts with blocks, more often at the borders, like redactions, markers and letters."""
    for _ in range(random.poisson(0.4)):
        width, height = random.integers(10, 60, 2)
        left, top = random.integers(0, SIDE - width), random.integers(0, SIDE - height)
        if random.random() < 0.5:
            if random.random() < 0.5:
                left = random.choice([0, SIDE - width])
            else:
                top = random.choice([0, SIDE - height])
        picture[top : top + height, left : left + width] = random.choice([0.0, 1.0, random.random()])
    return picture
