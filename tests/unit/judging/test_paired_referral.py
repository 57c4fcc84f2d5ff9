"""Two networks on the same films: what each refers, and the threshold at which they refer as many."""

from __future__ import annotations

import numpy as np
import pytest

from domain.errors import PermanentError
from judging.paired_referral import compare_referral, find_equivalent_threshold


def test_films_are_counted_as_a_hand_counts_them() -> None:
    change = compare_referral([0.9, 0.8, 0.7, 0.1], [0.9, 0.2, 0.1, 0.6], (0.7, 0.5))
    assert (change.films, change.candidate, change.reference) == (4, 3, 2)
    assert (change.only_candidate, change.only_reference) == (2, 1)
    assert change.p == pytest.approx(1.0)  # 1 of 3 tosses, two-sided
    assert not change.is_change


def test_six_films_to_one_side_are_a_change() -> None:
    ours, theirs = [0.9] * 6 + [0.1] * 50, [0.1] * 56
    change = compare_referral(ours, theirs, (0.5, 0.5))
    assert change.p == pytest.approx(2 / 2**6)
    assert change.is_change
    assert not compare_referral(ours[1:], theirs[1:], (0.5, 0.5)).is_change


def test_the_equivalent_threshold_refers_as_many() -> None:
    generator = np.random.default_rng(1)
    theirs = generator.random(500)
    ours = theirs**2
    found = find_equivalent_threshold(ours, theirs, 0.6)
    assert found.referred == (theirs >= 0.6).sum() == (ours >= found.threshold.value).sum()
    assert found.threshold.low <= 0.36 <= found.threshold.high
    # The same order of films: six between two thresholds are a change, on either side, of 500.
    assert found.threshold.high - found.threshold.low < 0.05


def test_too_few_films_on_a_side_are_told() -> None:
    scores = np.linspace(0, 1, 100)
    with pytest.raises(PermanentError, match="of 100 films the bundle in use refers 10: 20 on each side"):
        find_equivalent_threshold(scores, scores, 0.9)
