"""A network is examined in a child process, which ends at its limits and takes nothing along."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from domain.bundle.bundle import write_bundle
from domain.bundle.manifest import STRUCTURE, WEIGHTS
from domain.errors import PermanentError
from tbscreen.models.examination import Limits, examine
from tests.unit.worker.networks import MANIFEST, write_network, write_overflow
from worker.golden_arrays import draw_golden_arrays


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose score is sigmoid(4 · mean of the film)."""
    return write_network(tmp_path_factory.mktemp("small") / "bundle", weight=4.0).directory


def test_a_child_scores_golden_arrays_and_films_and_compares_golden_scores(
    small: Path, tmp_path: Path
) -> None:
    films = np.random.default_rng(1).integers(0, 65536, (3, 256, 256)).astype("<u2")
    films.tofile(tmp_path / "films.u16")
    expected = 1 / (1 + np.exp(-4.0 * draw_golden_arrays(16).mean(axis=(1, 2), dtype=np.float64)))
    found = examine(small, 16, tmp_path / "films.u16", expected.tolist())
    assert found.golden_scores == pytest.approx(expected, abs=2e-6)
    assert found.scores == pytest.approx(1 / (1 + np.exp(-4.0 * films.mean(axis=(1, 2)) / 65535)), abs=1e-5)
    with pytest.raises(PermanentError, match=r"differs by 0\.0500, 0\.01 is allowed"):
        examine(small, 16, golden_scores=(expected - 0.05).tolist())


def test_what_the_child_finds_is_told_with_the_folder(tmp_path: Path) -> None:
    folder = write_overflow(tmp_path / "bundle", hidden=True).directory
    with pytest.raises(PermanentError, match=r"bundle: layer 'high' .* not finite numbers"):
        examine(folder, 16)


def test_a_network_that_takes_more_memory_than_allowed_is_refused(small: Path, tmp_path: Path) -> None:
    """Every number of it is allowed; together they are a matrix of 2 GiB, which the machine has."""
    graph = json.loads((small / STRUCTURE).read_text())
    layers = graph["config"]["layers"]
    pool, dense = layers[1], layers[2]
    pool |= {"class_name": "Flatten", "registered_name": None, "config": {"name": "mean"}}
    pool.pop("build_config", None)
    dense["config"]["units"] = 8_192
    dense.pop("build_config", None)
    files = {STRUCTURE: json.dumps(graph).encode(), WEIGHTS: (small / WEIGHTS).read_bytes()}
    folder = write_bundle(tmp_path / "bundle", MANIFEST, files).directory
    with pytest.raises(PermanentError, match=r"bundle: .*(GiB of memory|ResourceExhaustedError)"):
        examine(folder, 16, limits=Limits(memory_bytes=1024**3))


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(deadline_s=0.3), "took more than 0 s"),
        (Limits(cpu_s=1), "took more than 1 s of processor time"),
    ],
    ids=["deadline", "processor time"],
)
def test_an_examination_ends_in_time(small: Path, limits: Limits, said: str) -> None:
    with pytest.raises(PermanentError, match=said):
        examine(small, 4096, limits=limits)
