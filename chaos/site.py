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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from chaos.jumped_clock import JumpedClock, build_library
from chaos.kept_process import Keeper, KeptProcess
from chaos.pacs_door import PacsDoor, start_web_refuser
from chaos.servers import HERE, make_orthanc, make_postgresql, make_redis
from db import schema
from db.database import Database
from db.models import activations, bundles
from db.settings import DatabaseSettings
from tbscreen.models.default_bundle import register_bundle
from tbscreen.processes.supervisor import child_environment
from tbscreen.settings import FILE_VARIABLE, PREFIX
from tests.servers.pacs import Orthanc
from tests.servers.peers.mllp_receiver import MllpReceiver
from tests.servers.peers.stow_requests import make_token
from tests.servers.ports import free_port
from tests.servers.second_host import SecondHost, second_host
from tests.unit.worker.networks import prepare_graph, write_network
from worker.runtimes.openvino_runtime import is_installed

DISKS: Final = {"gateway-2": "size=1g", "worker-2": "size=256m", "postgresql": "size=1g"}
"""Processes whose files lie on a disk of their own, and its size (tmpfs(5))."""
GATEWAYS: Final = ("gateway-1", "gateway-2")
WORKERS: Final = ("worker-1", "worker-2")
BATCH: Final = 8
"""Films in one pass of the second worker, which has a device process."""
COURIER: Final = "courier"
AWAY: Final = (GATEWAYS[-1], WORKERS[-1], COURIER)
"""Processes on the second host, where there is one."""

HURRIED: Final = """\
[gateway]
name = "{name}"
host = "{host}"
port = {port}
reserved_disk_bytes = 0
network_timeout_s = 10.0
preparation_timeout_s = 15.0
redispatch_after_s = 15.0
maximum_queue_length = 50
listener_processes = {listeners}

[gateway.dicomweb]
host = "{host}"
port = {web_port}
allow_unencrypted = true

[worker]
name = "{name}"
threads = 1
batch = {batch}
graph_directory = "{graphs}"
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
host = "{pacs_host}"
port = {pacs_port}

[[hl7.receivers]]
name = "ris"
host = "{pacs_host}"
port = {receiver_port}
acknowledgement_timeout_s = 3.0

[[peers]]
name = "web"
protocol = "dicomweb"
url = "http://{pacs_host}:{web_pacs_port}/dicom-web"
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
    receiver: MllpReceiver
    """Gets the HL7 messages."""
    processes: dict[str, KeptProcess]
    gateways: tuple[tuple[str, int], ...]
    """Their addresses and ports."""
    web_gateways: tuple[tuple[str, int], ...]
    """Their addresses and ports for DICOMweb."""
    token: str
    """Opens the latter."""
    web_orthanc: Orthanc
    """A PACS that gets the reports by STOW-RS."""
    web_door: PacsDoor
    clocks: dict[str, JumpedClock]
    """By process; empty where they cannot be made."""
    disks: frozenset[str]
    """Processes whose files lie on a disk of their own; empty where no disk could be made."""
    second: SecondHost | None
    """The host of the processes of `AWAY`; None where no second host could be made."""
    link: threading.Lock = field(default_factory=threading.Lock)
    """Held by whoever breaks the link to the second host."""
    receiver_fault: threading.Lock = field(default_factory=threading.Lock)
    """Held by whoever does something to the receiver."""

    def data_directory(self, name: str) -> Path:
        """The files of a process."""
        return self.folder / name


@contextmanager
def running() -> Iterator[Site]:
    """Run a site in a temporary folder inside the block."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        folder.chmod(0o755)  # PostgreSQL runs as another user
        disks = frozenset(
            name for name, size in DISKS.items() if stack.enter_context(_disk(folder / name, size))
        )
        second = stack.enter_context(_second_host())
        here, away = (HERE, HERE) if second is None else (second.first_address, second.address)
        postgresql, database_url = make_postgresql(folder / "postgresql", here)
        redis, broker_url = make_redis(folder / "redis", here)
        orthanc_process, orthanc = make_orthanc(folder / "orthanc")
        web_process, web_orthanc = make_orthanc(folder / "orthanc-web", by_web=True)
        servers = [postgresql, redis, orthanc_process, web_process]
        for server in servers:
            stack.callback(server.end)
            server.start()
        door = PacsDoor(orthanc.dicom_port, here)
        stack.callback(door.close)
        receiver = MllpReceiver(address=here)
        stack.callback(receiver.go_away)
        web_door = PacsDoor(web_orthanc.http_port, here, start_web_refuser)
        stack.callback(web_door.close)
        database = Database.open(DatabaseSettings(url=database_url))
        stack.callback(database.close)
        graphs = folder / "graphs"
        _prepare_database(database, folder / "bundle", graphs)
        top = f'database_url = "{database_url}"\nbroker_url = "{broker_url}"\nlog_format = "json"\n'
        gateways = tuple((away if name in AWAY else HERE, free_port()) for name in GATEWAYS)
        web_gateways = tuple((host, free_port()) for host, _ in gateways)
        token = make_token(database)
        library = build_library(folder)
        clocks: dict[str, JumpedClock] = {}
        if library is not None:
            jumping = (GATEWAYS[0], WORKERS[0], COURIER)
            clocks = {name: JumpedClock(folder / f"{name}.clock", library) for name in jumping}
        product = []
        for name in (*WORKERS, *GATEWAYS, COURIER):
            host, port = gateways[GATEWAYS.index(name)] if name in GATEWAYS else (HERE, 0)
            text = f'data_directory = "{folder / name}"\n{top}'
            listeners = 2 if name == GATEWAYS[-1] else 1
            batch = BATCH if name == WORKERS[-1] else 1
            text += HURRIED.format(
                name=name,
                host=host,
                port=port,
                web_port=web_gateways[GATEWAYS.index(name)][1] if name in GATEWAYS else 0,
                pacs_host=here,
                pacs_port=door.port,
                web_pacs_port=web_door.port,
                receiver_port=receiver.port,
                listeners=listeners,
                batch=batch,
                graphs=graphs,
            )
            place = second if name in AWAY else None
            product.append(_make_process(folder, name, text, clocks.get(name), place))
        for process in product:
            stack.callback(process.end)
        _start_together(product)
        keeper = Keeper([*servers, *product])
        keeper.start()
        stack.callback(keeper.end)
        processes = {process.name: process for process in (*servers, *product)}
        yield Site(
            folder,
            database,
            broker_url,
            orthanc,
            door,
            receiver,
            processes,
            gateways,
            web_gateways,
            token,
            web_orthanc,
            web_door,
            clocks,
            disks,
            second,
        )


def _prepare_database(database: Database, directory: Path, graphs: Path) -> None:
    schema.upgrade(database)
    # In a process of its own: this one needs no TensorFlow.
    maker = multiprocessing.get_context("spawn").Process(target=_write_bundle, args=(directory, graphs))
    maker.start()
    maker.join()
    digest, _ = register_bundle(database, directory)
    with database.write() as session:
        activations.switch_to(session, digest, "chaos", instead_of=None)
        assert bundles.find_active(session) is not None


def _write_bundle(directory: Path, graphs: Path) -> None:
    """Write the bundle and what workers make of it for OpenVINO, so that none of them loads TensorFlow."""
    bundle = write_network(directory, weight=8.0, offset=-4.0)
    if is_installed():
        prepare_graph(bundle, graphs)


def _make_process(
    folder: Path, name: str, settings: str, clock: JumpedClock | None, place: SecondHost | None
) -> KeptProcess:
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
    if place is not None:  # `ip` becomes the command: the process keeps its id
        command = ["ip", "netns", "exec", place.namespace, *command]
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
def _disk(place: Path, size: str) -> Iterator[bool]:
    """A disk that can be filled without harm to anybody else; False where this user may not mount one."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@contextmanager
def _second_host() -> Iterator[SecondHost | None]:
    """A second host behind a cable; None where this user may not make one."""
    with ExitStack() as stack:
        try:
            host = stack.enter_context(second_host("chaos-second"))
            host.open_all()
        except pytest.skip.Exception:
            yield None
            return
        yield host


def tail_logs(site: Site, lines: int = 20) -> str:
    """Return the last lines of each process's log."""
    parts = []
    for path in sorted(site.folder.glob("*.log")):
        with contextlib.suppress(OSError):
            last = path.read_text("utf-8", "replace").splitlines()[-lines:]
            parts.append(f"--- {path.name}\n" + "\n".join(last))
    return "\n".join(parts)
