"""A chest film that nobody ever had: drawn from ellipses, with a shadow where one is wanted."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter


def draw_chest(seed: int, shadow: tuple[float, float, float] | None, side: int) -> NDArray[np.uint8]:
    """Return an 8-bit grey picture (side, side), bones white.

    Args:
        seed: of the small differences between two persons.
        shadow: centre (column, row) and radius of an opacity, as shares of the side.
        side: height and width, pixels.
    """
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:side, 0:side] / side
    wide = 1 + random.uniform(-0.04, 0.04)
    body = _ellipse(columns, rows, 0.5, 0.62, 0.43 * wide, 0.62, 0.06)
    shoulders = _ellipse(columns, rows, 0.5, 0.42, 0.52, 0.3, 0.1)
    film = 0.03 + 0.5 * np.maximum(body, shoulders * 0.8)
    for hand in (-1, 1):
        lung = _ellipse(columns, rows, 0.5 + hand * 0.185 * wide, 0.5, 0.135 * wide, 0.335, 0.05)
        film -= 0.4 * lung
        film += _draw_vessels(columns, rows, 0.5 + hand * 0.06, 0.5, hand, random) * lung
    film += _draw_ribs(columns, rows, wide) * np.clip(body * 1.2, 0, 1)
    spine = np.exp(-(((columns - 0.5) / 0.035) ** 2)) * (0.22 + 0.03 * np.cos(rows * 2 * math.pi * 18))
    film += spine * np.clip((rows - 0.03) * 12, 0, 1)
    heart = _ellipse(columns, rows, 0.545, 0.64, 0.135 * wide, 0.165, 0.06)
    arch = _ellipse(columns, rows, 0.53, 0.42, 0.06, 0.07, 0.12)
    film = np.maximum(film, np.maximum(0.62 * heart, 0.52 * arch) + 0.12 * film)
    film -= (
        0.12 * np.exp(-(((columns - 0.5) / 0.014) ** 2)) * (rows < 0.42) * np.clip(rows * 8, 0, 1)
    )  # trachea
    diaphragm = np.clip((rows - (0.80 + 0.9 * (np.abs(columns - 0.5) - 0.19) ** 2)) / 0.03, 0, 1)
    film = np.maximum(film, 0.72 * diaphragm * body)
    if shadow is not None:
        film += 0.24 * _draw_shadow(columns, rows, *shadow, random)
    return _develop(film, random)


def _ellipse(
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    x: float,
    y: float,
    width: float,
    height: float,
    soft: float,
) -> NDArray[np.float64]:
    distance = np.sqrt(((columns - x) / width) ** 2 + ((rows - y) / height) ** 2)
    return np.clip((1 - distance) / soft * 0.35 + 0.5, 0, 1)


def _draw_ribs(columns: NDArray[np.float64], rows: NDArray[np.float64], wide: float) -> NDArray[np.float64]:
    ribs = np.zeros_like(rows)
    away = np.abs(columns - 0.5) / wide
    for number in range(10):
        back = 0.14 + number * 0.068 - 0.10 * (1 - away / 0.36) ** 2 * 0.4 + away * 0.10
        ribs += 0.075 * np.exp(-(((rows - back) / 0.0105) ** 2)) * (away > 0.035) * (away < 0.345)
        front = 0.24 + number * 0.075 - away * 0.25 + 0.12
        ribs += 0.03 * np.exp(-(((rows - front) / 0.014) ** 2)) * (away > 0.13) * (away < 0.335)
    clavicle = 0.185 - (away - 0.05) * 0.28 + 1.0 * np.clip(away - 0.2, 0, 1) ** 2
    return ribs + 0.16 * np.exp(-(((rows - clavicle) / 0.014) ** 2)) * (away > 0.03) * (away < 0.36)


def _draw_vessels(
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    x: float,
    y: float,
    side: int,
    random: np.random.Generator,
) -> NDArray[np.float64]:
    vessels = 0.12 * np.exp(-(((columns - x) / 0.05) ** 2 + ((rows - y) / 0.07) ** 2))
    for angle in np.linspace(-1.2, 1.3, 11) + random.uniform(-0.08, 0.08, 11):
        along = (columns - x) * side * math.cos(angle) + (rows - y) * math.sin(angle)
        across = -(columns - x) * side * math.sin(angle) + (rows - y) * math.cos(angle)
        across = across - 0.02 * np.sin(along * 22 + angle * 9)
        thick = np.clip(0.011 - along * 0.03, 0.0025, 1)
        vessels += 0.07 * np.exp(-((across / thick) ** 2)) * (along > 0) * np.clip(1 - along / 0.27, 0, 1)
    return vessels


def _draw_shadow(
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    x: float,
    y: float,
    radius: float,
    random: np.random.Generator,
) -> NDArray[np.float64]:
    shadow = np.zeros_like(rows)
    for _ in range(14):
        dx, dy = random.normal(0, radius * 0.45, 2)
        size = radius * random.uniform(0.25, 0.6)
        shadow += 0.35 * np.exp(-(((columns - x - dx) / size) ** 2 + ((rows - y - dy) / size) ** 2))
    return np.clip(shadow, 0, 1)


def _develop(film: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.uint8]:
    grain = random.normal(0, 0.012, film.shape)
    grey = np.clip((film + grain) / 0.95, 0, 1) ** 0.85
    picture = Image.fromarray((grey * 255).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(1.3 * len(film) / 1024)
    )
    return np.asarray(picture)
