"""A drawn film with four white marks, its result, and the objects that are sent of it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from db.delivery.outbox import ReportableScreening
from db.films.screenings import Heat
from dicom_gateway.results.secondary_capture import build_secondary_capture
from dicom_gateway.results.structured_report import build_report
from dicom_gateway.settings import CourierSettings
from domain.codes import Finding
from domain.regions import Region, find_regions
from tests.golden.synthetic import write_film
from tests.phantom import draw_phantom
from tests.unit.reportable import make_screening

ROWS: Final = 1100
COLUMNS: Final = 900
STUDY: Final = "1.2.826.0.1.3680043.8.498.15"
MARK: Final = 16
"""Side of a mark in pixels."""
MARKS: Final = ((24, 500), (876, 500), (24, 1076), (876, 1076))
"""Column and row of the marks' centres, in the coordinates of PS3.3 C.10.5.1.2; the text lies above them."""


@dataclass(frozen=True)
class DrawnStudy:
    """The film's file and what belongs to it."""

    film: Path
    rendition: bytes
    screening: ReportableScreening
    heat: Heat

    @property
    def regions(self) -> tuple[Region, ...]:
        """The source of all outlines."""
        return find_regions(Finding(self.screening.finding), self.heat, ROWS, COLUMNS)

    def build_sr(self, sr_class: str = "comprehensive_3d") -> bytes:
        """Return the SR."""
        settings = CourierSettings.model_validate({"sr_sop_class": sr_class})
        return build_report(self.screening, self.heat, settings, "9.9").part10

    def build_picture(self) -> bytes:
        """Return the Secondary Capture."""
        settings = CourierSettings()
        return build_secondary_capture(self.screening, self.rendition, self.heat, settings, "9.9").part10


def draw_study(folder: Path, **changes: Any) -> DrawnStudy:
    """Draw a film with two hot places, whose result is `changes` on top of a finding that is present."""
    pixels = _draw_film()
    film = write_film(
        folder / "film.dcm",
        pixels,
        StudyInstanceUID=STUDY,
        SeriesInstanceUID=f"{STUDY}.1",
        SOPInstanceUID=f"{STUDY}.1.1",
        PatientName="Phantom^Drawn",
        PatientID="DRAWN",
        StudyDate="20240506",
        StudyTime="120000",
        StudyDescription="Chest",
        ImagerPixelSpacing=["0.4", "0.4"],
    )
    rendition = io.BytesIO()
    Image.fromarray(pixels).save(rendition, "JPEG", quality=95)
    return DrawnStudy(film, rendition.getvalue(), make_screening(film, **changes), _make_heat())


def _draw_film() -> npt.NDArray[np.uint8]:
    phantom = Image.open(io.BytesIO(draw_phantom(1, (0.69, 0.32, 0.05), 1024))).resize((COLUMNS, ROWS))
    pixels = np.rint(np.asarray(phantom) * 0.7).astype(np.uint8)
    for column, row in MARKS:
        pixels[row - MARK // 2 : row + MARK // 2, column - MARK // 2 : column + MARK // 2] = 255
    return pixels


def _make_heat() -> Heat:
    row, column = np.mgrid[0:14, 0:14]
    heat = 0.95 * np.exp(-((row - 3.7) ** 2 + (column - 9.6) ** 2) / 3.4)
    heat += 0.8 * np.exp(-((row - 8.9) ** 2 + (column - 3.6) ** 2) / 2.5)
    return Heat(14, 14, 1 / 16, np.rint(np.clip(heat, 0, 1) * 255).astype(np.uint8).tobytes())
