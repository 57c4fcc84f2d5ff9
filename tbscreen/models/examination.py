"""The child process in which the network of a bundle is examined, with limits of memory and time.

A network that announces gigabytes, or never ends, ends its child and nothing else. The child's answer is JSON
and validated.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import resource
import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError

from domain.array.normalization import SPEC
from domain.bundle.bundle import open_bundle
from domain.bundle.seal import SCORES, check_golden_scores
from domain.errors import PermanentError, TbscreenError
from domain.languages.sentence import Sentence, say

GOLDEN_ARRAYS: Final = SCORES
FEW_GOLDEN_ARRAYS: Final = 16
"""Golden arrays of an examination that only repeats an earlier one."""
THREADS: Final = 4
"""Most CPU threads of the child: each has a stack and a heap of its own, which count as memory."""
MAX_ANSWER_BYTES: Final = 1_000_000
MOST_TEXT: Final = 300


@dataclass(frozen=True)
class Limits:
    """Limits of the child.

    Attributes:
        memory_bytes: address space beyond that of the loaded libraries.
        cpu_s: processor time.
        deadline_s: time from the start of the child to its answer.
    """

    memory_bytes: int = 8 * 1024**3
    cpu_s: int = 1200
    deadline_s: float = 600.0


class Examination(BaseModel):
    """The scores of a network that passed its examination, 0..1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    golden_scores: tuple[FiniteFloat, ...] = ()
    scores: tuple[FiniteFloat, ...] = ()
    """Scores of the films that were named."""
    error: str = ""
    """The reason why it did not pass; empty if it did."""


def examine(
    directory: Path,
    count: int = GOLDEN_ARRAYS,
    films: Path | None = None,
    golden_scores: Sequence[float] = (),
    limits: Limits = Limits(),
) -> Examination:
    """Let a child load the network of a bundle and score golden arrays and films: Keras, float32, on the CPU.

    Args:
        directory: folder of the bundle.
        count: number of golden arrays.
        films: file of further arrays to score, as `training.films.film_store` writes them.
        golden_scores: scores that the network has to give; empty where they are not known.
        limits: memory and time of the child.

    Raises:
        PermanentError: when the bundle does not load or compute, gives other scores than `golden_scores`, or
            takes more memory or time.
    """
    examination = ask_child(directory, count, films, limits)
    if examination.error:
        raise PermanentError(say("{path}: {reason}", path=directory, reason=examination.error))
    if golden_scores:
        check_golden_scores(examination.golden_scores, golden_scores)
    return examination


def ask_child(directory: Path, count: int, films: Path | None, limits: Limits) -> Examination:
    """Return the answer of a child, which may name an error.

    Raises:
        PermanentError: when the child dies, or reaches its limits.
    """
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    child = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(theirs, directory, count, films, limits), daemon=True
    )
    child.start()
    theirs.close()
    late = threading.Event()

    def end() -> None:
        late.set()
        child.kill()

    deadline = threading.Timer(limits.deadline_s, end)
    deadline.start()
    try:
        return Examination.model_validate_json(ours.recv_bytes(MAX_ANSWER_BYTES))
    except (EOFError, OSError, ValidationError):
        child.kill()
        child.join()
        reason = _describe_end(child.exitcode, late.is_set(), limits)
        raise PermanentError(say("{path}: {reason}", path=directory, reason=reason)) from None
    finally:
        deadline.cancel()
        child.kill()
        child.join()
        ours.close()


def _describe_end(exit_code: int | None, is_late: bool, limits: Limits) -> Sentence:
    if is_late:
        return say("its examination took more than {seconds:.0f} s", seconds=limits.deadline_s)
    if exit_code == -signal.SIGXCPU:
        return say("its examination took more than {seconds} s of processor time", seconds=limits.cpu_s)
    return say(
        "the process that examined it died: its network may take more than {memory} of memory",
        memory=_format_memory(limits),
    )


def _shorten(text: str) -> str:
    """Return an error's text in one line; Keras formats some for a terminal."""
    return re.sub(r"\x1b\[\d*m", "", " ".join(text.split()))[:MOST_TEXT]


def _format_memory(limits: Limits) -> str:
    return f"{limits.memory_bytes / 1024**3:.1f} GiB"


def _serve(connection: Connection, directory: Path, count: int, films: Path | None, limits: Limits) -> None:
    """Run the child: examine one bundle and answer."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # what the libraries write; what is wrong is in the answer
        os.dup2(quiet, stream)
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # golden scores are those of a CPU
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s, limits.cpu_s + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    connection.send_bytes(answer(directory, count, films, limits).model_dump_json().encode())
    os._exit(0)  # threads of TensorFlow may not end in the memory that is left


def answer(directory: Path, count: int, films: Path | None, limits: Limits | None = None) -> Examination:
    """Return scores, or the error of a bundle that does not load or compute.

    Args:
        directory: folder of the bundle.
        count: number of golden arrays.
        films: file of further arrays to score.
        limits: limits of this process from now on; None: as it is.
    """
    try:
        return _examine(directory, count, films, limits)
    except TbscreenError as error:
        return Examination(error=_shorten(str(error).removeprefix(f"{directory}: ")))
    except MemoryError:
        beyond = f"more than {_format_memory(limits)} of" if limits else "too much"
        return Examination(error=f"its network takes {beyond} memory")
    except Exception as error:  # noqa: BLE001  Keras' and TensorFlow's errors have no common root
        return Examination(error=_shorten(f"its network cannot be computed: {type(error).__name__}: {error}"))


def _examine(directory: Path, count: int, films: Path | None, limits: Limits | None) -> Examination:
    from worker.network_examination import examine_network

    if limits is not None:
        _limit_this_process(limits)
    arrays = _read_films(films) if films else None
    golden, scores = examine_network(open_bundle(directory), count, arrays)
    return Examination(golden_scores=_round(golden), scores=_round(scores))


def _limit_this_process(limits: Limits) -> None:
    import psutil

    from worker.runtimes.keras_runtime import is_tensorflow
    from worker.runtimes.tensorflow_backend import limit_threads

    if is_tensorflow():
        limit_threads(min(THREADS, os.cpu_count() or 1))
    allowed = psutil.Process().memory_info().vms + limits.memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))


def _read_films(path: Path) -> npt.NDArray[np.float32]:
    stored = np.fromfile(path, np.dtype("<u2")).reshape(-1, SPEC.rows, SPEC.columns)
    return stored.astype(np.float32) / np.float32(65535)


def _round(scores: npt.NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(score, 6) for score in scores.tolist())
