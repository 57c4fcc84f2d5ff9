from __future__ import annotations

import numpy as np
import pytest

from dicom_gateway.results.heat_overlay import (
    FAINTEST,
    STRONGEST_COVER,
    colour_heat,
    find_field,
    overlay_heat,
    spread_heat,
)


def test_heat_lies_where_its_cell_is_and_nowhere_outside_the_field() -> None:
    cells = np.zeros((14, 14), np.uint8)
    cells[3, 10] = 255

    spread = spread_heat(cells, 1 / 16, 320, 256)

    top, left, height, width = find_field(1 / 16, 320, 256)
    assert (top, left, height, width) == (20, 16, 280, 224)
    hottest = np.unravel_index(int(spread.argmax()), spread.shape)
    assert hottest[0] == pytest.approx(top + 3.5 * height / 14, abs=2)
    assert hottest[1] == pytest.approx(left + 10.5 * width / 14, abs=2)
    inside = np.zeros(spread.shape, bool)
    inside[top : top + height, left : left + width] = True
    assert not spread[~inside].any()
    assert spread.min() >= 0.0
    assert spread.max() <= 1.0


def test_a_map_without_margin_covers_the_whole_film() -> None:
    spread = spread_heat(np.full((2, 2), 255, np.uint8), 0.0, 50, 40)

    assert spread.shape == (50, 40)
    assert spread == pytest.approx(1.0)


def test_colours_rise_in_brightness_and_cover_with_the_heat() -> None:
    heat = np.linspace(0.0, 1.0, 101, dtype=np.float32)[np.newaxis]

    colour, cover = colour_heat(heat)

    brightness = colour[0].astype(float) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(brightness) > -0.5).all()
    assert brightness[-1] > brightness[0] + 150
    assert (np.diff(cover[0].astype(int)) >= 0).all()
    assert not cover[heat < FAINTEST].any()
    assert cover.max() == pytest.approx(255 * STRONGEST_COVER, abs=1)


def test_the_film_is_unchanged_where_there_is_no_heat_and_readable_where_there_is() -> None:
    film = np.array([[0, 90, 255], [0, 90, 255]], np.uint8)
    heat = np.array([[0, 0.05, 0], [1, 1, 1]], np.float32)

    shown = overlay_heat(film, heat)

    assert (shown[0] == film[0][:, np.newaxis]).all()
    assert (np.diff(shown[1].astype(int).sum(axis=1)) > 100).all()  # dark stays darker than bright
    assert shown[1, 1, 0] > shown[1, 1, 2] + 30  # and is coloured: more red than blue
