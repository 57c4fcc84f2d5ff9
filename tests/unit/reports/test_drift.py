"""The population stability index: what it is, and what chance makes of it."""

from __future__ import annotations

import numpy as np
import pytest

from reports.drift import compute_stability_index, find_chance_limit


def test_the_index_by_hand() -> None:
    # The deciles of ten tens 0..9 split them one each; the sample has all of its 10 in the first bin.
    reference = np.repeat(np.arange(10.0), 10)
    index, bins = compute_stability_index(reference, np.zeros(10))
    assert bins == 10
    expected = (10.5 / 15 - 0.1) * np.log(10.5 / 15 / 0.1) + 9 * (0.5 / 15 - 0.1) * np.log(0.5 / 15 / 0.1)
    assert index == pytest.approx(expected)


def test_films_that_are_all_alike_are_one_or_two_bins_and_no_error() -> None:
    index, bins = compute_stability_index(np.full(100, 0.2), np.full(30, 0.2))
    assert (index, bins) == (pytest.approx(0.0, abs=0.02), 2)
    moved, _ = compute_stability_index(np.full(100, 0.2), np.full(30, 0.1))
    assert moved > 5


def test_chance_alone_raises_an_alert_about_once_in_a_thousand() -> None:
    generator = np.random.default_rng(7)
    films, reference_films, draws = 60, 400, 2000
    above = sum(
        index >= find_chance_limit(films, reference_films, bins)
        for index, bins in (
            compute_stability_index(generator.random(reference_films), generator.random(films))
            for _ in range(draws)
        )
    )
    assert above <= 8
    # The usual 0.25 by itself would be an alert several times in a hundred.
    assert find_chance_limit(films, reference_films, 10) > 0.25


def test_the_quantile_is_that_of_any_table() -> None:
    for bins, quantile in ((4, 16.266), (6, 20.515), (10, 27.877)):
        assert find_chance_limit(2, 2, bins) == pytest.approx(quantile, rel=0.02)
