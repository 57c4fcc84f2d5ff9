"""A loaded bundle: arrays in, scores out. Imports Keras, so load it in the process that predicts.

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
from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
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
from worker.runtimes.openvino_runtime import OpenVinoError, OpenVinoRuntime
from worker.runtimes.tensorflow_backend import limit_threads
from worker.settings import Precision, RuntimeName

GOLDEN_ARRAYS: Final = 16
HEAT: Final = "heat"
"""Name of a bundle's second output, if it has one."""

log = structlog.get_logger(__name__)

Scores = npt.NDArray[np.float64]
Candidate = tuple[str, str]
"""Runtime and precision."""


class Runtime(Protocol):
    """A runtime: computes the scores of arrays by one network."""

    @property
    def name(self) -> str:
        """As settings call it."""

    precision: str
    batch: int
    """Most films at once."""

    def run(self, films: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
        """Return each output for float32 (n, 256, 256, 1), n at most `batch`."""


class Predictor:
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
        self._runtime = self._choose(model, threads, list_candidates(runtime, precision), golden_scores)
        log.debug("runtime chosen", bundle=bundle.digest[:12], runtime=self.runtime)

    @property
    def runtime(self) -> str:
        """Runtime and precision, like `openvino bfloat16`."""
        return f"{self.runtime_name} {self.precision}"

    @property
    def runtime_name(self) -> str:
        """The runtime, `keras` or `openvino`."""
        return self._runtime.name

    @property
    def precision(self) -> str:
        """The precision, `float32` or `bfloat16`."""
        return self._runtime.precision

    def warm_up(self) -> None:
        """Predict once, so that the first film does not wait for compilation."""
        self.predict(np.zeros((1, SPEC.rows, SPEC.columns), dtype=np.float32))

    def predict(self, arrays: npt.NDArray[np.float32]) -> Scores:
        """Score films.

        Args:
            arrays: float32 (n, 256, 256), 0..1, normalized as the bundle's manifest says. Any n: they are
                taken in batches of the size that suits the runtime.

        Returns:
            float64 (n,), 0..1: the output for tuberculosis, the last one where there are several.

        Raises:
            ValueError: when `arrays` has another shape, of which Keras does not always complain.
            ArithmeticError: when a score is not a number.
        """
        return self.predict_with_heat(arrays)[0]

    def predict_with_heat(
        self, arrays: npt.NDArray[np.float32]
    ) -> tuple[Scores, npt.NDArray[np.float32] | None]:
        """Score films and say where in them the score comes from.

        Args:
            arrays: as `predict` takes them.

        Returns:
            The scores as `predict` returns them, and float32 (n, g, g) in 0..1, a map of the film's central
            field in g by g cells; None where the bundle's network has no such output.

        Raises:
            ValueError, ArithmeticError: as `predict`.
        """
        if arrays.ndim != 3 or arrays.shape[1:] != (SPEC.rows, SPEC.columns):
            raise ValueError(f"films have the shape (n, {SPEC.rows}, {SPEC.columns}), not {arrays.shape}")
        parts = list(_compute(self._runtime, arrays))
        scores = np.concatenate([part[0] for part in parts]) if parts else np.empty(0)
        heat = [part[1] for part in parts if part[1] is not None]
        return scores, np.concatenate(heat) if heat else None

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
            return OpenVinoRuntime(model, precision, threads)
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
        if precision == "auto":
            kinds = ["bfloat16", "float32"] if openvino_runtime.prefers_bfloat16() else ["float32"]
        else:
            kinds = [precision]
        candidates += [(OpenVinoRuntime.name, kind) for kind in kinds]
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


def _compute(
    runtime: Runtime, arrays: npt.NDArray[np.float32]
) -> Iterator[tuple[Scores, npt.NDArray[np.float32] | None]]:
    """Yield scores and heat of one batch after the other; raises `ArithmeticError`."""
    for start in range(0, len(arrays), runtime.batch):
        films = np.asarray(arrays[start : start + runtime.batch, ..., np.newaxis], dtype=np.float32)
        outputs = runtime.run(films)
        scores = outputs[0][:, -1].astype(np.float64)
        if not bool(np.all(np.isfinite(scores))):
            raise ArithmeticError("the network returned what is not a number")
        heat = np.clip(outputs[1][..., 0], 0.0, 1.0, dtype=np.float32) if len(outputs) > 1 else None
        yield np.clip(scores, 0.0, 1.0), heat


def score(runtime: Runtime, arrays: npt.NDArray[np.float32]) -> Scores:
    """Return the scores of arrays (n, 256, 256) by a runtime; errors as those of `Predictor.predict`."""
    return np.concatenate([scores for scores, _ in _compute(runtime, arrays)])
