"""`tbscreen doctor --gpu`: each device scores golden arrays as the CPU does, and how fast.

The arrays are drawn by code (`worker.golden_arrays`), so that a host proves itself without a film on it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import numpy.typing as npt
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from db import schema
from db.database import Database, normalize_url
from db.models import bundles
from domain.bundle.bundle import Bundle, open_bundle
from domain.bundle.manifest import STRUCTURE, WEIGHTS
from domain.bundle.seal import TOLERANCE
from tbscreen.models.default_bundle import DEFAULT_BUNDLE
from tbscreen.settings import Settings
from worker.bundle_cache import BundleCache
from worker.golden_arrays import draw_golden_arrays
from worker.predictor import Predictor
from worker.runtimes.devices import Device, list_devices, measure_memory, name_backend, on_device
from worker.runtimes.keras_runtime import KerasRuntime, build_model

GOLDEN_ARRAYS: Final = 32
CPU_BATCHES: Final = (1, 8, 32)
GPU_BATCHES: Final = (1, 8, 32, 128, 512)
MEASURED_S: Final = 2.0
"""Each batch size is run for at least so long, and twice at least."""

ADVICE: Final = (
    "install the driver (does nvidia-smi list the GPU?) and a backend that uses it: "
    "pip install 'tensorflow[and-cuda]' instead of tensorflow-cpu, or set KERAS_BACKEND=jax with "
    "pip install 'jax[cuda12]', or KERAS_BACKEND=torch with pip install torch"
)


@dataclass(frozen=True)
class Speed:
    """Speed of a device on arrays in memory."""

    batch: int
    films_per_second: float


@dataclass(frozen=True)
class DeviceProof:
    """Scores and speeds of one device, or of the runtime that a worker of this host takes."""

    device: str
    description: str
    difference: float
    """Furthest that a golden array's score lies from the CPU's in float32; 0..1."""
    speeds: tuple[Speed, ...]
    memory_taken: int | None
    memory_total: int | None

    @property
    def agrees(self) -> bool:
        """True where all scores lie within 0.01 of the CPU's."""
        return self.difference <= TOLERANCE


@dataclass(frozen=True)
class Proof:
    """Result of `doctor --gpu`."""

    bundle: str
    digest: str
    backend: str
    arrays: int
    devices: tuple[DeviceProof, ...]
    """GPUs first, then the CPU, then the runtime of a worker."""
    has_gpu: bool

    @property
    def holds(self) -> bool:
        """True where there is a GPU and every device agrees with the CPU."""
        return self.has_gpu and all(device.agrees for device in self.devices)


@contextmanager
def find_bundle(settings: Settings, directory: Path | None) -> Iterator[Bundle]:
    """Open the bundle in `directory`, else the active one, else the one that comes with tbscreen.

    Raises:
        PermanentError: when it is not a sound bundle.
    """
    if directory is not None:
        yield open_bundle(directory)
        return
    url = normalize_url(settings.database_settings().url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        yield open_bundle(DEFAULT_BUNDLE)  # and no empty database is left behind
        return
    with closing(Database.open(settings.database_settings())) as database:
        digest = _find_active(database)
        with TemporaryDirectory(prefix="tbscreen-") as folder:
            yield (
                open_bundle(DEFAULT_BUNDLE)
                if digest is None
                else BundleCache(Path(folder), database).open(digest)
            )


def prove(bundle: Bundle, measured_s: float) -> Proof:
    """Let every device score the golden arrays and measure it.

    Args:
        bundle: verified.
        measured_s: how long each batch size is run, seconds.

    Raises:
        PermanentError: when Keras cannot load it.
    """
    arrays = draw_golden_arrays(GOLDEN_ARRAYS)
    worker = Predictor(bundle)  # first: it says what is wrong with a bundle that does not load
    devices = list_devices()
    cpu = devices[-1]
    with on_device(cpu):
        network = _load(bundle)
        expected = _score(network, arrays, CPU_BATCHES[1])
        measured = [_measure_device(network, cpu, arrays, expected, CPU_BATCHES, measured_s)]
    for device in reversed(devices[:-1]):
        with on_device(device):
            network = _load(bundle)
            measured.insert(0, _measure_device(network, device, arrays, expected, GPU_BATCHES, measured_s))
    difference = float(np.max(np.abs(worker.predict(arrays) - expected)))
    speeds = [
        _measure_speed(lambda batch: worker.predict(batch), arrays, batch_size, measured_s)
        for batch_size in CPU_BATCHES
    ]
    taken = measure_memory(devices[0])
    measured.append(
        DeviceProof("worker", worker.runtime, difference, tuple(speeds), taken.taken, taken.total)
    )
    return Proof(
        bundle=f"{bundle.manifest.name} {bundle.manifest.version}",
        digest=bundle.digest,
        backend=name_backend(),
        arrays=len(arrays),
        devices=tuple(measured),
        has_gpu=devices[0].is_gpu,
    )


def draw_proof(proof: Proof) -> RenderableType:
    """Return what was found for a terminal."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("Device", "", "From the CPU", "Batch", "Films per second", "Memory taken"):
        table.add_column(heading, overflow="fold")
    for device in proof.devices:
        table.add_row(
            device.device,
            device.description,
            f"{device.difference:.4f}{'' if device.agrees else ' too far'}",
            "\n".join(str(speed.batch) for speed in device.speeds),
            "\n".join(f"{speed.films_per_second:,.1f}" for speed in device.speeds),
            _format_memory(device.memory_taken, device.memory_total),
        )
    lines = [
        f"{proof.bundle}, {proof.digest[:12]}, on Keras with {proof.backend}: {proof.arrays} golden arrays"
    ]
    if not proof.has_gpu:
        lines.append(f"no GPU: Keras with {proof.backend} sees none\n    → {ADVICE}")
    for device in proof.devices:
        if not device.agrees:
            lines.append(
                f"{device.device} scores up to {device.difference:.4f} from the CPU's; {TOLERANCE} is allowed"
            )
    if proof.holds:
        lines.append(f"proven: every score lies within {TOLERANCE} of the CPU's")
    return Group(lines[0], table, *lines[1:])


def _find_active(database: Database) -> str | None:
    """Return the digest of the active bundle; None without a database or an active bundle."""
    try:
        if schema.is_behind(database):
            return None
        with database.read() as session:
            active = bundles.find_active(session)
    except SQLAlchemyError:
        return None
    return None if active is None else active.digest


def _load(bundle: Bundle) -> KerasRuntime:
    structure = (bundle.directory / STRUCTURE).read_text("utf-8")
    return KerasRuntime(build_model(structure, bundle.directory / WEIGHTS), "float32")


def _score(network: KerasRuntime, arrays: npt.NDArray[np.float32], batch: int) -> npt.NDArray[np.float64]:
    """Return scores, float64 (n,), of arrays (n, 256, 256)."""
    scores = []
    for start in range(0, len(arrays), batch):
        outputs = network.run(arrays[start : start + batch, ..., np.newaxis])
        scores.append(next(output for output in outputs if output.ndim == 2)[:, -1].astype(np.float64))
    return np.concatenate(scores)


def _measure_device(
    network: KerasRuntime,
    device: Device,
    arrays: npt.NDArray[np.float32],
    expected: npt.NDArray[np.float64],
    batches: Sequence[int],
    measured_s: float,
) -> DeviceProof:
    difference = float(np.max(np.abs(_score(network, arrays, CPU_BATCHES[1]) - expected)))
    speeds = [
        _measure_speed(lambda films: network.run(films[..., np.newaxis]), arrays, batch, measured_s)
        for batch in batches
    ]
    memory = measure_memory(device)
    return DeviceProof(device.name, device.description, difference, tuple(speeds), memory.taken, memory.total)


def _measure_speed(
    run: Callable[[npt.NDArray[np.float32]], object],
    arrays: npt.NDArray[np.float32],
    batch: int,
    measured_s: float,
) -> Speed:
    """Run one batch again and again; the first time, which compiles, does not count."""
    films = np.resize(arrays, (batch, *arrays.shape[1:]))
    run(films)
    runs, began = 0, time.perf_counter()
    while runs < 2 or time.perf_counter() - began < measured_s:
        run(films)
        runs += 1
    return Speed(batch, runs * batch / (time.perf_counter() - began))


def _format_memory(taken: int | None, total: int | None) -> str:
    if taken is None:
        return "—"
    return f"{taken / 1e9:.2f} GB" + ("" if total is None else f" of {total / 1e9:.0f}")
