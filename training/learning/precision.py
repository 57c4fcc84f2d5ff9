"""The choice of float32 or bfloat16 by the speed of the machine."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Final

from networks.keras_library import load_keras
from training.learning.recipe import Architecture

keras = load_keras()

CPU_INFO: Final = Path("/proc/cpuinfo")
FAST_ON_CPU: Final = "amx_bf16"
"""The CPU flag (Intel AMX) with which full convolutions are faster in bfloat16. Depthwise convolutions are
not: with it, a step of the default network took twice the time of float32 (docs/benchmarks.md)."""


class Precision(StrEnum):
    """Number format of the computation. Weights are float32 in any case."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


def choose_precision(wanted: Precision, architecture: Architecture) -> Precision:
    """Return float32 or bfloat16.

    Auto takes bfloat16 on a GPU, and on CPUs with AMX for all architectures but the default one, which
    consists of depthwise convolutions.
    """
    if wanted is not Precision.AUTO:
        return wanted
    has_gpu = any("gpu" in str(device).lower() for device in keras.distribution.list_devices())
    gains = has_gpu or (_has_amx() and architecture is not Architecture.DEFAULT)
    return Precision.BFLOAT16 if gains else Precision.FLOAT32


def set_precision(precision: Precision) -> None:
    """Set the number format of the networks that Keras builds in this process."""
    bfloat16 = precision is Precision.BFLOAT16
    keras.mixed_precision.set_global_policy("mixed_bfloat16" if bfloat16 else "float32")


def _has_amx() -> bool:
    return CPU_INFO.is_file() and f" {FAST_ON_CPU} " in CPU_INFO.read_text("utf-8", errors="replace")
