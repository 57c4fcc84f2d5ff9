from __future__ import annotations

import numpy as np

from training.films.labelled_film import Box
from training.learning.augmentation import augment


def draw_film(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((16, 16)).repeat(16, 0).repeat(16, 1).astype(np.float32)


def test_the_same_randomness_gives_the_same_film() -> None:
    augmented = augment(draw_film(1), [Box(50, 60, 90, 100)], np.random.default_rng(7))
    other = augment(draw_film(1), [Box(50, 60, 90, 100)], np.random.default_rng(7))
    assert np.array_equal(augmented.picture, other.picture)
    assert np.array_equal(augmented.lesions, other.lesions)


def test_films_stay_films() -> None:
    for seed in range(20):
        changed = augment(draw_film(seed), [], np.random.default_rng(seed))
        assert changed.picture.shape == (256, 256)
        assert changed.picture.dtype == np.float32
        assert changed.picture.min() >= 0
        assert changed.picture.max() <= 1
        assert changed.lesions.max() == 0


def test_the_given_film_is_left_alone() -> None:
    film = draw_film(3)
    before = film.copy()
    for seed in range(20):
        augment(film, [], np.random.default_rng(seed))
    assert np.array_equal(film, before)


def test_lesions_move_with_the_film() -> None:
    """A white block on black is where its box is, wherever both went."""
    box = Box(100, 80, 150, 130)
    film = np.full((256, 256), 0.05, np.float32)
    film[box.y0 : box.y1, box.x0 : box.x1] = 1.0
    agreement = []
    for seed in range(30):
        changed = augment(film, [box], np.random.default_rng(seed))
        assert 1500 < changed.lesions.sum() < 4000  # 50 by 50, made larger or smaller
        inside = changed.picture[changed.lesions > 0.9].mean()
        agreement.append(inside)
    assert np.median(agreement) > 0.9
