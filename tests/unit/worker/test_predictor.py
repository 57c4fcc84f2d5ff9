"""A loaded bundle: arrays in, scores out."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from domain.array.normalization import SPEC
from domain.bundle.bundle import Bundle, write_bundle
from domain.bundle.manifest import STRUCTURE, WEIGHTS, DamagedBundleError
from domain.bundle.seal import TOLERANCE
from tbscreen.models.default_bundle import DEFAULT_BUNDLE
from tests.servers.product import GRAPHS
from tests.unit.worker.networks import MANIFEST, write_heat, write_network, write_overflow
from worker.golden_arrays import draw_golden_arrays
from worker.predictor import Predictor, list_candidates
from worker.prepared_network import open_prepared
from worker.runtimes.openvino_runtime import is_installed
from worker.settings import Precision, RuntimeName

FILMS = np.random.default_rng(3).random((5, SPEC.rows, SPEC.columns), dtype=np.float32)


@pytest.fixture(scope="module")
def small(small_bundle: Bundle) -> Predictor:
    """The small bundle's loaded network."""
    return Predictor(small_bundle)


def test_the_shipped_bundle_scores_between_0_and_1(shipped: Predictor) -> None:
    extremes = np.stack([np.zeros_like(FILMS[0]), np.ones_like(FILMS[0]), *FILMS])
    scores = shipped.predict(extremes)
    assert scores.shape == (7,)
    assert scores.dtype == np.float64
    assert bool(np.all((scores > 0.0) & (scores < 1.0)))
    assert len(set(scores.tolist())) > 1


def test_a_film_scores_the_same_alone_and_in_a_batch(shipped: Predictor) -> None:
    bundle = shipped.bundle
    exact = open_prepared(bundle, GRAPHS, precision="float32") or Predictor(bundle, precision="float32")
    alone = [float(exact.predict(film[np.newaxis])[0]) for film in FILMS]
    assert exact.predict(FILMS) == pytest.approx(alone, abs=1e-6)


def test_the_score_is_what_the_weights_say(small_bundle: Bundle) -> None:
    films = np.stack([np.full((256, 256), value, dtype=np.float32) for value in (0.0, 0.25, 1.0)])
    expected = [1 / (1 + math.exp(-4.0 * value)) for value in (0.0, 0.25, 1.0)]
    assert Predictor(small_bundle, precision="float32").predict(films) == pytest.approx(expected, abs=1e-6)


def test_of_several_outputs_the_last_is_tuberculosis(tmp_path: Path) -> None:
    bundle = write_network(tmp_path, outputs=2)
    score = Predictor(bundle, precision="float32").predict(np.ones((1, 256, 256), dtype=np.float32))
    assert score == pytest.approx([1 / (1 + math.exp(-2.0))], abs=1e-6)


@pytest.mark.parametrize("shape", [(1, 128, 128), (256, 256), (1, 256, 256, 3)])
def test_an_array_of_another_shape_is_not_scored(small: Predictor, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="shape"):
        small.predict(np.zeros(shape, dtype=np.float32))


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
    predictor = Predictor(write_overflow(tmp_path, hidden=False))
    with pytest.raises(ArithmeticError, match="not a number"):
        predictor.predict(FILMS[:1])


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("runtime", ["keras", "openvino"])
def test_every_runtime_scores_as_keras_does_in_float32(
    runtime: RuntimeName, precision: Precision, tmp_path: Path
) -> None:
    if runtime == "openvino" and not is_installed():
        pytest.skip("the extra openvino is not installed")
    bundle = write_network(tmp_path, weight=4.0)
    predictor = Predictor(bundle, runtime=runtime, precision=precision)
    arrays = draw_golden_arrays(19, seed=5)  # two batches and three films
    expected = 1 / (1 + np.exp(-4.0 * arrays.mean(axis=(1, 2), dtype=np.float64)))
    assert predictor.runtime == f"{runtime} {precision}"
    assert np.max(np.abs(predictor.predict(arrays) - expected)) < TOLERANCE


def test_auto_is_as_exact(shipped: Predictor) -> None:
    arrays = draw_golden_arrays(5, seed=5)
    exact = Predictor(shipped.bundle, runtime="keras", precision="float32").predict(arrays)
    assert np.max(np.abs(shipped.predict(arrays) - exact)) < TOLERANCE


def test_a_precision_that_moves_scores_is_not_taken(tmp_path: Path) -> None:
    steep = 2000.0  # the score of a film is in the middle, and every rounding of its mean moves it far
    middle = float(draw_golden_arrays(1)[0].mean(dtype=np.float64))
    bundle = write_network(tmp_path, weight=steep, offset=-steep * middle)
    # Keras rounds on any CPU; OpenVINO computes in float32 where the CPU has no bfloat16.
    predictor = Predictor(bundle, runtime="keras", precision="bfloat16")
    assert predictor.runtime == "keras float32"


def test_keras_in_float32_is_always_the_last_candidate() -> None:
    assert list_candidates("keras", "float32") == [("keras", "float32")]
    assert list_candidates("keras", "bfloat16") == [("keras", "bfloat16"), ("keras", "float32")]
    for runtime in ("auto", "keras", "openvino"):
        for precision in ("auto", "float32", "bfloat16"):
            candidates = list_candidates(runtime, precision)  # type: ignore[arg-type]
            assert candidates[-1] == ("keras", "float32")
            assert len(set(candidates)) == len(candidates)


def test_a_bundle_without_heat_has_none(small: Predictor) -> None:
    scores, heat = small.predict_with_heat(FILMS)
    assert scores.tolist() == small.predict(FILMS).tolist()
    assert heat is None


@pytest.mark.parametrize("runtime", ["keras", "openvino"])
def test_heat_is_a_map_beside_the_score(tmp_path: Path, runtime: RuntimeName) -> None:
    predictor = Predictor(write_heat(tmp_path), runtime=runtime, precision="float32")
    films = np.zeros((9, 256, 256), dtype=np.float32)
    films[3, :64, 192:] = 1.0
    scores, heat = predictor.predict_with_heat(films)
    assert heat is not None
    assert (heat.shape, heat.dtype) == ((9, 4, 4), np.float32)
    assert np.argwhere(heat > 0.9).tolist() == [[3, 0, 3]]
    assert scores.shape == (9,)
    assert int(scores.argmax()) == 3


def test_a_second_output_of_another_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DamagedBundleError, match="the network returns"):
        Predictor(write_heat(tmp_path, name="colour"))


def test_no_films_have_no_scores(small: Predictor) -> None:
    scores = small.predict(np.empty((0, 256, 256), dtype=np.float32))
    assert (scores.shape, scores.dtype) == ((0,), np.float64)


def test_a_bundle_gives_its_golden_scores_or_is_not_loaded(tmp_path: Path) -> None:
    bundle = write_network(tmp_path / "sound", weight=4.0)
    golden = (1 / (1 + np.exp(-4.0 * draw_golden_arrays(16).mean(axis=(1, 2), dtype=np.float64)))).tolist()
    for runtime in ("auto", "keras"):
        Predictor(bundle, runtime=runtime, golden_scores=golden)  # type: ignore[arg-type]
    other = write_network(tmp_path / "other", weight=4.2)
    for runtime in ("auto", "keras"):
        with pytest.raises(DamagedBundleError, match="gives other scores than when the bundle was made"):
            Predictor(other, runtime=runtime, precision="float32", golden_scores=golden)  # type: ignore[arg-type]


@pytest.mark.parametrize("runtime", ["auto", "keras"])
def test_a_bundle_with_golden_scores_that_computes_no_number_is_not_loaded(
    tmp_path: Path, runtime: RuntimeName
) -> None:
    with pytest.raises(DamagedBundleError, match="not a number"):
        Predictor(write_overflow(tmp_path, hidden=False), runtime=runtime, golden_scores=[0.5] * 16)
