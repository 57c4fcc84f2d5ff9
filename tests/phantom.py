"""The drawn chest film as a JPEG, with its heat map and its Secondary Capture.

    python -m tests.phantom

draws docs/pictures/secondary_capture.jpg anew.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from db.films.screenings import Heat
from dicom_gateway.canary.drawn_chest import draw_chest
from dicom_gateway.results.report_wording import NOT_A_DEVICE
from dicom_gateway.results.result_picture import Caption, draw_result
from domain.bundle.tb_score import MEANING, format_tb_score
from domain.codes import Finding
from domain.notices import NOT_VERIFIED
from domain.regions import find_regions
from tests import checkout

PICTURE: Final = checkout.DOCS / "pictures" / "secondary_capture.jpg"


@lru_cache
def draw_phantom(seed: int, shadow: tuple[float, float, float] | None, side: int) -> bytes:
    """Return an 8-bit grey JPEG.

    Args:
        seed: of the small differences between two persons.
        shadow: centre (column, row) and radius of an opacity, as shares of the side.
        side: height and width, pixels.
    """
    buffer = io.BytesIO()
    Image.fromarray(draw_chest(seed, shadow, side)).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def heat_cells(x: float, y: float, radius: float, margin: float, cells: int = 14) -> bytes:
    """Return a heat map (cells by cells, row by row) that is hot around a shadow."""
    centres = margin + (np.arange(cells) + 0.5) / cells * (1 - 2 * margin)
    heat = np.exp(-(((centres[None, :] - x) ** 2 + (centres[:, None] - y) ** 2) / (radius * 1.5) ** 2))
    return (heat * 250).astype(np.uint8).tobytes()


def draw_picture() -> NDArray[np.uint8]:
    """Return the Secondary Capture's picture of the drawn film."""
    row, column = np.mgrid[0:14, 0:14]
    heat = 0.93 * np.exp(-((row - 3.7) ** 2 + (column - 9.6) ** 2) / 3.4)
    heat += 0.3 * np.exp(-((row - 4.9) ** 2 + (column - 10.6) ** 2) / 1.5)
    cells = np.rint(np.clip(heat, 0, 1) * 255).astype(np.uint8)
    caption = Caption(
        notice=NOT_VERIFIED,
        disclaimer=NOT_A_DEVICE,
        headline="Features suggestive of pulmonary TB: PRESENT",
        tb_score=88,
        facts=[
            f"TB score {format_tb_score(88)}.",
            MEANING,
            "Priority HIGH.",
            "Model tbscreen-default 1.4.0, operating point screening, 2026-12-01 13:28 +0000.",
        ],
    )
    film = Image.open(io.BytesIO(draw_phantom(1, (0.69, 0.32, 0.05), 512)))
    heat_map = Heat(*cells.shape, 1 / 16, cells.tobytes())
    regions = find_regions(Finding.PRESENT, heat_map, film.height, film.width)
    return draw_result(film, heat_map, caption, regions)


if __name__ == "__main__":
    Image.fromarray(draw_picture()).save(PICTURE, quality=88)
