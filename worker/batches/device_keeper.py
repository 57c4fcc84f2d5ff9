"""Device processes of a worker: started before its predicting processes, and replaced when they end."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from typing import Final

import structlog

from worker.batches.device_process import DeviceProcess, Opener, has_parent
from worker.settings import count_gpus
from worker.watchdog import Heartbeats

VISIBLE_GPUS: Final = "CUDA_VISIBLE_DEVICES"
"""Environment variable with the GPUs that a process may use; CUDA numbers them anew from 0."""
BACKLOG: Final = 128
FIRST_INHERITED: Final = 3

log = structlog.get_logger(__name__)


class DeviceKeeper:
    """Keeps device processes, which are forked from this one. It ends with them.

    Args:
        count: device processes.
        batch: most films in one pass.
        make_opener: makes the opener of networks, in the device process.
        heartbeats: shared with the worker's watchdog.
    """

    def __init__(
        self,
        count: int,
        batch: int,
        make_opener: Callable[[], Opener],
        heartbeats: Heartbeats,
    ) -> None:
        self._batch, self._make_opener, self._heartbeats = batch, make_opener, heartbeats
        self._folder = Path(tempfile.mkdtemp(prefix="tbscreen-device-"))  # for this user alone
        self.addresses = [str(self._folder / str(number)) for number in range(count)]
        self._listeners = [_listen(address) for address in self.addresses]
        self._pids: list[int | None] = [None] * count

    def keep(self) -> None:
        """Start the device processes that are not there, first or again."""
        for place, pid in enumerate(self._pids):
            if pid is not None and os.waitpid(pid, os.WNOHANG) == (0, 0):
                continue
            if pid is not None:
                log.error("a device process ended: replaced", pid=pid)
            self._pids[place] = self._start(place)

    def has(self, pid: int) -> bool:
        """True for the process id of a device process, also one that ended."""
        return pid in self._pids

    def close(self) -> None:
        """End the device processes."""
        for pid in filter(None, self._pids):
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        self._pids = []
        for listener in self._listeners:
            listener.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, place: int) -> int:
        parent = os.getpid()
        pid = os.fork()
        if pid:
            return pid
        status = 1
        try:
            # The worker's predicting processes come first at a shutdown; this one ends with the worker.
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
                signal.signal(number, signal.SIG_IGN)
            listener = self._listeners[place]
            _let_go_of_files(listener.fileno())
            gpu = choose_gpu(place, os.environ.get(VISIBLE_GPUS), count_gpus())
            if gpu is not None and len(self._pids) > 1:
                os.environ[VISIBLE_GPUS] = gpu
            is_wanted = has_parent(parent)
            DeviceProcess(listener, self._make_opener(), self._batch, self._heartbeats, is_wanted).run()
            status = 0
        except BaseException as error:  # noqa: BLE001  nothing of the worker's own stack may go on here
            log.error("a device process failed", error=type(error).__name__)
        finally:
            os._exit(status)


def choose_gpu(place: int, visible: str | None, count: int) -> str | None:
    """Return the GPU of a device process, since TensorFlow takes the memory of all that it sees.

    Args:
        place: of the device process, from 0.
        visible: GPUs that the worker may use, with commas between; -1 ends the list. None for all.
        count: GPUs of this host.

    Returns:
        Its name or number; device processes beyond the number of GPUs share them in turn. None where there is
        none to choose.
    """
    gpus = [str(number) for number in range(count)] if visible is None else visible.split(",")
    names = list(takewhile(lambda name: name not in ("", "-1"), (gpu.strip() for gpu in gpus)))
    return names[place % len(names)] if names else None


def _listen(address: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(address)
    listener.listen(BACKLOG)
    return listener


def _let_go_of_files(kept: int) -> None:
    """Replace files and connections of the worker by the null device, so that none outlives the worker.

    They are not closed: objects of the worker that are freed here would close a file of this process.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for number in sorted(int(name) for name in os.listdir("/dev/fd")):  # noqa: PTH208  numbers, not paths
        if number >= FIRST_INHERITED and number not in (kept, null):
            with contextlib.suppress(OSError):  # the folder itself, closed meanwhile
                os.fstat(number)
                os.dup2(null, number)
