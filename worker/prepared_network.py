"""The network of a bundle as a graph of OpenVINO on this host's disk: it runs without Keras and TensorFlow.

A child process loads the verified bundle in Keras, converts it and writes the graph with the scores of Keras
in float32 on golden arrays (`worker.graph_preparation`). Each process that opens the graph compares its own
scores with these, and these with the golden scores of the bundle. A graph belongs to one bundle and one
version of OpenVINO; it is made here and never imported.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import numpy as np
import structlog
from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError

from domain.bundle.bundle import Bundle
from domain.bundle.seal import TOLERANCE, check_golden_scores
from domain.errors import PermanentError
from worker.golden_arrays import draw_golden_arrays
from worker.runtimes.openvino_runtime import (
    OpenVinoError,
    OpenVinoRuntime,
    is_installed,
    list_precisions,
    name_version,
    read,
)
from worker.screening_network import ScreeningNetwork, score
from worker.settings import Precision, RuntimeName, has_gpu_files

GRAPH: Final = "graph.xml"
CONSTANTS: Final = "graph.bin"
FACTS: Final = "facts.json"
GOLDEN_ARRAYS: Final = 16
DEADLINE_S: Final = 600.0
"""Time of the child that makes a graph."""

log = structlog.get_logger(__name__)


class GraphFacts(BaseModel):
    """The facts beside a graph."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    bundle: str
    openvino: str
    files: dict[str, str] = {}
    """SHA-256 of the graph's files, hexadecimal; empty where OpenVINO cannot run this network."""
    reason: str = ""
    """The reason why it cannot."""
    scores: tuple[FiniteFloat, ...] = ()
    """Of golden arrays by Keras in float32, 0..1."""


def open_prepared(
    bundle: Bundle,
    directory: Path,
    threads: int = 0,
    runtime: RuntimeName = "auto",
    precision: Precision = "auto",
    golden_scores: Sequence[float] = (),
) -> ScreeningNetwork | None:
    """Load a bundle's network without Keras, making its graph first where this host has none.

    Args:
        bundle: verified.
        directory: folder of the graphs of this host.
        threads: CPU threads to predict with; 0 leaves it to OpenVINO.
        runtime: setting of the host.
        precision: setting of the host.
        golden_scores: of the golden arrays, written when the bundle was made; empty where unknown.

    Returns:
        The network; None where Keras has to load it: on a GPU, by setting, without OpenVINO, and where the
        graph cannot be made or scores otherwise than Keras.
    """
    if not is_possible(runtime):
        return None
    folder = _locate(bundle, directory)
    try:
        facts = _read_facts(folder, bundle)
        if facts is None:
            _make(bundle, folder)
            facts = _read_facts(folder, bundle)
        if facts is None:
            raise OpenVinoError(f"{folder} does not stay whole")
    except (PermanentError, OSError, subprocess.SubprocessError) as error:
        _tell_of_keras(bundle, error)
        return None
    return _load(bundle, folder, facts, threads, precision, golden_scores)


def find_prepared(
    bundle: Bundle,
    directory: Path,
    runtime: RuntimeName = "auto",
    precision: Precision = "auto",
    golden_scores: Sequence[float] = (),
) -> ScreeningNetwork | None:
    """Load a bundle's network from the graph that a worker of this host has made; None where there is none.

    A graph of another user is none: its network could be another one.

    Args:
        bundle: verified.
        directory: folder of the graphs of this host, which need not exist; nothing is written there.
        runtime: setting of the host.
        precision: setting of the host.
        golden_scores: as `open_prepared` takes them.
    """
    if not is_possible(runtime):
        return None
    folder = _locate(bundle, directory)
    facts = _read_facts(folder, bundle) if _is_own(folder) else None
    return None if facts is None else _load(bundle, folder, facts, 0, precision, golden_scores)


def _is_own(folder: Path) -> bool:
    """True for a folder with files of this user or of root alone."""
    try:
        return all(path.stat().st_uid in (0, os.geteuid()) for path in (folder, *folder.iterdir()))
    except OSError:
        return False


def is_possible(runtime: RuntimeName) -> bool:
    """True where OpenVINO may predict: neither a setting, a GPU nor another backend of Keras forbids it."""
    return (
        runtime != "keras"
        and is_installed()
        and os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow"
        and (runtime == "openvino" or not has_gpu_files())
    )


def _locate(bundle: Bundle, directory: Path) -> Path:
    return directory / f"{bundle.digest}-{name_version()}"


def _load(
    bundle: Bundle,
    folder: Path,
    facts: GraphFacts,
    threads: int,
    precision: Precision,
    golden_scores: Sequence[float],
) -> ScreeningNetwork | None:
    try:
        if not facts.files:
            raise OpenVinoError(facts.reason)
        if golden_scores:
            check_golden_scores(facts.scores, golden_scores)
        chosen = _choose(folder, facts, threads, precision)
    except (PermanentError, OSError) as error:
        _tell_of_keras(bundle, error)
        return None
    return None if chosen is None else ScreeningNetwork(bundle, chosen)


def _tell_of_keras(bundle: Bundle, error: Exception) -> None:
    log.warning("Keras predicts: no graph", bundle=bundle.digest[:12], reason=str(error)[:300])


def _choose(folder: Path, facts: GraphFacts, threads: int, precision: Precision) -> OpenVinoRuntime | None:
    """Return the first precision whose scores are within the tolerance of Keras in float32."""
    arrays = draw_golden_arrays(GOLDEN_ARRAYS)
    order = np.arange(GOLDEN_ARRAYS + 1) % GOLDEN_ARRAYS  # full batches and one film alone
    expected = np.array(facts.scores)[order]
    for kind in list_precisions(precision):
        runtime = OpenVinoRuntime(read(folder / GRAPH), kind, threads)
        try:
            difference = float(np.max(np.abs(score(runtime, arrays[order]) - expected)))
        except ArithmeticError as error:
            raise OpenVinoError(str(error)) from error
        if difference <= TOLERANCE:
            return runtime
        log.warning(
            "graph not used: its scores are too far from Keras'",
            precision=kind,
            difference=round(difference, 4),
        )
    return None


def _read_facts(folder: Path, bundle: Bundle) -> GraphFacts | None:
    """Return the facts of a graph that is whole; None for one that is absent or damaged."""
    try:
        facts = GraphFacts.model_validate_json((folder / FACTS).read_bytes())
        for name, digest in facts.files.items():
            if name not in (GRAPH, CONSTANTS) or hash_file(folder / name) != digest:
                return None
    except (OSError, ValidationError):
        return None
    return facts if facts.bundle == bundle.digest and len(facts.scores) == GOLDEN_ARRAYS else None


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _make(bundle: Bundle, folder: Path) -> None:
    """Let a child make the graph; another process of this host that makes it meanwhile is waited for.

    Raises:
        PermanentError: when the child fails.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder.parent):
        if _read_facts(folder, bundle) is not None:
            return
        staging = folder.with_name(f".{folder.name}")
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        command = [sys.executable, "-m", "worker.graph_preparation", str(bundle.directory), str(staging)]
        log.info("preparing the network for OpenVINO", bundle=bundle.digest[:12])
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE_S, check=False
        )
        if done.returncode:
            lines = done.stderr.decode(errors="replace").strip().splitlines()
            shutil.rmtree(staging, ignore_errors=True)
            raise PermanentError(f"its preparation failed: {lines[-1] if lines else done.returncode}")
        for older in folder.parent.glob(f"{bundle.digest}-*"):
            shutil.rmtree(older, ignore_errors=True)
        staging.rename(folder)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
