"""Drawn slices of CT: axial and coronal, in the windows of lung and of soft tissue.

A coronal slice in a lung window resembles a frontal chest film: two dark lungs in light tissue. What tells it
apart is drawn: vessels as sharp dots and branches, no ribs over the lungs, air around the body.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from training.guard.guard_pictures import DOWN, RIGHT, SIDE, Array, Plane, make_noise, vary_greys

Mask = npt.NDArray[np.bool_]
"""Pixels (256, 256) of an organ."""

AIR, LUNG, FAT, TISSUE, BLOOD, BONE = -1000.0, -850.0, -100.0, 40.0, 180.0, 700.0
"""Hounsfield units."""

WINDOWS: Final = ((-600.0, 1500.0), (-500.0, 1200.0), (40.0, 400.0), (60.0, 900.0), (300.0, 1500.0))
"""Centre and width, in Hounsfield units: two for lungs, one for soft tissue, two wide ones."""


def draw_slice(draw: np.random.Generator) -> Array:
    """Return an artificial slice of a CT of the chest, the head or the abdomen."""
    make = (_draw_chest, _draw_chest, _draw_coronal, _draw_coronal, _draw_abdomen, _draw_head)
    density = make[int(draw.integers(0, len(make)))](draw)
    density = density + (make_noise(draw, draw.uniform(0.0, 1.0)) - 0.5) * draw.uniform(10.0, 250.0)
    centre, width = WINDOWS[int(draw.integers(0, len(WINDOWS)))]
    picture = np.clip((density - centre) / width + 0.5, 0.0, 1.0).astype(np.float32)
    return vary_greys(picture, draw)


def _blob(draw: np.random.Generator, middle: tuple[float, float], down: float, right: float) -> Mask:
    """Return a mask of an ellipse with an uneven edge."""
    angle = np.arctan2(DOWN - middle[0], RIGHT - middle[1])
    edge = 1.0 + sum(
        draw.normal(0.0, 0.04) * np.cos(order * angle + draw.uniform(0.0, 2.0 * np.pi))
        for order in (2, 3, 4, 5)
    )
    return np.asarray(((DOWN - middle[0]) / down) ** 2 + ((RIGHT - middle[1]) / right) ** 2 < edge**2)


def _draw_vessels(draw: np.random.Generator, inside: Mask) -> Plane:
    """Return a mask of dots and branches within the lungs."""
    image = Image.new("L", (SIDE, SIDE))
    pen = ImageDraw.Draw(image)
    for _ in range(int(draw.integers(40, 160))):
        right, down = draw.uniform(0, SIDE, 2)
        size = draw.uniform(0.4, 2.5)
        if draw.random() < 0.5:
            pen.ellipse((right - size, down - size, right + size, down + size), fill=255)
        else:
            turn, length = draw.uniform(0, 2 * np.pi), draw.uniform(4, 28)
            end = (right + length * np.cos(turn), down + length * np.sin(turn))
            pen.line((right, down, *end), fill=255, width=max(1, round(size)))
    return np.asarray(image, np.float32) / 255 * inside


def _fill_lungs(draw: np.random.Generator, density: Plane, lungs: Mask) -> Plane:
    density = np.where(lungs, LUNG + draw.uniform(-50.0, 150.0), density)
    if draw.random() < 0.5:
        cloud = np.clip(make_noise(draw, 1.6) - draw.uniform(0.5, 0.8), 0.0, 1.0) * draw.uniform(
            500.0, 2500.0
        )
        density = density + cloud * lungs
    vessels = _draw_vessels(draw, lungs)
    return np.asarray(density * (1.0 - vessels) + BLOOD * vessels)


def _draw_body(draw: np.random.Generator, tall: float, wide: float) -> tuple[Plane, Mask]:
    """Return densities of a trunk in air, and the mask of what lies within its fat."""
    middle = (draw.uniform(0.45, 0.55), draw.uniform(0.46, 0.54))
    body = _blob(draw, middle, tall, wide)
    fat = draw.uniform(0.01, 0.08)
    within = ((DOWN - middle[0]) / (tall - fat)) ** 2 + ((RIGHT - middle[1]) / (wide - fat)) ** 2 < 1.0
    density = np.where(body, FAT, AIR)
    density = np.where(within & body, TISSUE, density)
    if draw.random() < 0.5:
        table = np.abs(DOWN - middle[0] - tall - 0.03 + 0.15 * (RIGHT - 0.5) ** 2) < 0.008
        density = np.where(table, 0.0, density)
    return density, within & body


def _draw_vertebra(draw: np.random.Generator, density: Plane, at: tuple[float, float]) -> Plane:
    size = draw.uniform(0.05, 0.09)
    bone = _blob(draw, at, size, size * 1.2) | _blob(
        draw, (at[0] + 1.6 * size, at[1]), size * 0.9, size * 0.3
    )
    for side in (-1, 1):
        bone |= _blob(draw, (at[0] + 1.3 * size, at[1] + side * 1.2 * size), size * 0.35, size)
    return np.where(bone, BONE * draw.uniform(0.4, 1.2), density)


def _draw_chest(draw: np.random.Generator) -> Plane:
    tall, wide = draw.uniform(0.3, 0.42), draw.uniform(0.4, 0.55)
    density, within = _draw_body(draw, tall, wide)
    lungs: Mask = np.zeros((SIDE, SIDE), dtype=np.bool_)
    for side in (-1, 1):
        at = (0.5 + draw.uniform(-0.05, 0.05), 0.5 + side * wide * draw.uniform(0.45, 0.55))
        lungs |= _blob(draw, at, tall * draw.uniform(0.6, 0.78), wide * draw.uniform(0.3, 0.4))
    heart = _blob(
        draw, (0.5 - tall * 0.2, 0.5 + draw.uniform(0.0, 0.08)), tall * 0.45, wide * draw.uniform(0.2, 0.5)
    )
    density = _fill_lungs(draw, density, lungs & within & ~heart)
    density = np.where(heart & within, draw.uniform(TISSUE, BLOOD), density)
    for angle in np.arange(0.0, 2 * np.pi, draw.uniform(0.3, 0.6)):
        at = (0.5 + 0.87 * tall * np.sin(angle), 0.5 + 0.87 * wide * np.cos(angle))
        density = np.where(_blob(draw, at, 0.014, 0.035), BONE, density)
    return _draw_vertebra(draw, density, (0.5 + tall * 0.55, 0.5))


def _draw_coronal(draw: np.random.Generator) -> Plane:
    wide = draw.uniform(0.4, 0.6)
    density = np.where(np.abs(RIGHT - 0.5) < wide, TISSUE, AIR)
    base = draw.uniform(0.6, 0.95)
    lungs: Mask = np.zeros((SIDE, SIDE), dtype=np.bool_)
    for side in (-1, 1):
        at = (draw.uniform(0.4, 0.5), 0.5 + side * draw.uniform(0.2, 0.27))
        lungs |= _blob(draw, at, draw.uniform(0.38, 0.5), draw.uniform(0.13, 0.2)) & (
            base + 0.5 * (RIGHT - at[1]) ** 2 > DOWN
        )
    density = _fill_lungs(draw, density, lungs)
    trachea = (np.abs(RIGHT - 0.5) < 0.02) & (draw.uniform(0.2, 0.45) > DOWN)
    density = np.where(trachea, AIR, density)
    heart = _blob(draw, (0.6, 0.5), draw.uniform(0.1, 0.3), draw.uniform(0.06, 0.2))
    density = np.where(heart, draw.uniform(TISSUE, BLOOD), density)
    for top in np.arange(0.05, base, draw.uniform(0.08, 0.13)):
        for side in (-1, 1):  # cut across, ribs are dots beside the lungs
            at = (float(top), 0.5 + side * (0.42 - 0.25 * (float(top) - 0.6) ** 2))
            density = np.where(_blob(draw, at, 0.02, 0.014), BONE, density)
    return np.asarray(density)


def _draw_abdomen(draw: np.random.Generator) -> Plane:
    tall, wide = draw.uniform(0.25, 0.4), draw.uniform(0.35, 0.5)
    density, within = _draw_body(draw, tall, wide)
    for _ in range(int(draw.integers(3, 12))):
        at = (0.5 + draw.uniform(-0.7, 0.5) * tall, 0.5 + draw.uniform(-0.7, 0.7) * wide)
        organ = _blob(draw, at, draw.uniform(0.02, 0.12), draw.uniform(0.02, 0.15)) & within
        density = np.where(organ, draw.choice([FAT, BLOOD, AIR, 80.0]), density)
    return _draw_vertebra(draw, density, (0.5 + tall * 0.5, 0.5))


def _draw_head(draw: np.random.Generator) -> Plane:
    tall = draw.uniform(0.3, 0.42)
    wide, middle = tall * draw.uniform(0.75, 0.95), (0.5, draw.uniform(0.45, 0.55))
    density = np.where(_blob(draw, middle, tall, wide), BONE * 1.3, AIR)
    brain = _blob(draw, middle, tall - 0.03, wide - 0.03)
    density = np.where(brain, TISSUE, density)
    for _ in range(int(draw.integers(2, 7))):
        at = (middle[0] + draw.uniform(-0.6, 0.6) * tall, middle[1] + draw.uniform(-0.5, 0.5) * wide)
        part = _blob(draw, at, draw.uniform(0.02, 0.1), draw.uniform(0.01, 0.06)) & brain
        density = np.where(part, draw.choice([0.0, AIR, BONE]), density)
    return density
