from __future__ import annotations

import numpy as np
import pytest

from training.films.labelled_film import Box
from training.judging.heat_maps import measure_heat

MARGIN, CELL = 16, 16


def draw_heat(row: int, column: int) -> np.ndarray:
    heat = np.zeros((14, 14), np.float32)
    heat[row, column] = 1.0
    return heat


def test_the_hottest_cell_in_a_box_is_a_hit() -> None:
    # Cell (2, 3) covers rows 48..64 and columns 64..80; its centre is (56, 72).
    figures = measure_heat([draw_heat(2, 3), draw_heat(10, 10)], [[Box(60, 40, 90, 70)]] * 2, MARGIN, CELL)
    assert figures is not None
    assert figures.films == 2
    assert figures.pointing.value == 0.5
    assert 0.09 < figures.pointing.low < 0.1  # Wilson, 1 of 2
    assert figures.centre_pointing.value == 1.0


def test_half_a_cell_beside_a_box_is_a_hit_and_more_is_none() -> None:
    near, far = [Box(80, 40, 90, 70)], [Box(81, 40, 90, 70)]
    assert measure_heat([draw_heat(2, 3)], [near], MARGIN, CELL).pointing.value == 1.0
    assert measure_heat([draw_heat(2, 3)], [far], MARGIN, CELL).pointing.value == 0.0


def test_share_of_heat() -> None:
    heat = np.zeros((14, 14), np.float32)
    heat[2, 3] = 0.6
    heat[8, 8] = 0.2
    left_half_of_the_cell = [Box(64, 48, 72, 64)]
    figures = measure_heat([heat], [left_half_of_the_cell], MARGIN, CELL)
    assert figures.heat_in_boxes == pytest.approx(0.3 / 0.8)
    assert figures.boxes_area == pytest.approx(0.5 / 196)


def test_no_films_no_figures() -> None:
    assert measure_heat([], [], MARGIN, CELL) is None
