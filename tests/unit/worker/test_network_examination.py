"""Networks that load and do not compute are seen before they are admitted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from domain.bundle.manifest import DamagedBundleError
from tests.unit.worker.networks import write_heat, write_network, write_overflow
from worker.golden_arrays import draw_golden_arrays
from worker.network_examination import examine_network
from worker.predictor import Predictor

FILMS = np.random.default_rng(3).random((3, 256, 256), dtype=np.float32)


def test_a_sound_network_has_golden_scores_and_scores_films(tmp_path: Path) -> None:
    golden, scores = examine_network(write_network(tmp_path, weight=4.0), 20, FILMS)
    expected = 1 / (1 + np.exp(-4.0 * draw_golden_arrays(20).mean(axis=(1, 2), dtype=np.float64)))
    assert golden == pytest.approx(expected, abs=1e-6)
    assert scores == pytest.approx(1 / (1 + np.exp(-4.0 * FILMS.mean(axis=(1, 2)))), abs=1e-6)


def test_a_sound_network_of_two_outputs_passes(tmp_path: Path) -> None:
    golden, scores = examine_network(write_heat(tmp_path), 4)
    assert (golden.shape, scores.shape) == ((4,), (0,))


def test_infinity_within_a_network_with_plausible_scores_is_seen(tmp_path: Path) -> None:
    bundle = write_overflow(tmp_path, hidden=True)
    scores = Predictor(bundle, runtime="keras", precision="float32").predict(FILMS)
    assert np.all((scores > 0.7) & (scores < 0.9)), "they look like results"
    with pytest.raises(
        DamagedBundleError, match="layer 'high' of the network computes values that are not finite"
    ):
        examine_network(bundle, 4)


def test_a_network_that_returns_no_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DamagedBundleError, match="not finite numbers"):
        examine_network(write_overflow(tmp_path, hidden=False), 4)


def test_a_network_that_does_not_look_at_the_film_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DamagedBundleError, match="gives all of 4 different arrays the score"):
        examine_network(write_network(tmp_path, weight=0.0), 4)
