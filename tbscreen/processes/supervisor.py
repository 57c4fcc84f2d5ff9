"""Starts processes, waits until they are ready, starts them again when they die, ends them.

The undertaker ends the processes of a supervisor that is killed. If it was killed too, the next supervisor
finds the orphans by the records in `run/` and ends them before it starts anything: two gateways never share a
spool.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import structlog

from domain.errors import PermanentError
from tbscreen.processes.process_records import (
    MARK,
    STOP_TIMEOUT_S,
    end_processes,
    end_recorded,
    remove_record,
    remove_records,
    write_record,
)

READY_TIMEOUT_S: Final = 120.0
POLL_S: Final = 0.05
RESTART_FIRST_S: Final = 0.5
RESTART_MOST_S: Final = 30.0
STEADY_S: Final = 60.0
"""A process that lived so long starts again at once when it dies."""

log = structlog.get_logger(__name__)


class NotReadyError(PermanentError):
    """A process did not become ready; its own log lines say why."""


@dataclass(frozen=True)
class ProcessSpec:
    """One process to run."""

    name: str
    command: Sequence[str]
    is_ready: Callable[[], str | None]
    """Returns what the process announced, or None while it is not ready."""
    ready_file: Path | None = None


@dataclass
class _Running:
    spec: ProcessSpec
    process: subprocess.Popen[bytes]
    started: float
    stage: int
    """Processes of one stage were started together and are ended together."""
    pause: float = RESTART_FIRST_S
    restart_at: float | None = field(default=None)


class Supervisor:
    """Runs processes in the order in which they were added, and ends them in the reverse order.

    Those that `start_together` added start at once and end at once.

    Args:
        directory: for the lock and the records; one supervisor at a time.
        environment: of all processes.
        output: where they write; by default where the supervisor writes.
    """

    def __init__(
        self, directory: Path, environment: Mapping[str, str], output: IO[bytes] | None = None
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._environment = dict(environment)
        self._output = output
        self._running: list[_Running] = []
        self._lock: IO[str] = (directory / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise PermanentError(f"tbscreen is running already in {directory.parent}") from None
        end_recorded(directory)
        remove_records(directory)
        self._undertaker = _start_undertaker(directory, self._environment)

    def start(self, spec: ProcessSpec) -> str:
        """Start a process and wait until it is ready; returns what it announced.

        Raises:
            NotReadyError: when it ends or does not become ready in time.
        """
        return self.start_together([spec])[spec.name]

    def start_together(self, specs: Sequence[ProcessSpec]) -> dict[str, str]:
        """Start processes that need not wait for each other; returns what each announced, by name.

        Raises:
            NotReadyError: when one ends or does not become ready in time.
        """
        stage = self._running[-1].stage + 1 if self._running else 0
        fresh = [self._spawn(spec, stage) for spec in specs]
        self._running += fresh
        deadline = time.monotonic() + READY_TIMEOUT_S
        announced: dict[str, str] = {}
        while time.monotonic() < deadline:
            for running in fresh:
                name = running.spec.name
                if name in announced:
                    continue
                said = running.spec.is_ready()
                if said is not None:
                    announced[name] = said
                elif running.process.poll() is not None:
                    raise NotReadyError(
                        f"{name} ended with exit status {running.process.returncode} at its start"
                    )
            if len(announced) == len(fresh):
                return announced
            time.sleep(POLL_S)
        late = ", ".join(spec.name for spec in specs if spec.name not in announced)
        raise NotReadyError(f"{late} was not ready within {READY_TIMEOUT_S:.0f} s")

    def watch(self) -> None:
        """Look after the processes once: start again what has died, with growing pauses."""
        for running in self._running:
            if running.process.poll() is None:
                continue
            if running.restart_at is None:
                lived = time.monotonic() - running.started
                running.pause = (
                    RESTART_FIRST_S if lived > STEADY_S else min(running.pause * 2, RESTART_MOST_S)
                )
                running.restart_at = time.monotonic() + running.pause
                log.error(
                    "process died; it is started again",
                    name=running.spec.name,
                    status=running.process.returncode,
                    seconds=running.pause,
                )
            elif time.monotonic() >= running.restart_at:
                self._start_again(running)

    def stop(self) -> None:
        """End all processes, last started first: SIGTERM, and SIGKILL for what does not listen."""
        for stage in sorted({running.stage for running in self._running}, reverse=True):
            together = [running for running in self._running if running.stage == stage]
            end_processes([running.process.pid for running in together], STOP_TIMEOUT_S)
            for running in together:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    running.process.wait(timeout=STOP_TIMEOUT_S)
                remove_record(self._directory, running.spec.name)
        self._running.clear()
        self._undertaker.communicate()
        self._lock.close()

    def pids(self) -> list[int]:
        """Return the process ids of what runs."""
        return [running.process.pid for running in self._running if running.process.poll() is None]

    def _start_again(self, running: _Running) -> None:
        try:
            fresh = self._spawn(running.spec, running.stage)
        except OSError as error:  # no memory, process number or disk is left; the other processes go on
            running.pause = min(running.pause * 2, RESTART_MOST_S)
            running.restart_at = time.monotonic() + running.pause
            log.error(
                "process not started; it is tried again",
                name=running.spec.name,
                error=error.strerror,
                seconds=running.pause,
            )
            return
        running.process, running.started, running.restart_at = fresh.process, fresh.started, None

    def _spawn(self, spec: ProcessSpec, stage: int) -> _Running:
        if spec.ready_file is not None:
            spec.ready_file.unlink(missing_ok=True)
        # A session of its own: Ctrl-C in the terminal reaches the supervisor alone, which ends the others
        # in order.
        process = subprocess.Popen(
            spec.command,
            env={**self._environment, MARK: str(self._directory.resolve())},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            start_new_session=True,
        )
        try:
            write_record(self._directory, spec.name, process.pid, stage)
        except OSError as error:  # the process bears its mark
            log.error("process not recorded", name=spec.name, error=error.strerror)
        return _Running(spec, process, time.monotonic(), stage)


def _start_undertaker(directory: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tbscreen.processes.undertaker", str(directory)],
        env=environment,
        stdin=subprocess.PIPE,
        start_new_session=True,
    )


def child_environment() -> dict[str, str]:
    """Return the environment that processes inherit: logs at once."""
    return {**os.environ, "PYTHONUNBUFFERED": "1"}
