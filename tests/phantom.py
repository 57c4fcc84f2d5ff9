"""A drawn chest: no patient's. For pictures in the documentation.

    python -m tests.phantom

draws docs/pictures/secondary_capture.jpg anew.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from dicom_gateway.results.report_wording import NOT_A_DEVICE, NOT_VERIFIED
from dicom_gateway.results.result_picture import Caption, HeatCells, draw_result
from tests import checkout

PICTURE: Final = checkout.DOCS / "pictures" / "secondary_capture.jpg"
SIZE: Final = 512

Field = npt.NDArray[np.float64]


def draw_phantom() -> Image.Image:
    """Return the drawn film, 8-bit grey."""
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    body = _ellipse(x, y, 0.5, 0.62, 0.47, 0.66, 0.02) + 0.8 * _ellipse(x, y, 0.5, 0.05, 0.12, 0.22, 0.03)
    film = 0.62 * np.minimum(body, 1.0)
    lungs = _ellipse(x, y, 0.29, 0.47, 0.155, 0.33, 0.02) + _ellipse(x, y, 0.71, 0.47, 0.15, 0.33, 0.02)
    domes = _ellipse(x, y, 0.27, 0.93, 0.24, 0.2, 0.015) + _ellipse(x, y, 0.74, 0.95, 0.22, 0.2, 0.015)
    lungs *= 1 - np.minimum(domes, 1.0)
    film -= 0.42 * np.minimum(lungs, 1.0)
    heart = _ellipse(x, y, 0.56, 0.64, 0.14, 0.15, 0.02)
    film += 0.26 * heart * np.minimum(lungs, 1.0) + 0.12 * heart
    film += 0.16 * _ellipse(x, y, 0.5, 0.5, 0.035, 0.6, 0.015) * body
    for side in (-1, 1):
        for number in range(8):
            top = 0.2 + 0.075 * number
            out = np.abs(x - 0.5)
            arc = top + 0.55 * out**1.5 - 0.02
            on_side = ((x - 0.5) * side > 0.05) & (out < 0.4) & (y < 0.8)
            film += 0.055 * np.exp(-(((y - arc) / 0.012) ** 2)) * on_side * body
        slope = 0.17 + 0.22 * np.abs(x - 0.5)
        film += (
            0.12 * np.exp(-(((y - slope) / 0.014) ** 2)) * ((x - 0.5) * side > 0.04) * (np.abs(x - 0.5) < 0.4)
        )
    film += 0.2 * np.exp(-(((x - 0.68) / 0.035) ** 2 + ((y - 0.31) / 0.03) ** 2))
    film += 0.1 * np.exp(-(((x - 0.74) / 0.03) ** 2 + ((y - 0.37) / 0.025) ** 2))
    noise = np.random.default_rng(7).normal(0, 0.012, film.shape)
    grey = np.clip(film + noise * body, 0, 1) * 255
    return Image.fromarray(grey.astype(np.uint8)).filter(ImageFilter.GaussianBlur(1.6))


def draw_picture() -> npt.NDArray[np.uint8]:
    """Return the Secondary Capture's picture of the drawn film."""
    row, column = np.mgrid[0:14, 0:14]
    heat = 0.93 * np.exp(-((row - 3.7) ** 2 + (column - 9.6) ** 2) / 3.4)
    heat += 0.3 * np.exp(-((row - 4.9) ** 2 + (column - 10.6) ** 2) / 1.5)
    cells = np.rint(np.clip(heat, 0, 1) * 255).astype(np.uint8)
    caption = Caption(
        notice=NOT_VERIFIED,
        disclaimer=NOT_A_DEVICE,
        headline="Features suggestive of pulmonary TB: PRESENT",
        facts=[
            "Score 83.5%, threshold 41.2% (operating point screening). Priority HIGH.",
            "The percentage is calibrated for a prevalence of 5.0%.",
            "Model tbscreen-default 1.0.0, 2026-11-25 10:08 +0000.",
        ],
    )
    return draw_result(draw_phantom(), HeatCells(cells, 1 / 16), caption)


def _ellipse(x: Field, y: Field, cx: float, cy: float, rx: float, ry: float, soft: float) -> Field:
    """1 inside, 0 outside, with a soft edge."""
    distance = np.sqrt(((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2)
    return np.clip((1 - distance) * rx / soft, 0, 1)


if __name__ == "__main__":
    Image.fromarray(draw_picture()).save(PICTURE, quality=88)
