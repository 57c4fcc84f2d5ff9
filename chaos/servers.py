"""PostgreSQL, Redis and Orthanc, made so that they come back with what they had."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.error
from pathlib import Path
from typing import Final

import psycopg
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from chaos.kept_process import KeptProcess
from tests.servers.database import SETTINGS, find_postgresql, unprivileged_identity
from tests.servers.pacs import Orthanc, dicomweb_plugin, need, orthanc_settings
from tests.servers.ports import free_port

HERE: Final = "127.0.0.1"


def make_postgresql(folder: Path, address: str = HERE) -> tuple[KeptProcess, str]:
    """Make a PostgreSQL server that keeps every committed transaction; returns it and its SQLAlchemy URL.

    Args:
        folder: of its files; empty.
        address: where it listens, beside 127.0.0.1.
    """
    programs, identity, port = find_postgresql(), unprivileged_identity(), free_port()
    folder.mkdir(exist_ok=True)
    if identity:
        os.chown(folder, identity["user"], identity["group"])
    initdb = [str(programs / "initdb"), "--pgdata", str(folder / "data"), "--username", "tbscreen"]
    initdb += ["--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"]
    subprocess.run(initdb, cwd=folder, check=True, capture_output=True, timeout=120, **identity)
    # fsync may stay off: a process is killed, not the machine. A commit that is not written would be lost.
    settings = {**SETTINGS, "synchronous_commit": "on", "max_wal_size": "128MB", "min_wal_size": "32MB"}
    if address != HERE:
        settings["listen_addresses"] = f"{HERE},{address}"
        with (folder / "data" / "pg_hba.conf").open("a", encoding="utf-8") as file:
            file.write("host all all 198.18.0.0/15 trust\n")
    command = [str(programs / "postgres"), "-D", str(folder / "data"), "-p", str(port)]
    command += [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    plain = f"postgresql://tbscreen@127.0.0.1:{port}/postgres"

    def answers() -> bool:
        try:
            psycopg.connect(plain, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    # SIGQUIT is PostgreSQL's immediate shutdown.
    process = KeptProcess(
        "postgresql",
        command,
        folder.parent / "postgresql.log",
        answers,
        identity=identity,
        stop_signal=signal.SIGQUIT,
    )
    return process, plain.replace("postgresql://", "postgresql+psycopg://").replace(HERE, address)


def make_redis(folder: Path, address: str = HERE) -> tuple[KeptProcess, str]:
    """Make a Redis that forgets everything when it dies; returns it and its URL at `address`."""
    folder.mkdir()
    port = free_port()
    command = [need("redis-server", "redis-server"), "--port", str(port), "--protected-mode", "no"]
    command += ["--bind", HERE, *([] if address == HERE else [address])]
    command += ["--dir", str(folder), "--save", "", "--appendonly", "no"]

    def answers() -> bool:
        try:
            with Redis(host="127.0.0.1", port=port, retry=Retry(NoBackoff(), 0)) as client:
                return bool(client.ping())
        except (RedisError, OSError):
            return False

    process = KeptProcess("redis", command, folder.parent / "redis.log", answers)
    return process, f"redis://{address}:{port}/0"


def make_orthanc(folder: Path, *, by_web: bool = False) -> tuple[KeptProcess, Orthanc]:
    """Make an Orthanc that keeps what it has stored; with `by_web` it has the DICOMweb plugin.

    The process has the name of the folder.
    """
    program = need("Orthanc", "orthanc")
    server = Orthanc("ORTHANC", free_port(), free_port())
    folder.mkdir()
    file = folder / "orthanc.json"
    plugin = dicomweb_plugin() if by_web else {}
    file.write_text(json.dumps(orthanc_settings(server, folder) | plugin))

    def answers() -> bool:
        try:
            return bool(server.get("/system"))
        except (urllib.error.URLError, OSError):
            return False

    log = folder.parent / f"{folder.name}.log"
    return KeptProcess(folder.name, [program, str(file)], log, answers), server
