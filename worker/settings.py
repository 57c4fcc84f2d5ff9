"""Settings of a worker host."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

RuntimeName = Literal["auto", "keras", "openvino"]
Precision = Literal["auto", "float32", "bfloat16"]

AMD_GPU_FILE: Final = Path("/dev/kfd")
"""Device file of AMD's driver."""
GPU_BATCH: Final = 8


class WorkerSettings(BaseModel):
    """One worker host."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str = Field(default_factory=socket.gethostname, pattern=r"^[A-Za-z0-9_.-]{1,128}$")
    """Names this host in the rows of the screenings it makes."""
    processes: int = Field(default=1, ge=1, le=64)
    """Devices to predict on: one per GPU, or one on a CPU. Each has as many predicting processes as `batch`
    says. With a batch above 1 it sees one GPU of `CUDA_VISIBLE_DEVICES`, or of all, in turn."""
    batch: int = Field(default=0, ge=0, le=64)
    """Most films that a device computes in one pass, of those that wait. 0 chooses: 8 where there is a GPU,
    else 1, since a CPU gains nothing by more."""
    threads: int = Field(default=0, ge=0, le=256)
    """CPU threads each process predicts with; 0 leaves it to the runtime, but takes one where OpenVINO has
    little to do with a film."""
    runtime: RuntimeName = "auto"
    """Runtime: `keras`, `openvino` where it is installed, or `auto` for the faster of the two here."""
    precision: Precision = "auto"
    """`auto` takes bfloat16 where the CPU is made for it; scores then lie within 0.01 of float32's."""
    graph_directory: Path | None = None
    """Folder of the networks that this host has prepared for OpenVINO; `graphs` in the data directory if not
    set. Processes of one user on one host may share it; nobody else may write there."""
    time_limit_s: float = Field(default=120.0, gt=1, le=3600)
    """A film that takes longer is a strike; its process is replaced. After four fifths of it the film is
    given up, which is a strike, too, and spares the process where it still listens. It is no strike if
    anything else went wrong here within as much time."""


def resolve_batch(settings: WorkerSettings) -> int:
    """Return the most films of one pass, as set or by the device of this host."""
    return settings.batch or (GPU_BATCH if has_gpu_files() else 1)


def has_gpu_files() -> bool:
    """True where the driver of a GPU is loaded; Keras then decides what computes."""
    return count_gpus() > 0 or AMD_GPU_FILE.exists()


def count_gpus(devices: Path = Path("/dev")) -> int:
    """Return the number of NVIDIA's GPUs that this host, or this container, may open."""
    return sum(path.name.removeprefix("nvidia").isdecimal() for path in devices.glob("nvidia*"))


def graph_directory(settings: WorkerSettings, data_directory: Path) -> Path:
    """Return the folder of the networks that a host has prepared for OpenVINO."""
    return settings.graph_directory or data_directory / "graphs"


def bundle_cache_directory(data_directory: Path) -> Path:
    """Return the folder of the bundles that a worker has fetched."""
    return data_directory / "bundles"
