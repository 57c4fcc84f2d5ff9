"""Lesions moved between films, so that each hospital has films of both classes.

Where TB films and normal films come from different sources, a network can tell the sources apart without
looking at a lung. Marked lesions (boxes) prevent that: a lesion pasted into a normal film gives a TB film of
the other hospital; a TB film whose lesions are covered by normal lung gives a normal film of its hospital;
and healthy lung pasted in the same way stays normal, so that the seam carries no information. A part of an
ill film in the place of a lesion is not TB, so that not every shadow is. (Cut-and-paste augmentation: Dwibedi
et al. 2017; CutMix: Yun et al. 2019.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, ImageFilter

from training.films.labelled_film import Box
from training.learning.augmentation import SIDE, Picture

FIELD: Final = slice(16, 240)
PAD: Final = 6
FEATHER: Final = 5.0


@dataclass(frozen=True)
class TransplantedFilm:
    """A film composed of two films."""

    picture: Picture
    is_tb: bool
    boxes: tuple[Box, ...]


def transplant(
    sick: Picture, boxes: Sequence[Box], healthy: Picture, random: np.random.Generator
) -> TransplantedFilm:
    """Compose one film of a TB film with boxes and a normal film.

    Half of the results are TB films (lesions in the normal film), half are normal.

    Args:
        sick: float32 (256, 256), 0..1, a TB film.
        boxes: all lesions of the TB film.
        healthy: float32 (256, 256), 0..1, a normal film.
        random: generator of all choices.
    """
    sick, healthy = equalize(sick), equalize(healthy)
    choice = random.random()
    if choice < 0.5:
        return TransplantedFilm(_set_in(healthy, sick, boxes), True, tuple(boxes))
    if choice < 0.75:
        return TransplantedFilm(_set_in(sick, healthy, boxes), False, ())
    mirrored = [Box(SIDE - box.x1, box.y0, SIDE - box.x0, box.y1) for box in boxes]
    clean = [box for box in mirrored if not any(_overlap(box, lesion) for lesion in boxes)]
    return TransplantedFilm(_set_in(healthy, sick, clean) if clean else healthy, False, ())


def transplant_illness(ill: Picture, boxes: Sequence[Box], healthy: Picture) -> TransplantedFilm:
    """Compose a film without TB: a normal film with what an ill film has in the places of lesions.

    Args:
        ill: float32 (256, 256), 0..1, a film of illness without TB.
        boxes: lesions of any TB film.
        healthy: float32 (256, 256), 0..1, a normal film.
    """
    return TransplantedFilm(_set_in(equalize(healthy), equalize(ill), boxes), False, ())


def equalize(picture: Picture) -> Picture:
    """Equalise the histogram of the central field, so that two films can be joined."""
    levels = (np.clip(picture, 0.0, 1.0) * 255).astype(np.int32)
    histogram = np.bincount(levels[FIELD, FIELD].ravel(), minlength=256)
    ranks = (np.cumsum(histogram) - 0.5 * histogram) / histogram.sum()
    equalized: Picture = ranks[levels].astype(np.float32)
    return equalized


def _set_in(target: Picture, donor: Picture, boxes: Sequence[Box]) -> Picture:
    """Paste the donor's boxes into the target, feathered, with the brightness of their surroundings there."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    for box in boxes:
        mask[max(0, box.y0 - PAD) : box.y1 + PAD, max(0, box.x0 - PAD) : box.x1 + PAD] = 255
    soft = np.asarray(Image.fromarray(mask).filter(ImageFilter.GaussianBlur(FEATHER)), np.float32) / 255
    ring = (soft > 0.02) & (soft < 0.5)
    if not ring.any():
        return target
    here, there = target[ring], donor[ring]
    contrast = np.clip((here.std() + 0.03) / (there.std() + 0.03), 0.6, 1.6)
    fitted = (donor - there.mean()) * contrast + here.mean()
    joined: Picture = np.clip(target * (1 - soft) + fitted * soft, 0.0, 1.0).astype(np.float32)
    return joined


def _overlap(box: Box, other: Box) -> bool:
    return min(box.x1, other.x1) > max(box.x0, other.x0) and min(box.y1, other.y1) > max(box.y0, other.y0)
