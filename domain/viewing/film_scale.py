"""The size of a film in its own pixels, and of a pixel in millimetres, from the film's header."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Any, Final

LARGEST_SIDE: Final = 2**16 - 1
"""Rows and Columns have VR US (PS3.3 C.7.6.3.1)."""

LARGEST_SPACING_MM: Final = 10.0
"""No film has larger pixels; a larger value is an error."""


class ScalePlane(StrEnum):
    """The plane in which a length in millimetres holds (PS3.3 10.7.1.1)."""

    PATIENT = "patient"
    """Corrected for geometric magnification, or calibrated with an object of known size."""
    DETECTOR = "detector"
    """At the front of the detector: the patient's own lengths are smaller."""
    UNKNOWN = "unknown"
    """The header has a spacing and does not say of which plane."""


@dataclass(frozen=True)
class FilmScale:
    """Rows and columns of a film, and the distance between the centres of its pixels."""

    rows: int
    columns: int
    row_mm: float | None = None
    """Between adjacent rows, millimetres; None where unknown."""
    column_mm: float | None = None
    plane: ScalePlane = ScalePlane.UNKNOWN


def read_scale(header: Mapping[str, Any]) -> FilmScale | None:
    """Return the scale of a film from its header in the DICOM JSON model (PS3.18 F.2); None without a size.

    Pixel Spacing that equals Imager Pixel Spacing is not corrected, and any other is (PS3.3 10.7.1.1).
    """
    rows, columns = (_read_numbers(header, tag, 1) for tag in ("00280010", "00280011"))
    if rows is None or columns is None or not all(1 <= side <= LARGEST_SIDE for side in (*rows, *columns)):
        return None
    size = int(rows[0]), int(columns[0])
    spacing = _read_spacing(header, "00280030")
    at_detector = _read_spacing(header, "00181164")
    if spacing is None or spacing == at_detector:
        return FilmScale(*size, *at_detector, ScalePlane.DETECTOR) if at_detector else FilmScale(*size)
    is_calibrated = at_detector is not None or bool(header.get("00280A02", {}).get("Value"))
    return FilmScale(*size, *spacing, ScalePlane.PATIENT if is_calibrated else ScalePlane.UNKNOWN)


def _read_spacing(header: Mapping[str, Any], tag: str) -> tuple[float, float] | None:
    """Return the row spacing and the column spacing, in this order (PS3.3 10.7.1.3)."""
    found = _read_numbers(header, tag, 2)
    if found is None or not all(0 < value <= LARGEST_SPACING_MM for value in found):
        return None
    return found[0], found[1]


def _read_numbers(header: Mapping[str, Any], tag: str, count: int) -> list[float] | None:
    element = header.get(tag)
    values = element.get("Value") if isinstance(element, Mapping) else None
    if not isinstance(values, list) or len(values) != count:
        return None
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError):
        return None
    return numbers if all(map(isfinite, numbers)) else None
