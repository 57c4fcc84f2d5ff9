"""Regions beside marked lesions."""

from __future__ import annotations

import numpy as np
import pytest

from training.films.labelled_film import Box
from training.judging.region_figures import measure_regions

MARGIN, CELL = 16, 16


def draw_heat(*cells: tuple[int, int]) -> np.ndarray:
    heat = np.zeros((14, 14), np.float32)
    for row, column in cells:
        heat[row : row + 2, column : column + 2] = 1.0
    return heat


def test_a_region_in_a_box_is_a_hit_and_a_box_without_one_is_missed() -> None:
    # Cells (2..3, 3..4) cover rows 48..80 and columns 64..96 of the array.
    around, elsewhere = Box(60, 44, 100, 84), Box(180, 180, 220, 220)
    figures = measure_regions(
        [draw_heat((2, 3)), draw_heat((2, 3), (9, 1))], [[around, elsewhere], [around]], MARGIN, CELL
    )
    assert figures is not None
    assert (figures.films, figures.regions) == (2, 1.5)
    assert figures.hits is not None
    assert figures.hits.value == pytest.approx(2 / 3)
    assert figures.boxes_met.value == pytest.approx(2 / 3)
    assert figures.films_without.value == 0.0


def test_a_region_that_lies_less_than_half_in_a_box_is_no_hit_but_meets_it() -> None:
    third = Box(60, 44, 75, 84)
    figures = measure_regions([draw_heat((2, 3))], [[third]], MARGIN, CELL)
    assert figures is not None
    assert figures.hits is not None
    assert (figures.hits.value, figures.boxes_met.value) == (0.0, 1.0)


def test_a_film_without_heat_has_no_region() -> None:
    figures = measure_regions([np.zeros((14, 14), np.float32)], [[Box(60, 44, 100, 84)]], MARGIN, CELL)
    assert figures is not None
    assert (figures.regions, figures.hits, figures.boxes_met.value) == (0.0, None, 0.0)
    assert figures.films_without.value == 1.0


def test_no_films_no_figures() -> None:
    assert measure_regions([], [], MARGIN, CELL) is None
