"""The whole service on one machine: Redis, gateway, worker, courier and page under one supervisor."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from db import schema
from db.accounts import users
from db.database import Database
from db.models.bundles import RegisteredModel
from tbscreen.models.default_bundle import ensure_active
from tbscreen.processes.port_check import check_ports
from tbscreen.processes.private_redis import build_command
from tbscreen.processes.supervisor import ProcessSpec, Supervisor, child_environment
from tbscreen.settings import FILE_VARIABLE, Settings, find_file


@dataclass(frozen=True)
class Service:
    """A running service."""

    ae_title: str
    dicom_port: int
    page: str
    users: int
    """Number of users that could log in to the page at start."""
    model: RegisteredModel
    supervisor: Supervisor

    def watch(self, ending: threading.Event) -> None:
        """Look after the processes until `ending` is set."""
        while not ending.wait(0.5):
            self.supervisor.watch()


def migrate(settings: Settings) -> RegisteredModel:
    """Bring the database to the newest migration and make sure that a bundle is active."""
    with closing(Database.open(settings.database_settings())) as database:
        schema.upgrade(database)
        return ensure_active(database)


def _count_users(settings: Settings) -> int:
    with closing(Database.open(settings.database_settings())) as database, database.read() as session:
        return users.count(session)


@contextmanager
def running(
    settings: Settings, progress: Callable[[str], None], output: IO[bytes] | None = None
) -> Iterator[Service]:
    """Run the service inside the block.

    Args:
        settings: checked.
        progress: told what is being started.
        output: where the processes log; by default to where this one does.

    Raises:
        PermanentError: when something does not start.
    """
    directory = settings.data_directory.resolve()
    supervisor = Supervisor(directory / "run", _pass_on(settings), output)
    try:
        check_ports(settings)
        progress("database")
        model = migrate(settings)
        if settings.broker_url is None:
            progress("Redis")
            supervisor.start(_redis_spec(settings))
        progress("worker, gateway, courier, web")
        announced = supervisor.start_together(
            # The slowest first: a worker loads TensorFlow.
            [_process_spec(name, directory) for name in ("worker", "gateway", "courier", "web")]
        )
        yield Service(
            users=_count_users(settings),
            ae_title=settings.gateway.ae_title,
            dicom_port=int(announced["gateway"]),
            page=f"{settings.web.scheme}://{_bracket(settings.web.host)}:{announced['web']}/",
            model=model,
            supervisor=supervisor,
        )
    finally:
        supervisor.stop()


def _pass_on(settings: Settings) -> dict[str, str]:
    """The processes read the same file and environment; only the data directory is pinned down."""
    environment = child_environment()
    environment["TBSCREEN_DATA_DIRECTORY"] = str(settings.data_directory.resolve())
    file = find_file()
    if file is not None:
        environment[FILE_VARIABLE] = str(file.resolve())
    return environment


def _bracket(host: str) -> str:
    """Return a host as a URL writes it: an IPv6 address in brackets (RFC 3986 3.2.2)."""
    return f"[{host}]" if ":" in host else host


def _process_spec(name: str, directory: Path) -> ProcessSpec:
    ready_file = directory / "run" / f"{name}.ready"

    def is_ready() -> str | None:
        return ready_file.read_text("utf-8") if ready_file.exists() else None

    command = [sys.executable, "-m", "tbscreen", name, "--ready-file", str(ready_file)]
    return ProcessSpec(name, command, is_ready, ready_file)


def _redis_spec(settings: Settings) -> ProcessSpec:
    socket = settings.private_redis_socket()

    def is_ready() -> str | None:
        try:
            # redis-py would try again for seconds; the supervisor asks again itself.
            with Redis(unix_socket_path=str(socket), retry=Retry(NoBackoff(), 0)) as client:
                return "ready" if client.ping() else None
        except (RedisError, OSError):
            return None

    command = build_command(socket)
    if socket.exists():
        socket.unlink()
    return ProcessSpec("redis", command, is_ready)
