"""Devices of Keras and their memory, where its backends differ."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import psutil

from networks.keras_library import load_keras

keras = load_keras()

CPU = "cpu:0"


@dataclass(frozen=True)
class Device:
    """One device as Keras names it, like `cpu:0` or `gpu:0`."""

    name: str
    description: str
    """As its maker calls it, where the backend says so."""

    @property
    def is_gpu(self) -> bool:
        """True for every device but the CPU."""
        return not self.name.startswith("cpu")


@dataclass(frozen=True)
class Memory:
    """Bytes of a device that this process has taken, and in total; None where the backend does not tell."""

    taken: int | None
    total: int | None


def name_backend() -> str:
    """Return the backend and its version, like `tensorflow 2.21.0`."""
    backend = str(keras.backend.backend())
    for package in (backend, f"{backend}-cpu"):
        try:
            return f"{backend} {version(package)}"
        except PackageNotFoundError:
            continue
    return backend


def list_devices() -> list[Device]:
    """Return the devices that Keras' backend sees, GPUs first; the CPU is always among them."""
    names = [str(name).replace("cuda", "gpu") for name in keras.distribution.list_devices()]
    gpus = sorted({name for name in names if not name.startswith("cpu")})
    return [Device(name, _describe(name)) for name in (*gpus, CPU)]


def on_device(device: Device) -> AbstractContextManager[Any]:
    """Return a context in which networks are made and run on `device`; both must happen inside."""
    context: AbstractContextManager[Any] = keras.device(device.name)
    return context


def measure_memory(device: Device) -> Memory:
    """Return what this process takes of a device's memory; of the CPU's, its resident set."""
    if not device.is_gpu:
        return Memory(psutil.Process().memory_info().rss, psutil.virtual_memory().total)
    index = int(device.name.partition(":")[2] or 0)
    backend = keras.backend.backend()
    if backend == "tensorflow":
        from worker.runtimes.tensorflow_backend import measure_gpu_memory

        return Memory(measure_gpu_memory(index), None)
    if backend == "jax":
        statistics = import_module("jax").devices("gpu")[index].memory_stats() or {}
        return Memory(statistics.get("peak_bytes_in_use"), statistics.get("bytes_limit"))
    cuda = import_module("torch").cuda
    return Memory(int(cuda.max_memory_allocated(index)), int(cuda.get_device_properties(index).total_memory))


def _describe(name: str) -> str:
    if name == CPU:
        return f"{os.cpu_count()} cores"
    index = int(name.partition(":")[2] or 0)
    backend = keras.backend.backend()
    if backend == "tensorflow":
        from worker.runtimes.tensorflow_backend import describe_gpu

        return describe_gpu(index)
    if backend == "jax":
        return str(import_module("jax").devices("gpu")[index].device_kind)
    return str(import_module("torch").cuda.get_device_name(index))
