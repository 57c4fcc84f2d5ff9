"""A loaded bundle: arrays in, scores out."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from dicom_gateway.normalization import SPEC
from tbscreen.default_bundle import DEFAULT_BUNDLE
from tests.unit.worker.networks import MANIFEST, write_network
from worker.bundle import STRUCTURE, WEIGHTS, Bundle, DamagedBundleError, open_bundle, write_bundle
from worker.predictor import Predictor

FILMS = np.random.default_rng(3).random((5, SPEC.rows, SPEC.columns), dtype=np.float32)


def test_the_shipped_bundle_scores_between_0_and_1(shipped: Predictor) -> None:
    extremes = np.stack([np.zeros_like(FILMS[0]), np.ones_like(FILMS[0]), *FILMS])
    scores = shipped.predict(extremes)
    assert scores.shape == (7,)
    assert scores.dtype == np.float64
    assert bool(np.all((scores > 0.0) & (scores < 1.0)))
    assert len(set(scores.tolist())) > 1


def test_a_film_scores_the_same_alone_and_in_a_batch(shipped: Predictor) -> None:
    alone = [float(shipped.predict(film[np.newaxis])[0]) for film in FILMS]
    assert shipped.predict(FILMS) == pytest.approx(alone, abs=1e-6)


def test_a_bundle_loaded_twice_scores_alike(shipped: Predictor) -> None:
    again = Predictor(open_bundle(DEFAULT_BUNDLE))
    again.warm_up()
    assert again.predict(FILMS).tolist() == shipped.predict(FILMS).tolist()


def test_the_score_is_what_the_weights_say(small_bundle: Bundle) -> None:
    films = np.stack([np.full((256, 256), value, dtype=np.float32) for value in (0.0, 0.25, 1.0)])
    expected = [1 / (1 + math.exp(-4.0 * value)) for value in (0.0, 0.25, 1.0)]
    assert Predictor(small_bundle).predict(films) == pytest.approx(expected, abs=1e-6)


def test_of_several_outputs_the_last_is_tuberculosis(tmp_path: Path) -> None:
    bundle = write_network(tmp_path, outputs=2)
    score = Predictor(bundle).predict(np.ones((1, 256, 256), dtype=np.float32))
    assert score == pytest.approx([1 / (1 + math.exp(-2.0))], abs=1e-6)


@pytest.mark.parametrize("shape", [(1, 128, 128), (256, 256), (1, 256, 256, 3)])
def test_an_array_of_another_shape_is_not_scored(small_bundle: Bundle, shape: tuple[int, ...]) -> None:
    predictor = Predictor(small_bundle)
    with pytest.raises(ValueError, match="shape"):
        predictor.predict(np.zeros(shape, dtype=np.float32))


def test_a_network_that_takes_another_shape_is_refused(tmp_path: Path) -> None:
    bundle = write_network(tmp_path, size=128)
    with pytest.raises(DamagedBundleError, match=r"takes \(None, 128, 128, 1\), not \(None, 256, 256, 1\)"):
        Predictor(bundle)


def test_weights_of_another_network_are_refused(tmp_path: Path, small_bundle: Bundle) -> None:
    files = {
        STRUCTURE: (DEFAULT_BUNDLE / STRUCTURE).read_bytes(),
        WEIGHTS: (small_bundle.directory / WEIGHTS).read_bytes(),
    }
    bundle = write_bundle(tmp_path / "mixed", MANIFEST, files)
    with pytest.raises(DamagedBundleError, match="Keras cannot load it"):
        Predictor(bundle)


@pytest.mark.parametrize("weights", [b"", b"no HDF5", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_weights_that_are_no_hdf5_are_refused(tmp_path: Path, small_bundle: Bundle, weights: bytes) -> None:
    files = {STRUCTURE: (small_bundle.directory / STRUCTURE).read_bytes(), WEIGHTS: weights}
    bundle = write_bundle(tmp_path / "damaged", MANIFEST, files)
    with pytest.raises(DamagedBundleError, match="Keras cannot load it"):
        Predictor(bundle)


def test_a_network_that_returns_no_number_is_not_believed(tmp_path: Path) -> None:
    predictor = Predictor(write_network(tmp_path, weight=math.nan))
    with pytest.raises(ArithmeticError, match="not a number"):
        predictor.predict(FILMS[:1])
