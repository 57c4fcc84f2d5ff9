"""Keras in bfloat16 computes what it computes in float32, but for rounding."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from domain.bundle.manifest import STRUCTURE, WEIGHTS
from tbscreen.models.default_bundle import DEFAULT_BUNDLE
from tests.unit.worker.networks import write_network
from worker.golden_arrays import draw_golden_arrays
from worker.runtimes.keras_runtime import KerasRuntime, build_model

ARRAYS = draw_golden_arrays(3)[..., np.newaxis]


def _build(directory: Path, precision: str) -> KerasRuntime:
    structure = (directory / STRUCTURE).read_text("utf-8")
    return KerasRuntime(build_model(structure, directory / WEIGHTS, precision), precision)


def test_bfloat16_is_close_to_float32_and_not_the_same() -> None:
    expected = _build(DEFAULT_BUNDLE, "float32").run(ARRAYS)[0]
    rounded = _build(DEFAULT_BUNDLE, "bfloat16").run(ARRAYS)[0]
    assert rounded.dtype == np.float32
    assert 0.0 < np.max(np.abs(rounded - expected)) < 0.02


def test_the_output_stays_in_float32(tmp_path: Path) -> None:
    bundle = write_network(tmp_path)
    structure = (bundle.directory / STRUCTURE).read_text("utf-8")
    model = build_model(structure, bundle.directory / WEIGHTS, "bfloat16")
    policies = {layer.name: layer.dtype_policy.name for layer in model.layers}
    assert policies == {"film": "float32", "mean": "mixed_bfloat16", "scores": "float32"}
    assert [weight.dtype for weight in model.weights] == ["float32", "float32"]
