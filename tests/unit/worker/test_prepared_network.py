"""A network whose graph a child process has made predicts without Keras, and as Keras does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("openvino", reason="the extra openvino is not installed")

from domain.bundle.bundle import Bundle, open_bundle
from tbscreen.models.default_bundle import DEFAULT_BUNDLE, find_shipped_seal
from tests.servers.product import GRAPHS
from tests.unit.worker.networks import prepare_graph, write_network
from worker.golden_arrays import draw_golden_arrays
from worker.predictor import Predictor
from worker.prepared_network import CONSTANTS, FACTS, GRAPH, find_prepared, open_prepared

WITHOUT_KERAS = """
import json, sys
from pathlib import Path
from domain.bundle.bundle import open_bundle
from worker.golden_arrays import draw_golden_arrays
from worker.prepared_network import open_prepared
network = open_prepared(open_bundle(Path(sys.argv[1])), Path(sys.argv[2]))
scores, heat = network.predict_with_heat(draw_golden_arrays(9, seed=5))
loaded = [name for name in ("keras", "tensorflow") if name in sys.modules]
print(json.dumps([network.runtime, scores.tolist(), list(heat.shape), loaded]))
"""


@pytest.fixture(scope="module")
def cache() -> Path:
    """The folder with the graph of the shipped bundle that the workers of all tests share."""
    assert open_prepared(open_bundle(DEFAULT_BUNDLE), GRAPHS) is not None
    return GRAPHS


@pytest.fixture(scope="module")
def small_cache(small_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the graph of the small bundle, which is only copied."""
    folder = tmp_path_factory.mktemp("small-cache")
    prepare_graph(small_bundle, folder)
    return folder


@pytest.fixture
def own_cache(small_cache: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    return Path(shutil.copytree(small_cache, tmp_path / "cache"))


def find_graph(cache: Path, bundle: Bundle) -> Path:
    """Return the folder of a bundle's graph."""
    (found,) = cache.glob(f"{bundle.digest}-*")
    return found


def test_a_process_predicts_the_shipped_bundle_without_keras(cache: Path, shipped: Predictor) -> None:
    command = [sys.executable, "-c", WITHOUT_KERAS, str(DEFAULT_BUNDLE), str(cache)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    runtime, scores, heat, loaded = json.loads(run.stdout.splitlines()[-1])
    assert loaded == []
    expected, expected_heat = shipped.predict_with_heat(draw_golden_arrays(9, seed=5))
    assert expected_heat is not None
    assert heat == list(expected_heat.shape)
    assert runtime == shipped.runtime
    assert scores == expected.tolist()  # the same graph in the same runtime


def test_a_graph_is_made_once_and_a_damaged_one_anew(own_cache: Path, small_bundle: Bundle) -> None:
    """And a whole one of another version of OpenVINO goes: nobody uses it."""
    graph = find_graph(own_cache, small_bundle)
    made = (graph / FACTS).stat().st_mtime_ns
    assert open_prepared(small_bundle, own_cache) is not None
    assert (graph / FACTS).stat().st_mtime_ns == made
    constants = bytearray((graph / CONSTANTS).read_bytes())
    constants[len(constants) // 2] ^= 0x55
    shutil.copytree(graph, graph.with_name(f"{small_bundle.digest}-2020.1"))
    (graph / CONSTANTS).write_bytes(constants)
    assert open_prepared(small_bundle, own_cache) is not None
    assert find_graph(own_cache, small_bundle) == graph
    assert (graph / FACTS).stat().st_mtime_ns != made
    assert (graph / CONSTANTS).read_bytes() != constants


def test_a_graph_with_other_scores_than_the_bundles_is_not_used(
    own_cache: Path, small_bundle: Bundle, tmp_path: Path
) -> None:
    """Whoever can write the folder can make facts and files fit each other; the seal is elsewhere."""
    bundle, other = small_bundle, write_network(tmp_path / "other", weight=4.5)
    golden = (1 / (1 + np.exp(-4.0 * draw_golden_arrays(16).mean(axis=(1, 2), dtype=np.float64)))).tolist()
    prepare_graph(other, own_cache)
    assert open_prepared(bundle, own_cache, golden_scores=golden) is not None
    ours, theirs = find_graph(own_cache, bundle), find_graph(own_cache, other)
    for name in (GRAPH, CONSTANTS):
        (ours / name).write_bytes((theirs / name).read_bytes())
    facts = json.loads((theirs / FACTS).read_text())
    (ours / FACTS).write_text(json.dumps({**facts, "bundle": bundle.digest}))
    assert open_prepared(bundle, own_cache, golden_scores=golden) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
@pytest.mark.parametrize("name", [".", CONSTANTS])
def test_a_graph_of_another_user_is_not_looked_for(own_cache: Path, small_bundle: Bundle, name: str) -> None:
    assert find_prepared(small_bundle, own_cache) is not None
    os.chown(find_graph(own_cache, small_bundle) / name, 65534, -1)
    assert find_prepared(small_bundle, own_cache) is None


def test_a_graph_computes_as_the_host_is_set(own_cache: Path, small_bundle: Bundle) -> None:
    for precision in ("float32", "bfloat16"):
        found = find_prepared(small_bundle, own_cache, precision=precision)
        assert found is not None
        assert found.runtime == f"openvino {precision}"


def test_the_golden_scores_of_the_shipped_bundle_hold(cache: Path) -> None:
    bundle = open_bundle(DEFAULT_BUNDLE)
    seal = find_shipped_seal(bundle.digest)
    assert seal is not None
    assert open_prepared(bundle, cache, golden_scores=seal.golden_scores) is not None


def test_a_network_that_keras_cannot_load_is_left_to_it(tmp_path: Path) -> None:
    bundle = write_network(tmp_path / "bundle", size=128)
    assert open_prepared(bundle, tmp_path) is None
    assert not list(tmp_path.glob(f"{bundle.digest}*"))


def test_what_openvino_cannot_run_is_asked_once(own_cache: Path, small_bundle: Bundle) -> None:
    path = find_graph(own_cache, small_bundle) / FACTS
    facts = json.loads(path.read_text())
    path.write_text(json.dumps({**facts, "files": {}, "reason": "no such step"}))
    made = path.stat().st_mtime_ns
    assert open_prepared(small_bundle, own_cache) is None
    assert path.stat().st_mtime_ns == made


def test_keras_by_setting_needs_no_graph(tmp_path: Path) -> None:
    assert open_prepared(open_bundle(DEFAULT_BUNDLE), tmp_path, runtime="keras") is None
    assert not list(tmp_path.iterdir())
