"""Records of the processes of one supervisor, on disk, by which they are ended when they outlive it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import psutil
import structlog

STOP_TIMEOUT_S: Final = 20.0
CREATION_TOLERANCE_S: Final = 0.05
"""A process of the same number that began at another time is another process."""

SUFFIX: Final = ".process.json"

MARK: Final = "_TBSCREEN_SUPERVISED_IN"
"""Environment variable of the processes of a supervisor: its directory. A supervisor that is killed may have
started one that it has not recorded."""

log = structlog.get_logger(__name__)


def write_record(directory: Path, name: str, pid: int, stage: int) -> None:
    """Record a process that has just been started.

    Args:
        directory: of the supervisor.
        name: of the process.
        pid: its number.
        stage: processes of one stage end together, those of a later stage before those of an earlier one.
    """
    record = {"pid": pid, "created": psutil.Process(pid).create_time(), "stage": stage}
    _path(directory, name).write_text(json.dumps(record), "utf-8")


def remove_record(directory: Path, name: str) -> None:
    """Forget a process that has ended."""
    _path(directory, name).unlink(missing_ok=True)


def end_recorded(directory: Path) -> None:
    """End every process that still runs, recorded or marked, in the order of `Supervisor.stop`.

    A worker whose Redis ends first waits for it until it is killed.
    """
    stages: dict[int, list[int]] = {}
    for name, stage, orphan in find_recorded(directory):
        stages.setdefault(stage, []).append(orphan.pid)
        with contextlib.suppress(OSError):  # after a closed terminal it cannot be written
            log.warning("ending an orphan of an earlier run", name=name)
    for stage in sorted(stages, reverse=True):
        end_processes(stages[stage], STOP_TIMEOUT_S)
    end_processes(_find_marked(directory), STOP_TIMEOUT_S)


def find_recorded(directory: Path) -> Iterator[tuple[str, int, psutil.Process]]:
    """Yield name, stage and process of each recorded process that still runs."""
    for path in sorted(directory.glob(f"*{SUFFIX}")):
        with contextlib.suppress(
            OSError, ValueError, KeyError, TypeError, AttributeError, psutil.NoSuchProcess
        ):
            record = json.loads(path.read_text("utf-8"))
            process, stage = psutil.Process(int(record["pid"])), int(record.get("stage", 0))
            if abs(process.create_time() - float(record["created"])) < CREATION_TOLERANCE_S:
                yield path.name.removesuffix(SUFFIX), stage, process


def _find_marked(directory: Path) -> list[int]:
    """Return the processes that bear the mark of a directory, without their children."""
    marked: dict[int, int] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == str(directory.resolve()):
                marked[process.pid] = process.ppid()
    return [pid for pid, parent in marked.items() if parent not in marked and pid != os.getpid()]


def remove_records(directory: Path) -> None:
    """Forget all processes."""
    for path in directory.glob(f"*{SUFFIX}"):
        path.unlink(missing_ok=True)


def end_processes(pids: Sequence[int], timeout_s: float) -> None:
    """End processes with SIGTERM and, where they do not end in time, kill them and their children."""
    family: list[psutil.Process] = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            family += [process, *process.children(recursive=True)]
            process.send_signal(signal.SIGTERM)
    _, alive = psutil.wait_procs(family, timeout=timeout_s)
    # The parents first, so that they start no child in place of one that was killed.
    for survivor in (process for process in family if process in alive):
        with contextlib.suppress(psutil.NoSuchProcess):
            survivor.kill()
    psutil.wait_procs(alive, timeout=5)


def _path(directory: Path, name: str) -> Path:
    return directory / f"{name}{SUFFIX}"
