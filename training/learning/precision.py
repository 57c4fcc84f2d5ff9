"""The choice of float32 or bfloat16 by the speed of the machine."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Final

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras

CPU_INFO: Final = Path("/proc/cpuinfo")
FAST_ON_CPU: Final = "amx_bf16"
"""The CPU flag (Intel AMX) with which bfloat16 is faster. AVX512_BF16 alone is not: TensorFlow's depthwise
convolutions were slower with it than in float32."""


class Precision(StrEnum):
    """Number format of the computation. Weights are float32 in any case."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


def choose_precision(wanted: Precision) -> Precision:
    """Return float32 or bfloat16; auto takes bfloat16 on a GPU and on CPUs with AMX."""
    if wanted is not Precision.AUTO:
        return wanted
    has_gpu = any("gpu" in str(device).lower() for device in keras.distribution.list_devices())
    return Precision.BFLOAT16 if has_gpu or _has_amx() else Precision.FLOAT32


def set_precision(precision: Precision) -> None:
    """Set the number format of the networks that Keras builds in this process."""
    bfloat16 = precision is Precision.BFLOAT16
    keras.mixed_precision.set_global_policy("mixed_bfloat16" if bfloat16 else "float32")


def _has_amx() -> bool:
    return CPU_INFO.is_file() and f" {FAST_ON_CPU} " in CPU_INFO.read_text("utf-8", errors="replace")
