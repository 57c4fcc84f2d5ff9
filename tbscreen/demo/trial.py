"""A whole installation in a temporary folder, with a small PACS beside it: for demo, benchmarks and tests.

Everything is real: the service's own processes, a private Redis, SQLite, DICOM associations on free ports.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, AllStoragePresentationContexts, evt

from db.database import Database
from tbscreen.processes.serve import Service, running
from tbscreen.processes.supervisor import NotReadyError
from tbscreen.settings import FILE_VARIABLE, PREFIX, Settings, load_settings

GRAPHS_VARIABLE: Final = f"{PREFIX}WORKER__GRAPH_DIRECTORY"


class SmallPacs:
    """A storage SCP that keeps what it is sent; plays the PACS.

    Args:
        directory: received objects go here, one file each.
        ae_title: its own.
    """

    def __init__(self, directory: Path, ae_title: str = "PACS") -> None:
        self.directory = directory
        self.ae_title = ae_title
        self.received: dict[str, tuple[Path, float]] = {}
        """SOP Instance UID of each object: its file and when it came (time.monotonic)."""
        self.stores = 0
        """C-STORE requests, repeated ones included."""
        self._arrival = threading.Condition()
        directory.mkdir(parents=True, exist_ok=True)
        self._ae = AE(ae_title=ae_title)
        self._ae.maximum_associations = 50
        for context in AllStoragePresentationContexts:
            syntax = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
            self._ae.add_supported_context(str(context.abstract_syntax), syntax)
        self._ae.add_supported_context("1.2.840.10008.1.1")
        handlers: Any = [(evt.EVT_C_STORE, self._store), (evt.EVT_C_ECHO, lambda event: 0x0000)]
        server: Any = self._ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        self._server = server
        self.port = int(server.server_address[1])

    def wait_for(self, count: int, timeout_s: float) -> bool:
        """Wait until `count` different objects are here; False when time runs out."""
        with self._arrival:
            return self._arrival.wait_for(lambda: len(self.received) >= count, timeout_s)

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()

    def _store(self, event: evt.Event) -> int:
        request: Any = event.request
        uid = str(request.AffectedSOPInstanceUID)
        with self._arrival:
            self.stores += 1
            path = self.directory / f"{len(self.received) + 1:05d}.dcm"
            if uid in self.received:
                path = self.received[uid][0]
            path.write_bytes(event.encoded_dataset())
            self.received.setdefault(uid, (path, time.monotonic()))
            self._arrival.notify_all()
        return 0x0000


@dataclass(frozen=True)
class Trial:
    """A running installation and its PACS."""

    service: Service
    settings: Settings
    database: Database
    pacs: SmallPacs
    directory: Path

    @property
    def log(self) -> Path:
        """Log of all processes."""
        return self.directory / "log.txt"


@contextmanager
def trial(
    progress: Callable[[str], None] = lambda _: None,
    *,
    top_level: str = "",
    tables: str = "",
    gateway: str = "",
    gateway_port: int = 0,
) -> Iterator[Trial]:
    """Run an installation in a temporary folder inside the block.

    Of the environment's own `TBSCREEN_…` variables and settings file only the folder of prepared networks
    plays a part in it: an installation on the same host need not prepare the shipped one again.

    Args:
        progress: told what is being started.
        top_level: further top-level keys of the settings file, as TOML.
        tables: further tables of the settings file, as TOML.
        gateway: further keys of its table `[gateway]`, as TOML.
        gateway_port: where the gateway listens; 0 takes any free port.
    """
    with tempfile.TemporaryDirectory(prefix="tbscreen-") as folder:
        place = Path(folder)
        pacs = SmallPacs(place / "pacs")
        file = place / "tbscreen.toml"
        file.write_text(_write_settings(place, pacs, top_level, gateway, gateway_port) + tables, "utf-8")
        try:
            with (
                _environment({FILE_VARIABLE: str(file), **_find_graphs()}),
                (place / "log.txt").open("ab") as output,
            ):
                settings = load_settings()
                with (
                    _show_log_of_failures(place / "log.txt"),
                    running(settings, progress, output) as service,
                    closing(Database.open(settings.database_settings())) as database,
                ):
                    yield Trial(service, settings, database, pacs, place)
        finally:
            pacs.stop()


@contextmanager
def _show_log_of_failures(log: Path) -> Iterator[None]:
    """Print the log when a process does not start: its file is about to be deleted."""
    try:
        yield
    except NotReadyError:
        sys.stderr.write(log.read_text("utf-8", "replace"))
        raise


def _write_settings(place: Path, pacs: SmallPacs, top_level: str, gateway: str, gateway_port: int) -> str:
    return f"""\
data_directory = "{place / "data"}"
{top_level}

[gateway]
host = "127.0.0.1"
port = {gateway_port}
{gateway}
reserved_disk_bytes = 100000000

[web]
port = 0

[[peers]]
name = "pacs"
ae_title = "{pacs.ae_title}"
host = "127.0.0.1"
port = {pacs.port}

"""


def _find_graphs() -> dict[str, str]:
    """Return the variable that names the folder of prepared networks, where it is set."""
    return {name: value for name, value in os.environ.items() if name == GRAPHS_VARIABLE}


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Replace all `TBSCREEN_…` variables by `values` inside the block."""
    before = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    for name in before:
        del os.environ[name]
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            os.environ.pop(name, None)
        os.environ.update(before)
