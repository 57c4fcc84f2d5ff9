"""The whole site: servers, product processes in distributed form, the PACS and the door before it."""

from __future__ import annotations

import contextlib
import multiprocessing
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chaos.jumped_clock import JumpedClock, build_library
from chaos.kept_process import Keeper, KeptProcess
from chaos.pacs_door import PacsDoor
from chaos.servers import make_orthanc, make_postgresql, make_redis
from db import schema
from db.database import Database
from db.models import activations, bundles
from db.settings import DatabaseSettings
from tbscreen.models.default_bundle import register_bundle
from tbscreen.processes.supervisor import child_environment
from tbscreen.settings import FILE_VARIABLE, PREFIX
from tests.servers.pacs import Orthanc
from tests.servers.ports import free_port
from tests.unit.worker.networks import write_network

SMALL_DISK: Final = "size=1g"
GATEWAYS: Final = ("gateway-1", "gateway-2")
WORKERS: Final = ("worker-1", "worker-2")
COURIER: Final = "courier"

HURRIED: Final = """\
[gateway]
name = "{name}"
host = "127.0.0.1"
port = {port}
reserved_disk_bytes = 0
network_timeout_s = 10.0
preparation_timeout_s = 15.0
redispatch_after_s = 15.0
maximum_queue_length = 50
listener_processes = {listeners}

[worker]
name = "{name}"
threads = 1
runtime = "keras"
precision = "float32"
time_limit_s = 8.0

[courier]
retry_first_s = 0.5
retry_most_s = 3.0
network_timeout_s = 5.0
lease_s = 10.0

[[peers]]
name = "pacs"
ae_title = "ORTHANC"
host = "127.0.0.1"
port = {pacs_port}
"""
"""Everything that takes minutes on a real site, in seconds, so that a run ends."""


@dataclass(frozen=True)
class Site:
    """A running site."""

    folder: Path
    database: Database
    broker_url: str
    orthanc: Orthanc
    door: PacsDoor
    processes: dict[str, KeptProcess]
    ports: tuple[int, ...]
    """Of the gateways."""
    clocks: dict[str, JumpedClock]
    """By process; empty where they cannot be made."""
    small_disk: Path | None
    """The spool of the last gateway, on a disk of its own; None where no disk could be made."""

    def data_directory(self, name: str) -> Path:
        """The files of a process."""
        return self.folder / name


@contextmanager
def running() -> Iterator[Site]:
    """Run a site in a temporary folder inside the block."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        folder.chmod(0o755)  # PostgreSQL runs as another user
        postgresql, database_url = make_postgresql(folder / "postgresql")
        redis, broker_url = make_redis(folder / "redis")
        orthanc_process, orthanc = make_orthanc(folder / "orthanc")
        servers = [postgresql, redis, orthanc_process]
        for server in servers:
            stack.callback(server.end)
            server.start()
        door = PacsDoor(orthanc.dicom_port)
        stack.callback(door.close)
        database = Database.open(DatabaseSettings(url=database_url))
        stack.callback(database.close)
        _prepare_database(database, folder / "bundle")
        small_disk = stack.enter_context(_small_disk(folder / GATEWAYS[-1]))
        top = f'database_url = "{database_url}"\nbroker_url = "{broker_url}"\nlog_format = "json"\n'
        ports = tuple(free_port() for _ in GATEWAYS)
        library = build_library(folder)
        clocks: dict[str, JumpedClock] = {}
        if library is not None:
            jumping = (GATEWAYS[0], WORKERS[0], COURIER)
            clocks = {name: JumpedClock(folder / f"{name}.clock", library) for name in jumping}
        product = []
        for name in (*WORKERS, *GATEWAYS, COURIER):
            port = ports[GATEWAYS.index(name)] if name in GATEWAYS else 0
            text = f'data_directory = "{folder / name}"\n{top}'
            listeners = 2 if name == GATEWAYS[-1] else 1
            text += HURRIED.format(name=name, port=port, pacs_port=door.port, listeners=listeners)
            product.append(_make_process(folder, name, text, clocks.get(name)))
        for process in product:
            stack.callback(process.end)
        _start_together(product)
        keeper = Keeper([*servers, *product])
        keeper.start()
        stack.callback(keeper.end)
        processes = {process.name: process for process in (*servers, *product)}
        yield Site(folder, database, broker_url, orthanc, door, processes, ports, clocks, small_disk)


def _prepare_database(database: Database, directory: Path) -> None:
    schema.upgrade(database)
    # In a process of its own: this one needs no TensorFlow.
    maker = multiprocessing.get_context("spawn").Process(target=_write_bundle, args=(directory,))
    maker.start()
    maker.join()
    digest, _ = register_bundle(database, directory)
    with database.write() as session:
        activations.switch_to(session, digest, "chaos", instead_of=None)
        assert bundles.find_active(session) is not None


def _write_bundle(directory: Path) -> None:
    write_network(directory, weight=8.0, offset=-4.0)


def _make_process(folder: Path, name: str, settings: str, clock: JumpedClock | None) -> KeptProcess:
    file = folder / f"{name}.toml"
    file.write_text(settings, "utf-8")
    (folder / name).mkdir(exist_ok=True)
    ready = folder / f"{name}.ready"
    environment = {key: value for key, value in child_environment().items() if not key.startswith(PREFIX)}
    environment[FILE_VARIABLE] = str(file)
    if clock is not None:
        environment |= clock.environment()
    module = "chaos.poisonable_worker" if name in WORKERS else "tbscreen"
    kind = name.split("-")[0]
    command = [sys.executable, "-m", module, kind, "--ready-file", str(ready)]
    environment["PYTHONPATH"] = str(Path(__file__).parents[1])
    return KeptProcess(name, command, folder / f"{name}.log", ready.exists, environment)


def _start_together(processes: list[KeptProcess]) -> None:
    threads = [threading.Thread(target=process.start) for process in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for process in processes:
        process.wait_until_ready(1)


@contextmanager
def _small_disk(place: Path) -> Iterator[Path | None]:
    """A disk that can be filled without harm to anybody else; None where this user may not mount one."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", SMALL_DISK, "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def tail_logs(site: Site, lines: int = 20) -> str:
    """Return the last lines of each process's log."""
    parts = []
    for path in sorted(site.folder.glob("*.log")):
        with contextlib.suppress(OSError):
            last = path.read_text("utf-8", "replace").splitlines()[-lines:]
            parts.append(f"--- {path.name}\n" + "\n".join(last))
    return "\n".join(parts)
