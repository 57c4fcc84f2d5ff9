"""A process that is started again when it dies, as a service manager does it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import psutil

from tests.servers.ports import wait_until

RESTART_PAUSE_S: Final = 0.3
POLL_S: Final = 0.1
STOP_TIMEOUT_S: Final = 30.0


class KeptProcess:
    """One process of the site.

    Args:
        name: unique in the site.
        command: what runs.
        log: its output is appended here.
        is_ready: True when it does its work; asked at its first start only.
        environment: all of it; this process's own by default.
        identity: `user`, `group` and `extra_groups` of `subprocess.Popen`.
        stop_signal: what ends it in good order.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        is_ready: Callable[[], bool],
        environment: Mapping[str, str] | None = None,
        identity: Mapping[str, Any] | None = None,
        stop_signal: int = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.starts = 0
        self._command = list(command)
        self._log = log
        self._is_ready = is_ready
        self._environment = dict(environment if environment is not None else os.environ)
        self._identity = dict(identity or {})
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.RLock()
        self._holders = 0
        self._dead_since: float | None = None
        self._ended = False

    @property
    def pid(self) -> int | None:
        """Its process id, None while it is dead."""
        with self._lock:
            return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        with self._lock:
            self._spawn()
        self.wait_until_ready()

    def wait_until_ready(self, deadline_s: float = 120.0) -> None:
        """Return as soon as it does its work."""
        wait_until(self._is_ready, deadline_s, f"{self.name} is ready (see {self._log})")

    def children(self, word: str = "") -> list[psutil.Process]:
        """Return its child processes whose command line has `word` in it."""
        found = []
        with contextlib.suppress(psutil.NoSuchProcess):
            pid = self.pid
            for child in psutil.Process(pid).children(recursive=True) if pid is not None else []:
                with contextlib.suppress(psutil.NoSuchProcess):
                    if word in " ".join(child.cmdline()):
                        found.append(child)
        return found

    def send_signal(self, number: int) -> bool:
        """Send a signal to the process itself; False when it is dead."""
        with self._lock:
            if self.pid is None or self._process is None:
                return False
            self._process.send_signal(number)
            return True

    def hold(self) -> None:
        """Do not start it again until `release`."""
        with self._lock:
            self._holders += 1

    def release(self) -> None:
        """Start it again when it is dead."""
        with self._lock:
            self._holders -= 1

    def watch(self) -> None:
        """Look after it once: start it again when it has been dead for a moment."""
        with self._lock:
            if self._process is None or self._ended or self._process.poll() is None:
                self._dead_since = None
                return
            if self._dead_since is None:
                self._dead_since = time.monotonic()
            if not self._holders and time.monotonic() - self._dead_since > RESTART_PAUSE_S:
                self._end_family()
                self._spawn()

    def end(self) -> None:
        """End it for good."""
        with self._lock:
            self._ended = True
            if self._process is None:
                return
            if self._process.poll() is None:
                self._process.send_signal(self._stop_signal)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(timeout=STOP_TIMEOUT_S)
            self._end_family()
            self._process.wait(timeout=STOP_TIMEOUT_S)

    def _spawn(self) -> None:
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **self._identity,
            )
        self.starts += 1
        self._dead_since = None

    def _end_family(self) -> None:
        """A service manager ends what a dead process leaves behind (systemd: KillMode=control-group)."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)


class Keeper(threading.Thread):
    """Looks after processes until told to end."""

    def __init__(self, processes: Iterable[KeptProcess]) -> None:
        super().__init__(name="keeper", daemon=True)
        self._processes = list(processes)
        self._ending = threading.Event()

    def run(self) -> None:
        """Work until `end`."""
        while not self._ending.wait(POLL_S):
            for process in self._processes:
                process.watch()

    def end(self) -> None:
        """Start nothing again from now on."""
        self._ending.set()
        self.join()
