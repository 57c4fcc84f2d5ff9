"""OpenVINO as the runtime of a network, where it is installed (extra "openvino"): several times Keras' speed.

TensorFlow converts a Keras model; its graph runs without either. OpenVINO reports each import and conversion
to Google Analytics by its package `openvino_telemetry`, unless that cannot be imported: here it never can.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from domain.array.normalization import SPEC
from domain.errors import PermanentError

BATCH: Final = 8
SHORT_S: Final = 0.03
"""Longest CPU time of a film, seconds, for which one thread is enough."""
TELEMETRY: Final = "openvino_telemetry"
PLAIN: Final = frozenset({"Parameter", "Constant", "Convert", "Reshape", "Transpose", "Unsqueeze", "Squeeze"})
"""Steps without loss in bfloat16."""


class OpenVinoError(PermanentError):
    """OpenVINO cannot run this network; permanent. Use Keras."""


class OpenVinoRuntime:
    """A network compiled by OpenVINO, for one film and for `batch` films.

    Args:
        graph: of `convert` or `read`; it is reshaped.
        precision: `float32` or `bfloat16`.
        threads: CPU threads; 0 leaves it to OpenVINO, except for a film alone that one thread computes within
            `SHORT_S`. Further threads would wait for each other, which costs half as much CPU again.

    Raises:
        OpenVinoError: when a step cannot be compiled.
    """

    name: Final = "openvino"

    def __init__(self, graph: Any, precision: str, threads: int = 0) -> None:
        self.precision = precision
        self.batch = BATCH
        import_openvino()
        try:
            self._steps: dict[int, list[Any]] = {}
            for count in (1, BATCH):
                # A fixed number of films is up to half as fast again as an open one.
                graph.reshape([count, SPEC.rows, SPEC.columns, 1])
                self._steps[count] = _compile(graph, precision, threads or int(count == 1))
                if not threads and count == 1 and self._time_film() > SHORT_S:
                    self._steps[count] = _compile(graph, precision, threads)
        except _list_failures() as error:
            raise OpenVinoError(f"OpenVINO cannot run this network: {error}") from error

    def run(self, films: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
        """Return the network's outputs for float32 (n, 256, 256, 1), n at most `batch`."""
        films = np.ascontiguousarray(films)
        if len(films) == self.batch:
            return self._infer(films)
        parts = [self._infer(films[number : number + 1]) for number in range(len(films))]
        return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]

    def _infer(self, films: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
        *preparation, network = self._steps[len(films)]
        for step in preparation:
            films = step(films)[0]
        results = network(films)
        return [np.array(results[number]) for number in range(len(results))]

    def _time_film(self) -> float:
        """Return the shortest CPU time of one film in three, seconds."""
        film = np.zeros((1, SPEC.rows, SPEC.columns, 1), dtype=np.float32)
        times = []
        for _ in range(3):
            begun = time.process_time()
            self._infer(film)
            times.append(time.process_time() - begun)
        return min(times)


def _compile(graph: Any, precision: str, threads: int) -> list[Any]:
    """Return the graph's steps (`_split`), compiled for so many threads; 0 leaves it to OpenVINO."""
    core = open_core()
    common = {"PERFORMANCE_HINT": "LATENCY", **({"INFERENCE_NUM_THREADS": threads} if threads else {})}
    *preparation, network = _split(graph)
    hints = ["f32"] * len(preparation) + ["bf16" if precision == "bfloat16" else "f32"]
    return [
        core.compile_model(step, "CPU", {**common, "INFERENCE_PRECISION_HINT": hint})
        for step, hint in zip([*preparation, network], hints, strict=True)
    ]


def convert(model: Any) -> Any:
    """Return the graph of a Keras model (TensorFlow backend, float32), its outputs in the model's order.

    OpenVINO finds TensorFlow's version by an `exec` of "import tensorflow" and one of "del tensorflow", which
    since Python 3.13 (PEP 667) is a NameError. It is told the version instead.

    Raises:
        OpenVinoError: when a layer cannot be converted.
    """
    from worker.runtimes.tensorflow_backend import find_version, trace

    openvino = import_openvino()
    from openvino.frontend.tensorflow import utils

    version = find_version()
    utils.get_environment_setup = lambda _framework: {"tensorflow": version}
    try:
        graph = openvino.convert_model(trace(model))
        outputs = _find_outputs(graph, len(model.outputs))
        results = [graph.outputs[number].get_node() for number in outputs]
        return openvino.Model(results, graph.get_parameters())
    except _list_failures() as error:
        raise OpenVinoError(f"OpenVINO cannot run this network: {error}") from error


def read(path: Path) -> Any:
    """Return a graph that OpenVINO has saved.

    Raises:
        OpenVinoError: when the file is damaged.
    """
    try:
        return open_core().read_model(path)
    except _list_failures() as error:
        raise OpenVinoError(f"OpenVINO cannot read this graph: {error}") from error


def save(graph: Any, path: Path) -> None:
    """Write a graph as OpenVINO's XML, with its constants in a file beside it.

    Raises:
        OpenVinoError: when OpenVINO cannot write it.
    """
    openvino = import_openvino()
    try:
        openvino.save_model(graph, path, compress_to_fp16=False)
    except _list_failures() as error:
        raise OpenVinoError(f"OpenVINO cannot write this graph: {error}") from error


def name_version() -> str:
    """Return the version of the installed OpenVINO."""
    return importlib.metadata.version("openvino")


def list_precisions(precision: Literal["auto", "float32", "bfloat16"]) -> list[str]:
    """Return the precisions that are worth trying, best first: for `auto` those of the CPU, else the one."""
    if precision != "auto":
        return [precision]
    return ["bfloat16", "float32"] if prefers_bfloat16() else ["float32"]


def is_installed() -> bool:
    """True where OpenVINO can be imported."""
    return importlib.util.find_spec("openvino") is not None


def prefers_bfloat16() -> bool:
    """True where the CPU computes in bfloat16 (AVX512_BF16 or AMX), by OpenVINO's own word."""
    capabilities = open_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "BF16" in capabilities


@cache
def open_core() -> Any:
    """Return the core of this process, which is never freed.

    Each core gives the calling thread a stack for signals, and takes it away when it is freed, also from
    under another core: the next signal that Python handles, such as a soft time limit, would end the process.
    """
    return import_openvino().Core()


def import_openvino() -> Any:
    """Import OpenVINO so that it never calls out: without its telemetry, for which it has a stub."""
    sys.modules[TELEMETRY] = None  # type: ignore[assignment]
    import openvino

    return openvino


def _list_failures() -> tuple[type[Exception], ...]:
    """Return what OpenVINO raises where it cannot convert."""
    from openvino import frontend

    return (
        RuntimeError,
        ValueError,
        TypeError,
        frontend.GeneralFailure,
        frontend.InitializationFailure,
        frontend.NotImplementedFailure,
        frontend.OpConversionFailure,
        frontend.OpValidationFailure,
    )


def _find_outputs(graph: Any, count: int) -> list[int]:
    """Return which of the graph's outputs are the network's; the conversion may leave others behind.

    Raises:
        ValueError: when one is not there.
    """
    names = [output.names for output in graph.outputs]
    wanted = ["Identity:0", *(f"Identity_{number}:0" for number in range(1, count))]
    found = [number for name in wanted for number, here in enumerate(names) if name in here]
    if len(found) != count:
        raise ValueError(f"of its {count} outputs only {len(found)} are there")
    return found


def _split(graph: Any) -> list[Any]:
    """Return the graph in two parts, before and from its first convolution, or as it is.

    What prepares a film (equalisation, rescaling) needs float32 and costs little; OpenVINO's hint of a
    precision is for a whole graph. The graph stays whole if no step comes before the convolution, or a second
    path leads around it.
    """
    import openvino

    nodes = graph.get_ordered_ops()
    first = next((number for number, node in enumerate(nodes) if node.get_type_name() == "Convolution"), 0)
    if all(node.get_type_name() in PLAIN for node in nodes[:first]):
        return [graph]
    network = graph.clone()
    convolution = next(node for node in network.get_ordered_ops() if node.get_type_name() == "Convolution")
    cut = convolution.input(0).get_source_output()
    entry = openvino.opset13.parameter(cut.get_partial_shape(), openvino.Type.f32)
    for consumer in cut.get_target_inputs():
        consumer.replace_source_output(entry.output(0))
    try:
        network = openvino.Model(network.get_results(), [entry])
    except RuntimeError:  # something else takes the film, too
        return [graph]
    result = openvino.opset13.result(nodes[first].input(0).get_source_output())
    return [openvino.Model([result], graph.get_parameters()), network]
