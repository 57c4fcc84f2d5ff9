from __future__ import annotations

import numpy as np

from training.films.labelled_film import Box
from training.learning.transplants import equalize, transplant, transplant_illness

BOXES = (Box(60, 70, 110, 120),)


def draw_film(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).random((32, 32))
    return coarse.repeat(8, 0).repeat(8, 1).astype(np.float32)


def make_many(count: int = 200) -> list:
    random = np.random.default_rng(5)
    return [transplant(draw_film(1), BOXES, draw_film(2), random) for _ in range(count)]


def test_half_become_tuberculous_and_carry_the_boxes() -> None:
    made = make_many()
    tb = [film for film in made if film.is_tb]
    assert 80 <= len(tb) <= 120
    assert all(film.boxes == BOXES for film in tb)
    assert all(film.boxes == () for film in made if not film.is_tb)


def test_a_tb_film_is_the_normal_film_with_the_lesion() -> None:
    sick, healthy = equalize(draw_film(1)), equalize(draw_film(2))
    made = next(film for film in make_many() if film.is_tb)
    assert np.array_equal(made.picture[200:, 200:], healthy[200:, 200:])
    inside = (slice(85, 105), slice(75, 95))
    likeness = np.corrcoef(made.picture[inside].ravel(), sick[inside].ravel())[0, 1]
    assert likeness > 0.99
    assert not np.array_equal(made.picture[inside], healthy[inside])


def test_normal_ones_come_from_both_films() -> None:
    sick, healthy = equalize(draw_film(1)), equalize(draw_film(2))
    corners = {film.picture[250, 250] for film in make_many() if not film.is_tb}
    assert corners == {sick[250, 250], healthy[250, 250]}


def test_no_lesion_stays_in_a_film_that_is_called_normal() -> None:
    sick = equalize(draw_film(1))
    inside = (slice(85, 105), slice(75, 95))
    for made in make_many():
        if not made.is_tb:
            assert abs(np.corrcoef(made.picture[inside].ravel(), sick[inside].ravel())[0, 1]) < 0.5


def test_a_part_of_an_ill_film_is_no_tb() -> None:
    ill, healthy = draw_film(3), draw_film(2)
    made = transplant_illness(ill, BOXES, healthy)
    assert (made.is_tb, made.boxes) == (False, ())
    assert np.array_equal(made.picture[200:, 200:], equalize(healthy)[200:, 200:])
    inside = (slice(85, 105), slice(75, 95))
    assert np.corrcoef(made.picture[inside].ravel(), equalize(ill)[inside].ravel())[0, 1] > 0.99


def test_equalised_greys_are_even() -> None:
    even = equalize(np.random.default_rng(3).beta(2, 6, (256, 256)).astype(np.float32))
    shares, _ = np.histogram(even[16:240, 16:240], bins=4, range=(0, 1))
    assert np.all(np.abs(shares / 224**2 - 0.25) < 0.02)
