"""The process that listens on a gateway's port on this host, and whose it is."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from dicom_gateway.spool import LOCK


@dataclass(frozen=True)
class GatewayProcess:
    """A process that listens on a port."""

    pid: int
    since: datetime
    name: str
    spool: Path | None
    """The spool that it holds; None for a process that is no gateway."""

    def __str__(self) -> str:
        """Return number, start and data folder."""
        what = f"process {self.pid} ({self.name}), running since {self.since:%Y-%m-%d %H:%M} UTC"
        return what if self.spool is None else f"{what}, data in {self.spool.parent}"


def find_listener(port: int) -> GatewayProcess | None:
    """Return the process that listens on a TCP port of this host; None where this user may not see it.

    Listener processes of a gateway are shown as the gateway that started them.
    """
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return _describe(psutil.Process(connection.pid))
    return None


def _describe(process: psutil.Process) -> GatewayProcess:
    for candidate in (process, *process.parents()):
        spool = _find_spool(candidate)
        if spool is not None:
            return _make(candidate, spool)
    return _make(process, None)


def _make(process: psutil.Process, spool: Path | None) -> GatewayProcess:
    since = datetime.fromtimestamp(process.create_time(), UTC)
    return GatewayProcess(process.pid, since, process.name(), spool)


def _find_spool(process: psutil.Process) -> Path | None:
    with contextlib.suppress(psutil.Error):
        for file in process.open_files():
            path = Path(file.path)
            if path.name == LOCK and (path.parent / "incoming").is_dir():
                return path.parent
    return None
