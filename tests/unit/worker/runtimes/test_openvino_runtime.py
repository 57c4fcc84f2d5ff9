"""OpenVINO computes what Keras computes, and never calls out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("openvino", reason="the extra openvino is not installed")

import keras

from networks.layers import EqualizeHistogram1
from worker.golden_arrays import draw_golden_arrays
from worker.runtimes.openvino_runtime import (
    BATCH,
    OpenVinoError,
    OpenVinoRuntime,
    convert,
    open_core,
    save,
)

CALL_OUTS = """
import json, sys
calls = {"socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"}
seen = []
sys.addaudithook(lambda event, arguments: seen.append(event) if event in calls else None)
import worker.predictor
import keras
from worker.runtimes.openvino_runtime import OpenVinoRuntime, convert
films = keras.Input((256, 256, 1))
model = keras.Model(films, keras.layers.Dense(1)(keras.layers.Flatten()(films)))
OpenVinoRuntime(convert(model), "float32")
telemetry = [name for name, module in sys.modules.items() if "openvino_telemetry" in name and module]
needless = [name for name in ("matplotlib", "sklearn") if name in sys.modules]
print(json.dumps([seen, telemetry, needless]))
"""

SIGNAL_AFTER_RUNTIMES = """
import signal, sys
from pathlib import Path
from worker.runtimes.openvino_runtime import OpenVinoRuntime, read
graph = read(Path(sys.argv[1]))
first, second = OpenVinoRuntime(graph, "float32"), OpenVinoRuntime(graph, "float32")
signal.signal(signal.SIGUSR1, lambda *_: print("handled"))
del first
signal.raise_signal(signal.SIGUSR1)
del second
signal.raise_signal(signal.SIGUSR1)
"""


@pytest.fixture(scope="module")
def model() -> Any:
    """A small network with what the default one is made of: its own layers, two outputs."""
    keras.utils.set_random_seed(1)
    films = keras.Input((256, 256, 1), name="film")
    x = keras.layers.Cropping2D(16)(films)
    x = EqualizeHistogram1()(x)
    x = keras.layers.Conv2D(8, 3, strides=8, padding="same", activation="relu")(x)
    x = keras.layers.UpSampling2D(2, interpolation="bilinear")(x)
    heat = keras.layers.Conv2D(1, 1, activation="sigmoid", name="heat")(x)
    score = keras.layers.Dense(1, activation="sigmoid")(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(films, [score, heat])


@pytest.fixture(scope="module")
def graph(model: Any) -> Any:
    """Its graph, which is only cloned: a runtime reshapes it."""
    return convert(model)


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def runtime(graph: Any, request: pytest.FixtureRequest) -> OpenVinoRuntime:
    """The network, loaded once in each precision."""
    return OpenVinoRuntime(graph.clone(), request.param, threads=1)


def test_a_network_is_converted_although_openvino_cannot_find_the_version_of_tensorflow(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Python 3.13, where `exec("del tensorflow")` within a function deletes nothing."""
    from openvino.frontend.tensorflow import utils

    def fail(_framework: str) -> None:
        raise NameError("name 'tensorflow' is not defined")

    monkeypatch.setattr(utils, "get_environment_setup", fail)
    assert OpenVinoRuntime(convert(model), "float32", threads=1).precision == "float32"


@pytest.mark.parametrize("count", [1, 3, BATCH])
def test_it_returns_what_keras_returns(model: Any, runtime: OpenVinoRuntime, count: int) -> None:
    films = draw_golden_arrays(count)[..., np.newaxis]
    expected = [np.asarray(output) for output in model.predict_on_batch(films)]
    outputs = runtime.run(films)
    tolerance = {"float32": 1e-5, "bfloat16": 0.01}[runtime.precision]
    assert [output.shape for output in outputs] == [(count, 1), (count, 56, 56, 1)]
    for output, wanted in zip(outputs, expected, strict=True):
        assert np.max(np.abs(output - wanted)) <= tolerance


def test_films_are_prepared_in_float32_whatever_comes_after() -> None:
    films = keras.Input((256, 256, 1))
    x = keras.layers.Rescaling(1000.0)(films)
    x = keras.layers.Rescaling(1.0, offset=-1000.0)(x)  # of 0.999 and 1.000, bfloat16 would make the same
    kernel = keras.initializers.Constant(1.0)
    x = keras.layers.Conv2D(1, 1, kernel_initializer=kernel)(x)
    network = keras.Model(films, keras.layers.GlobalAveragePooling2D()(x))
    film = np.full((1, 256, 256, 1), 0.999, dtype=np.float32)
    assert OpenVinoRuntime(convert(network), "bfloat16").run(film)[0] == pytest.approx(-1.0, abs=0.02)


def test_what_openvino_does_not_know_is_said(model: Any) -> None:
    class Uncommon(keras.layers.Layer):  # type: ignore[misc]
        def call(self, films: Any) -> Any:
            import tensorflow as tf

            return tf.numpy_function(lambda array: array, [films], tf.float32)

        def compute_output_shape(self, shape: Any) -> Any:
            return shape

    films = keras.Input((256, 256, 1))
    network = keras.Model(films, Uncommon()(films))
    with pytest.raises(OpenVinoError, match="OpenVINO cannot run this network"):
        convert(network)


def test_it_never_calls_out_and_a_prediction_loads_nothing_needless(tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", CALL_OUTS], env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(run.stdout.splitlines()[-1]) == [[], [], []]
    assert not (tmp_path / "intel").exists()  # where the telemetry keeps whom it reports


def test_a_film_of_short_work_takes_one_thread_and_of_long_work_all(graph: Any) -> None:
    films = keras.Input((256, 256, 1))
    x = keras.layers.Conv2D(32, 3, activation="relu")(films)
    x = keras.layers.Conv2D(64, 7)(x)
    long = keras.Model(films, keras.layers.GlobalAveragePooling2D()(x))
    by_default = open_core().compile_model(graph.clone(), "CPU", {"PERFORMANCE_HINT": "LATENCY"})
    all_threads = by_default.get_property("INFERENCE_NUM_THREADS")
    assert _list_threads(graph.clone(), 0) == {1: 1, BATCH: all_threads}
    assert _list_threads(convert(long), 0) == {1: all_threads, BATCH: all_threads}
    assert _list_threads(graph.clone(), 2) == {1: 2, BATCH: 2}


def _list_threads(graph: Any, threads: int) -> dict[int, int]:
    runtime = OpenVinoRuntime(graph, "float32", threads)
    return {count: steps[-1].get_property("INFERENCE_NUM_THREADS") for count, steps in runtime._steps.items()}


def test_a_soft_time_limit_ends_no_process_that_has_freed_a_network(graph: Any, tmp_path: Path) -> None:
    save(graph, tmp_path / "graph.xml")
    words = [sys.executable, "-c", SIGNAL_AFTER_RUNTIMES, str(tmp_path / "graph.xml")]
    run = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert (run.returncode, run.stdout.split()) == (0, ["handled", "handled"])
