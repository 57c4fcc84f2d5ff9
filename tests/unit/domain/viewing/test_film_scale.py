"""Lengths on a film: in millimetres of the plane that the header names, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from domain.viewing.film_scale import FilmScale, ScalePlane, read_scale

ROWS, COLUMNS, PIXEL, IMAGER, KIND = "00280010", "00280011", "00280030", "00181164", "00280A02"
SIZE: dict[str, Any] = {ROWS: {"vr": "US", "Value": [3000]}, COLUMNS: {"vr": "US", "Value": [2500]}}


def spacing(tag: str, *values: Any) -> dict[str, Any]:
    return {tag: {"vr": "DS", "Value": list(values)}}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({}, (None, None, ScalePlane.UNKNOWN)),
        (spacing(IMAGER, 0.15, 0.1), (0.15, 0.1, ScalePlane.DETECTOR)),
        (spacing(IMAGER, 0.15, 0.1) | spacing(PIXEL, 0.15, 0.1), (0.15, 0.1, ScalePlane.DETECTOR)),
        (spacing(IMAGER, 0.15, 0.15) | spacing(PIXEL, 0.13, 0.13), (0.13, 0.13, ScalePlane.PATIENT)),
        (spacing(PIXEL, "0.14", "0.14"), (0.14, 0.14, ScalePlane.UNKNOWN)),
        (spacing(PIXEL, 0.14, 0.14) | spacing(KIND, "GEOMETRY"), (0.14, 0.14, ScalePlane.PATIENT)),
        (spacing(PIXEL, 0, 0) | spacing(IMAGER, 0.1, 0.1), (0.1, 0.1, ScalePlane.DETECTOR)),
        (spacing(IMAGER, -0.1, 0.1), (None, None, ScalePlane.UNKNOWN)),
        (spacing(IMAGER, "nan", 0.1), (None, None, ScalePlane.UNKNOWN)),
        (spacing(IMAGER, 0.1), (None, None, ScalePlane.UNKNOWN)),
        (spacing(IMAGER, "none", None), (None, None, ScalePlane.UNKNOWN)),
    ],
)
def test_spacing_counts_in_the_plane_that_the_header_tells(
    header: dict[str, Any], expected: tuple[float | None, float | None, ScalePlane]
) -> None:
    assert read_scale(SIZE | header) == FilmScale(3000, 2500, *expected)


@pytest.mark.parametrize("size", [{}, {ROWS: {"vr": "US"}}, {ROWS: {"vr": "US", "Value": [0]}}])
def test_a_film_without_size_has_no_scale(size: dict[str, Any]) -> None:
    assert read_scale(spacing(IMAGER, 0.1, 0.1) | SIZE | {COLUMNS: {}} | size) is None
