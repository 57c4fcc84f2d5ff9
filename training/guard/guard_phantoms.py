"""Drawn radiographs of other parts of the body: cylinders and ellipsoids, by the Lambert-Beer law.

They are simple on purpose: they show the guard how limbs, skulls, teeth, pelves and spines differ from
frontal chest films. The evaluation shows how well this transfers to real films.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from training.guard.guard_pictures import DOWN, RIGHT, SIDE, Array, Plane, make_noise, vary_greys

Thickness = Plane
"""Attenuation along the path of an X-ray."""

Point = tuple[float, float]


def draw_phantom(draw: np.random.Generator) -> Array:
    """Return an artificial radiograph of a limb, a joint, teeth, skull, spine, abdomen or breast."""
    body = BODIES[int(draw.integers(0, len(BODIES)))](draw)
    body = body * draw.uniform(1.5, 5.0) / max(float(np.quantile(body, 0.98)), 1e-6)
    picture = 1.0 - np.exp(-body)
    inside = np.clip(body, 0.0, 1.0)
    picture = picture + (make_noise(draw, draw.uniform(0.8, 1.8)) - 0.5) * draw.uniform(0.02, 0.2) * inside
    turned = np.rot90(picture, int(draw.choice([0, 0, 0, 1, 2, 3])))
    return vary_greys(np.ascontiguousarray(np.clip(turned, 0.0, 1.0), dtype=np.float32), draw)


def _capsule(start: Point, end: Point, radius: float) -> Thickness:
    """Return the thickness of a cylinder with round ends; points are (down, right), a film's side is 1."""
    along = np.array(end) - np.array(start)
    length = max(float(along @ along), 1e-9)
    part = np.clip(((DOWN - start[0]) * along[0] + (RIGHT - start[1]) * along[1]) / length, 0.0, 1.0)
    away = (DOWN - start[0] - part * along[0]) ** 2 + (RIGHT - start[1] - part * along[1]) ** 2
    return np.asarray(2.0 * np.sqrt(np.clip(radius**2 - away, 0.0, None)))


def _ellipse(middle: Point, down: float, right: float, depth: float = 0.2) -> Thickness:
    away = ((DOWN - middle[0]) / down) ** 2 + ((RIGHT - middle[1]) / right) ** 2
    return 2.0 * depth * np.sqrt(np.clip(1.0 - away, 0.0, None))


def _bone(start: Point, end: Point, radius: float) -> Thickness:
    shaft = 4.0 * _capsule(start, end, radius) - 2.5 * _capsule(start, end, radius * 0.65)
    return shaft + 2.0 * (_capsule(start, start, radius * 1.5) + _capsule(end, end, radius * 1.5))


def _limb(draw: np.random.Generator) -> Thickness:
    slant, joint = draw.uniform(-0.3, 0.3), draw.uniform(0.25, 0.75)
    at = draw.uniform(0.35, 0.65)
    start, knee, end = (-0.2, at - slant), (joint, at), (1.2, at + draw.uniform(-0.3, 0.3))
    thick = draw.uniform(0.08, 0.22)
    body = _capsule(start, knee, thick) * 0.5 + _capsule(knee, end, thick * 0.9) * 0.5
    radius = thick * draw.uniform(0.2, 0.4)
    body += _bone(start, (joint - radius, at), radius) + _bone((joint + radius, at), end, radius)
    if draw.random() < 0.5:
        body += _bone((joint + radius, at + 2 * radius), (1.2, end[1] + 2 * radius), radius * 0.6)
    return body


def _hand(draw: np.random.Generator) -> Thickness:
    wrist = (draw.uniform(0.75, 0.95), draw.uniform(0.4, 0.6))
    body = _capsule(wrist, (1.3, wrist[1]), 0.12) * 0.5 + _ellipse(
        (wrist[0] - 0.2, wrist[1]), 0.2, 0.18, 0.06
    )
    for finger in np.linspace(-0.5, 0.5, int(draw.integers(4, 6))):
        knuckle = (wrist[0] - 0.25, wrist[1] + finger * 0.35)
        tip = (wrist[0] - draw.uniform(0.55, 0.75), wrist[1] + finger * draw.uniform(0.5, 0.8))
        body += _capsule(knuckle, tip, 0.04) * 0.5 + _bone(wrist, knuckle, 0.018)
        for first, last in ((0.05, 0.45), (0.52, 0.75), (0.8, 0.97)):
            joint = tuple(k + first * (t - k) for k, t in zip(knuckle, tip, strict=True))
            end = tuple(k + last * (t - k) for k, t in zip(knuckle, tip, strict=True))
            body += _bone((joint[0], joint[1]), (end[0], end[1]), 0.015)
    return body + _bone((wrist[0] + 0.05, wrist[1] - 0.05), (1.3, wrist[1] - 0.05), 0.03)


def _skull(draw: np.random.Generator) -> Thickness:
    middle, wide = (draw.uniform(0.35, 0.5), draw.uniform(0.4, 0.6)), draw.uniform(0.26, 0.42)
    tall = wide * draw.uniform(0.9, 1.25)
    body = 3.0 * _ellipse(middle, tall, wide) - 2.4 * _ellipse(middle, tall * 0.94, wide * 0.93)
    for side in (-1, 1):
        body -= 0.5 * _ellipse((middle[0] + 0.12, middle[1] + side * wide * 0.4), 0.06, 0.08, 0.1)
    body += _ellipse((middle[0] + tall * 0.8, middle[1] + draw.uniform(-0.25, 0.25)), 0.2, 0.18, 0.15) * 2.0
    return np.asarray(
        np.clip(body, 0.0, None) + _capsule((middle[0] + tall, middle[1]), (1.3, middle[1]), 0.15) * 0.6
    )


def _pelvis(draw: np.random.Generator) -> Thickness:
    body = _ellipse((0.5, 0.5), draw.uniform(0.6, 1.2), draw.uniform(0.45, 0.7), 0.25)
    low = draw.uniform(0.5, 0.7)
    for side in (-1, 1):
        wing = (low - 0.2, 0.5 + side * 0.25)
        body += 1.2 * _ellipse(wing, 0.2, 0.16, 0.1) + _bone(
            (low, 0.5 + side * 0.3), (1.3, 0.5 + side * 0.3), 0.05
        )
        body += 0.8 * (_ellipse((low + 0.1, 0.5 + side * 0.1), 0.12, 0.09, 0.1))
    return body + _spine(draw, 0.5, low)


def _spine(draw: np.random.Generator, at: float, until: float) -> Thickness:
    body = np.zeros((SIDE, SIDE))
    tall = draw.uniform(0.06, 0.11)
    for top in np.arange(-0.05, until, tall):
        body += 0.9 * _ellipse((float(top), at), tall * 0.45, draw.uniform(0.05, 0.09), 0.1)
    return body


def _abdomen(draw: np.random.Generator) -> Thickness:
    body = _ellipse((0.5, 0.5), draw.uniform(0.7, 1.2), draw.uniform(0.4, 0.7), 0.25)
    body += _spine(draw, 0.5, 1.1)
    for _ in range(int(draw.integers(3, 10))):
        bowel = draw.uniform(0.25, 0.75, 2)
        body -= 0.4 * _ellipse((bowel[0], bowel[1]), draw.uniform(0.03, 0.1), draw.uniform(0.03, 0.12), 0.12)
    return np.clip(body, 0.0, None)


def _breast(draw: np.random.Generator) -> Thickness:
    side = draw.choice([0.0, 1.0])
    middle = (draw.uniform(0.4, 0.6), side)
    body = 1.5 * _ellipse(middle, draw.uniform(0.3, 0.5), draw.uniform(0.35, 0.8), 0.3)
    return body * (0.6 + 0.8 * make_noise(draw, 1.6))


def _back(draw: np.random.Generator) -> Thickness:
    """Return a spine from the front or from the side, as films of the neck or the loins show it."""
    body = _ellipse((0.5, 0.5), 1.2, draw.uniform(0.3, 0.8), 0.25) * draw.uniform(0.5, 1.5)
    at, bend = draw.uniform(0.4, 0.6), draw.uniform(-0.12, 0.12)
    tall, wide = draw.uniform(0.09, 0.2), draw.uniform(0.07, 0.16)
    for number, top in enumerate(np.arange(draw.uniform(-0.1, 0.05), 1.1, tall)):
        middle = (float(top), at + bend * np.sin(float(top) * np.pi))
        block = 1.0 * (np.abs(DOWN - middle[0]) < tall * 0.4) * (np.abs(RIGHT - middle[1]) < wide)
        body = body + draw.uniform(0.25, 0.5) * block + 0.8 * _ellipse(middle, tall * 0.45, wide, 0.15)
        if number % 2 == 0:
            body += 0.4 * _ellipse((middle[0], middle[1] + wide * 1.5), tall * 0.3, wide * 0.5, 0.15)
    return np.asarray(np.clip(body, 0.0, None))


def _teeth(draw: np.random.Generator) -> Thickness:
    """Return a panoramic film: two arches of teeth over the bones of the jaw, or a few teeth alone."""
    curve, middle = draw.uniform(0.0, 0.5), draw.uniform(0.4, 0.6)
    arch = middle + curve * ((RIGHT - 0.5) ** 2) * draw.choice([-1.0, 1.0])
    body = 0.5 * np.exp(-(((DOWN - arch) / draw.uniform(0.2, 0.5)) ** 2))
    count = int(draw.integers(3, 18))
    for number in range(count):
        right = (number + 0.5) / count + draw.uniform(-0.1, 0.1) / count
        at = middle + curve * (right - 0.5) ** 2
        for side in (-1, 1):
            root, crown = (at + side * draw.uniform(0.15, 0.25), right), (at + side * 0.03, right)
            body += draw.uniform(1.5, 4.0) * _capsule(crown, root, draw.uniform(0.25, 0.42) / count)
    return np.asarray(body)


def _shoulder(draw: np.random.Generator) -> Thickness:
    side = float(draw.choice([0.0, 1.0]))
    inward = 1.0 - 2.0 * side
    joint = (draw.uniform(0.25, 0.5), 0.5 - inward * draw.uniform(0.0, 0.2))
    body = _ellipse((1.0, side + inward), 0.9, 0.8, 0.3) + _capsule(
        joint, (1.3, joint[1] - inward * 0.1), 0.16
    )
    body += _bone((joint[0] + 0.08, joint[1]), (1.3, joint[1] - inward * 0.1), 0.05)
    body += _bone((joint[0] - 0.12, joint[1]), (joint[0] - 0.2, side + inward), 0.025)
    for rib in np.arange(joint[0], 1.1, 0.12):
        body += 3.0 * _capsule((rib, joint[1] + inward * 0.2), (rib + 0.2, side + inward), 0.015)
    return body


BODIES: Final[tuple[Callable[[np.random.Generator], Thickness], ...]] = (
    *(_limb, _hand, _skull, _pelvis, _abdomen, _breast, _back, _teeth, _shoulder),
)
