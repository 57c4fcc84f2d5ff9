"""OpenVINO as the runtime of a network, where it is installed (extra "openvino"): several times Keras' speed.

The Keras model is converted in memory. OpenVINO reports each import and conversion to Google Analytics
through its package `openvino_telemetry`, unless that cannot be imported: here it never can.
"""

from __future__ import annotations

import importlib.util
import sys
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from domain.errors import PermanentError
from worker.runtimes.tensorflow_backend import trace

BATCH: Final = 8
TELEMETRY: Final = "openvino_telemetry"
PLAIN: Final = frozenset({"Parameter", "Constant", "Convert", "Reshape", "Transpose", "Unsqueeze", "Squeeze"})
"""Steps without loss in bfloat16."""


class OpenVinoError(PermanentError):
    """OpenVINO cannot run this network; permanent. Use Keras."""


class OpenVinoRuntime:
    """A network compiled by OpenVINO, for one film and for `batch` films.

    Args:
        model: Keras' (TensorFlow backend), in float32; not needed any more afterwards.
        precision: `float32` or `bfloat16`.
        threads: CPU threads; 0 leaves it to OpenVINO.

    Raises:
        OpenVinoError: when a layer cannot be converted or compiled.
    """

    name: Final = "openvino"

    def __init__(self, model: Any, precision: str, threads: int = 0) -> None:
        self.precision = precision
        self.batch = BATCH
        openvino = import_openvino()
        hint = "bf16" if precision == "bfloat16" else "f32"
        common = {"PERFORMANCE_HINT": "LATENCY", **({"INFERENCE_NUM_THREADS": threads} if threads else {})}
        try:
            graph = openvino.convert_model(trace(model))
            self._outputs = _find_outputs(graph, len(model.outputs))
            core = openvino.Core()
            self._steps: dict[int, list[Any]] = {}
            for count in (1, BATCH):
                # A fixed number of films is up to half as fast again as an open one.
                graph.reshape([count, *model.input_shape[1:]])
                *preparation, network = _split(graph)
                self._steps[count] = [
                    core.compile_model(step, "CPU", {**common, "INFERENCE_PRECISION_HINT": "f32"})
                    for step in preparation
                ]
                self._steps[count] += [
                    core.compile_model(network, "CPU", {**common, "INFERENCE_PRECISION_HINT": hint})
                ]
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
        return [np.array(results[number]) for number in self._outputs]


def is_installed() -> bool:
    """True where OpenVINO can be imported."""
    return importlib.util.find_spec("openvino") is not None


def prefers_bfloat16() -> bool:
    """True where the CPU computes in bfloat16 (AVX512_BF16 or AMX), by OpenVINO's own word."""
    capabilities = import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "BF16" in capabilities


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
