"""Several processes that take associations from the same ports of one gateway.

The process that starts them holds the spool and prepares films; they receive. One that dies is replaced; what
it was receiving is sent again by its sender. Listeners say two fixed words, as bytes; multiprocessing pickles
only the arguments with which the gateway starts them.
"""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Final

import structlog

from db.database import Database
from dicom_gateway.library_settings import configure_dicom_libraries
from dicom_gateway.reception.open_ports import OpenPorts
from dicom_gateway.reception.port_watch import LOOK_EVERY_S, PortWatch
from dicom_gateway.reception.storage_scp import StorageScp
from dicom_gateway.settings import spool_directory
from dicom_gateway.spool import Spool
from domain.errors import PermanentError
from tbscreen.monitoring.tracing import traced
from tbscreen.processes.audit_trail import open_audit_trail
from tbscreen.processes.logs import configure_logs
from tbscreen.settings import Settings

UP: Final = b"up"
RECEIVED: Final = b"received"

START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 30.0

REPLACEMENT_PAUSE_S: Final = 1.0
"""A process that cannot start is tried again so much later."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Child:
    process: BaseProcess
    connection: Connection


class ListenerProcesses:
    """The listener processes of one gateway.

    Args:
        settings: how many, and all that they need.
        ports: open already; closed here when they have them.
        received: called after each new film of any of them.
    """

    def __init__(self, settings: Settings, ports: OpenPorts, received: Callable[[], None]) -> None:
        self._settings = settings
        self._ports = ports
        self._received = received
        self._children: list[_Child] = []
        self._ending = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="listener-processes", daemon=True)

    def start(self) -> int:
        """Start them and wait until all listen; returns the first TCP port.

        Raises:
            PermanentError: when one does not start.
        """
        number = self._ports.numbers[0]
        self._children = [self._begin() for _ in range(self._settings.gateway.listener_processes)]
        for child in self._children:
            if not _is_up(child):
                self.stop()
                raise PermanentError("a listener process does not start")
        self._watcher.start()
        return number

    def stop(self) -> None:
        """End them: open associations are aborted, what was answered with success is kept."""
        self._ending.set()
        if self._watcher.is_alive():
            self._watcher.join()
        for child in self._children:
            child.connection.close()  # which they take for the end
        for child in self._children:
            child.process.join(STOP_TIMEOUT_S)
            if child.process.is_alive():
                child.process.kill()
                child.process.join()
        self._children = []
        self._ports.close()

    def _begin(self) -> _Child:
        context = multiprocessing.get_context("spawn")  # threads and a fork do not go together
        ours, theirs = context.Pipe()
        process = context.Process(
            target=_listen, args=(self._settings, self._ports, theirs), name="listener", daemon=True
        )
        process.start()
        theirs.close()
        return _Child(process, ours)

    def _watch(self) -> None:
        while not self._ending.is_set():
            for ready in connection.wait([child.connection for child in self._children], timeout=0.5):
                child = next(child for child in self._children if child.connection is ready)
                try:
                    child.connection.recv_bytes(len(RECEIVED))
                    self._received()
                except (EOFError, OSError):
                    self._replace(child)

    def _replace(self, dead: _Child) -> None:
        dead.connection.close()
        dead.process.kill()
        dead.process.join()
        log.error("listener process ended; another takes its place", exit_code=dead.process.exitcode)
        fresh = self._begin()
        if not _is_up(fresh):
            log.error("the new listener process does not start", exit_code=fresh.process.exitcode)
            self._ending.wait(REPLACEMENT_PAUSE_S)
        self._children[self._children.index(dead)] = fresh


def _is_up(child: _Child) -> bool:
    try:
        return child.connection.poll(START_TIMEOUT_S) and child.connection.recv_bytes(len(UP)) == UP
    except (EOFError, OSError):
        return False


def _listen(settings: Settings, ports: OpenPorts, parent: Connection) -> None:
    """The life of a listener process: receive until the gateway hangs up."""
    configure_logs(settings.log_format, "listener", settings.log_level)
    database = Database.open(settings.database_settings())
    lock = threading.Lock()

    def tell() -> None:
        # The film is committed; a gateway that is gone finds it in the table when it is back.
        with lock, suppress(OSError):
            parent.send_bytes(RECEIVED)

    spool = Spool(spool_directory(settings.data_directory))
    configure_dicom_libraries(spool.incoming)
    audit = open_audit_trail(settings, "gateway", settings.gateway.ae_title)
    scp = StorageScp(
        settings.gateway,
        database,
        spool,
        tell,
        ports,
        audit,
        settings.peers,
        blinded_reading=settings.web.blinded_reading,
    )
    scp.start()
    parent.send_bytes(UP)
    try:
        with traced(settings.tracing, "gateway", settings.gateway.name):
            watch = PortWatch(scp)
            while not parent.poll(LOOK_EVERY_S):
                watch.look()
            parent.recv_bytes()
    except (EOFError, OSError, KeyboardInterrupt):
        log.info("listener process ends")
    scp.stop()
    audit.close()
    database.close()
