from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from training.learning.style import Picture, change_style, take_spectrum


def draw_film(seed: int, blur: float) -> Picture:
    """Return a film of blots, sharp or not."""
    greys = np.random.default_rng(seed).integers(0, 256, (64, 64), np.uint8)
    film = Image.fromarray(greys).resize((256, 256), Image.Resampling.NEAREST)
    return np.asarray(film.filter(ImageFilter.GaussianBlur(blur)), np.float32) / np.float32(255)


def measure_sharpness(film: Picture) -> float:
    return float(np.abs(np.diff(film, axis=1)).mean())


def correlate(film: Picture, other: Picture) -> float:
    return float(np.corrcoef(film.ravel(), other.ravel())[0, 1])


def test_a_film_becomes_as_sharp_as_the_other_and_keeps_its_structure() -> None:
    sharp, soft = draw_film(1, 0.8), draw_film(2, 1.6)
    for film, other in ((sharp, soft), (soft, sharp)):
        changed = take_spectrum(film, other, 1.0)
        before = abs(measure_sharpness(film) - measure_sharpness(other))
        assert abs(measure_sharpness(changed) - measure_sharpness(other)) < before / 2
        assert correlate(changed, film) > 0.7
        assert abs(correlate(changed, other)) < 0.1
        assert changed.mean() == pytest.approx(film.mean(), abs=0.02)


def test_a_share_of_nothing_changes_nothing() -> None:
    film = draw_film(1, 1.0)
    assert np.allclose(take_spectrum(film, draw_film(2, 3.0), 0.0), film, atol=1e-4)


def test_styles_differ_stay_in_range_and_keep_what_is_seen() -> None:
    film, other = draw_film(1, 2.0), draw_film(2, 0.5)
    results = [change_style(film, other, np.random.default_rng(seed)) for seed in range(40)]
    assert all(result.shape == (256, 256) and result.dtype == np.float32 for result in results)
    assert all(0 <= result.min() <= result.max() <= 1 for result in results)
    assert all(correlate(result, film) > 0.6 for result in results)
    assert len({result.tobytes() for result in results}) > 20


def test_a_style_follows_from_the_generator_alone() -> None:
    film = draw_film(1, 2.0)
    first, again = (change_style(film, None, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(first, again)
