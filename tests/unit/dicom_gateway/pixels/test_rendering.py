"""A film in strips is the film in one piece, for the array as for the rendition."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from dicom_gateway.pixels import rendering
from dicom_gateway.pixels.rendering import NotAnXrayError, Rendering
from dicom_gateway.pixels.rendition import RENDITION_PIXELS, Rendition
from domain.array.normalization import normalize, normalize_strips
from tests.unit.dicom_gateway.noise import make_noise


@pytest.mark.parametrize("shape", [(2500, 2048), (700, 500), (256, 256), (3, 5000), (5000, 3), (257, 255)])
def test_strips_make_the_array_that_the_whole_film_makes(shape: tuple[int, int]) -> None:
    display = make_noise(*shape)
    film = Rendering(display, np.copy)
    assert film.shape == shape
    assert np.array_equal(film.whole(), display)
    at_once = Image.fromarray(display).resize((256, 256), Image.Resampling.BOX)
    expected = np.clip(np.asarray(at_once), 0.0, 1.0)
    assert np.array_equal(normalize_strips(film.strips()), expected)
    assert np.array_equal(normalize(display), expected)


def test_a_strip_is_at_least_one_row_and_never_the_whole_of_a_large_film() -> None:
    heights = [len(strip) for strip in Rendering(make_noise(2500, 2048), np.copy).strips()]
    assert sum(heights) == 2500
    assert max(heights) * 2048 <= rendering.STRIP_PIXELS
    wide = Rendering(make_noise(2, rendering.STRIP_PIXELS + 1), np.copy)
    assert [len(strip) for strip in wide.strips()] == [1, 1]


def test_a_film_of_one_value_is_known_after_its_last_strip() -> None:
    blank = np.full((2000, 2000), 0.25, np.float32)
    with pytest.raises(NotAnXrayError, match="one value"):
        list(Rendering(blank, np.copy).strips())
    blank[-1, -1] = 0.5
    assert sum(len(strip) for strip in Rendering(blank, np.copy).strips()) == 2000


@pytest.mark.parametrize(
    ("shape", "size"),
    [((4, 9000), (1024, 1)), ((1024, 1024), (1024, 1024)), ((1, 2), (2, 1)), ((2048, 512), (256, 1024))],
)
def test_a_rendition_never_exceeds_1024_pixels_a_side(shape: tuple[int, int], size: tuple[int, int]) -> None:
    made = Rendition(shape)
    for strip in Rendering(make_noise(*shape), np.copy).strips():
        made.add(strip)
    assert Image.open(io.BytesIO(made.encode())).size == size


def test_a_rendition_shows_the_film() -> None:
    display = make_noise(2500, 2048, smooth=True)
    made = Rendition(display.shape)
    for strip in Rendering(display, np.copy).strips():
        made.add(strip)
    picture = Image.open(io.BytesIO(made.encode()))
    assert (picture.format, picture.mode, max(picture.size)) == ("JPEG", "L", RENDITION_PIXELS)
    expected = Image.fromarray(display).resize(picture.size, Image.Resampling.BOX)
    assert np.abs(np.asarray(picture) / 255.0 - np.asarray(expected)).mean() < 0.01
