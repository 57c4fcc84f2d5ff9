"""A bundle loaded by Keras: arrays in, scores out. Imports Keras, so load it in the process that predicts.

TensorFlow hangs when a process forks after it was loaded; Celery's parent process therefore never
imports this module.

Behind it one of several runtimes computes. Which one is a rule, not a race at every start, whose winner
would change with what else the machine does: on a GPU Keras; on a CPU OpenVINO where it is installed, else
Keras; in bfloat16 where that CPU is made for it. Whatever the rule names must score sixteen golden arrays
within 0.01 of Keras in float32, once, at load; else the next candidate is taken, and Keras in float32 at
last. Keras in float32 must give the golden scores that were written when the bundle was made, where they are
known; else the bundle is not used.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import structlog

from domain.array.normalization import SPEC
from domain.bundle.bundle import Bundle
from domain.bundle.manifest import STRUCTURE, WEIGHTS, DamagedBundleError
from domain.bundle.seal import TOLERANCE, check_golden_scores
from domain.errors import PermanentError
from worker.golden_arrays import draw_golden_arrays
from worker.runtimes import openvino_runtime
from worker.runtimes.keras_runtime import (
    KerasRuntime,
    build_model,
    has_amx,
    has_gpu,
    is_tensorflow,
)
from worker.runtimes.openvino_runtime import OpenVinoError, OpenVinoRuntime, convert, list_precisions
from worker.runtimes.tensorflow_backend import limit_threads
from worker.screening_network import Runtime, ScreeningNetwork, score
from worker.settings import Precision, RuntimeName

GOLDEN_ARRAYS: Final = 16
HEAT: Final = "heat"
"""Name of a bundle's second output, if it has one."""

log = structlog.get_logger(__name__)

Candidate = tuple[str, str]
"""Runtime and precision."""


class Predictor(ScreeningNetwork):
    """One bundle's network.

    Args:
        bundle: verified; its code, if any, is never run.
        threads: CPU threads to predict with; 0 leaves it to the backend.
        runtime: `auto`, or one of the two; OpenVINO where it cannot run the network is Keras, and logged.
        precision: `auto`, or one; what is not within 0.01 of float32 on golden arrays is not taken, and
            logged.
        golden_scores: of the golden arrays, written when the bundle was made; empty where unknown.

    Raises:
        DamagedBundleError: when structure and weights do not fit each other or the array, or the network does
            not give the golden scores.
    """

    def __init__(
        self,
        bundle: Bundle,
        threads: int = 0,
        runtime: RuntimeName = "auto",
        precision: Precision = "auto",
        golden_scores: Sequence[float] = (),
    ) -> None:
        if threads and is_tensorflow():
            limit_threads(threads)
        self.bundle = bundle
        model = load_model(bundle)
        candidates = list_candidates(runtime, precision)
        super().__init__(bundle, self._choose(model, threads, candidates, golden_scores))
        log.debug("runtime chosen", bundle=bundle.digest[:12], runtime=self.runtime)

    def _choose(
        self, model: Any, threads: int, candidates: list[Candidate], golden_scores: Sequence[float]
    ) -> Runtime:
        """Return the first candidate that scores as Keras does in float32, which is the last of them."""
        reference = KerasRuntime(model, "float32")
        is_first = candidates[0] == (reference.name, reference.precision)
        if is_first and not golden_scores:
            return reference
        arrays = draw_golden_arrays(GOLDEN_ARRAYS)
        try:
            expected = score(reference, arrays)
            if golden_scores:
                check_golden_scores(expected.tolist(), golden_scores)
        except (ArithmeticError, PermanentError) as error:
            if golden_scores:
                raise DamagedBundleError(f"bundle {self.bundle.digest[:12]}: {error}") from error
            return reference  # no reference to compare with: every prediction says so
        if is_first:
            return reference
        order = np.arange(GOLDEN_ARRAYS + 1) % GOLDEN_ARRAYS  # full batches and one film alone
        for name, precision in candidates[:-1]:
            try:
                runtime = self._make(model, threads, name, precision)
                difference = float(np.max(np.abs(score(runtime, arrays[order]) - expected[order])))
            except (OpenVinoError, ArithmeticError) as error:
                log.warning("runtime not used", runtime=name, precision=precision, reason=str(error)[:300])
                continue
            if difference <= TOLERANCE:
                return runtime
            log.warning(
                "runtime not used: its scores are too far from float32's",
                runtime=name,
                precision=precision,
                difference=round(difference, 4),
                allowed=TOLERANCE,
            )
        return reference

    def _make(self, model: Any, threads: int, name: str, precision: str) -> Runtime:
        if name == OpenVinoRuntime.name:
            return OpenVinoRuntime(convert(model), precision, threads)
        structure = (self.bundle.directory / STRUCTURE).read_text("utf-8")
        return KerasRuntime(build_model(structure, self.bundle.directory / WEIGHTS, precision), precision)


def list_candidates(runtime: RuntimeName = "auto", precision: Precision = "auto") -> list[Candidate]:
    """Return runtimes with precisions that are worth trying on this machine, best first.

    Args:
        runtime: `auto` or the only one to try, beside Keras in float32, which is always the last.
        precision: `auto` or the only one.
    """
    candidates: list[Candidate] = []
    with_openvino = runtime == "openvino" or (runtime == "auto" and not has_gpu())
    if with_openvino and is_tensorflow() and openvino_runtime.is_installed():
        candidates += [(OpenVinoRuntime.name, kind) for kind in list_precisions(precision)]
    elif runtime == "openvino":
        log.warning("Keras predicts: OpenVINO is not installed", help="pip install 'tbscreen[openvino]'")
    if precision == "bfloat16" or (precision == "auto" and has_amx() and not candidates):
        candidates.append((KerasRuntime.name, "bfloat16"))
    return [*candidates, (KerasRuntime.name, "float32")]


def load_model(bundle: Bundle) -> Any:
    """Return the bundle's Keras model in float32, which takes films and scores them.

    Raises:
        DamagedBundleError: when structure and weights do not fit each other or the array.
        PermanentError: when the weights are not finite numbers, lie elsewhere or swell.
    """
    try:
        with warnings.catch_warnings():
            # Where Keras only warns that weights are not there, it would score with random ones.
            warnings.simplefilter("error", UserWarning)
            structure = (bundle.directory / STRUCTURE).read_text("utf-8")
            model = build_model(structure, bundle.directory / WEIGHTS)
    except (ValueError, TypeError, KeyError, OSError, RecursionError, UserWarning) as error:
        raise DamagedBundleError(f"{bundle.directory}: Keras cannot load it: {error}") from error
    expected = (None, SPEC.rows, SPEC.columns, 1)
    if model.input_shape != expected:
        raise DamagedBundleError(f"the network takes {model.input_shape}, not {expected}")
    names, shapes = list(model.output_names), [tuple(output.shape) for output in model.outputs]
    if len(shapes[0]) != 2 or names[1:] not in ([], [HEAT]) or any(len(shape) != 4 for shape in shapes[1:]):
        raise DamagedBundleError(
            f"the network returns {dict(zip(names, shapes, strict=True))}, not scores (n, k), "
            f"alone or with {HEAT!r} (n, g, g, 1)"
        )
    return model
