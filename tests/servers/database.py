"""A real PostgreSQL server."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from tests.servers.missing import find_program, skip_or_fail
from tests.servers.ports import free_port, wait_until

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "timezone": "Asia/Kolkata",  # nobody may rely on a server that happens to run in UTC
}


def find_postgresql() -> Path:
    """Return the folder of the newest PostgreSQL's programs, or skip the test."""
    versions = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True
    )
    found = find_program("initdb", folders=tuple(versions))
    if found is None:
        skip_or_fail("PostgreSQL is not installed (Debian package postgresql)")
    return Path(found).resolve().parent


@contextmanager
def postgresql(
    kept_in: Path | None = None,
    address: str = "127.0.0.1",
    password: str | None = None,
    changes: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Run a PostgreSQL server inside the block.

    Args:
        kept_in: the folder of its files, which stay; by default one that goes with the block.
        address: where it listens, for other hosts too.
        password: what it wants of everybody; by default it trusts whoever comes from this machine.
        changes: of its settings, for who measures: those here are for tests and keep nothing.

    Yields:
        The SQLAlchemy URL of its database `postgres`; `fresh_database` makes others beside it.
    """
    programs = find_postgresql()
    identity = unprivileged_identity()
    with tempfile.TemporaryDirectory(prefix="tbscreen-postgresql-") as folder:
        place = kept_in or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        if identity:
            os.chown(place, identity["user"], identity["group"])
        data, log = place / "data", place / "log.txt"
        if not data.exists():
            initdb = [str(programs / "initdb"), "--pgdata", str(data), "--username", "tbscreen"]
            initdb += ["--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"]
            made = subprocess.run(
                initdb, cwd=place, capture_output=True, text=True, check=False, timeout=120, **identity
            )
            assert made.returncode == 0, made.stdout + made.stderr
        port = free_port()
        if password is not None:
            (data / "pg_hba.conf").write_text("host all all all scram-sha-256\n", "utf-8")
            _set_password(programs, data, password, identity)
        command = [str(programs / "postgres"), "-D", str(data), "-p", str(port)]
        settings = SETTINGS | {"listen_addresses": address} | dict(changes or {})
        command += [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        with log.open("wb") as output:
            process = subprocess.Popen(command, cwd=place, stdout=output, stderr=output, **identity)
        try:
            user = "tbscreen" if password is None else f"tbscreen:{password}"
            url = f"postgresql+psycopg://{user}@{address}:{port}/postgres"

            def answers() -> bool:
                assert process.poll() is None, log.read_text()
                try:
                    psycopg.connect(_plain(url), connect_timeout=2).close()
                except psycopg.OperationalError:
                    return False
                return True

            wait_until(answers, 60, "PostgreSQL answers")
            yield url
        finally:
            # "Immediate shutdown" where nothing is worth a checkpoint.
            process.send_signal(signal.SIGQUIT if kept_in is None else signal.SIGINT)
            process.wait(timeout=30 if kept_in is None else 300)


def _set_password(programs: Path, data: Path, password: str, identity: dict[str, Any]) -> None:
    """Before the server runs: nobody could log in to do it afterwards."""
    command = [str(programs / "postgres"), "--single", "-D", str(data), "postgres"]
    said = f"ALTER ROLE tbscreen PASSWORD '{password}'\n"
    done = subprocess.run(
        command, cwd=data, input=said, capture_output=True, text=True, check=False, timeout=60, **identity
    )
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr, done.stderr


@contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """Make a database without tables on a running server for the block; yields its SQLAlchemy URL."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(_plain(server_url), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
        try:
            yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def empty_tables(url: str, tables: Sequence[str]) -> None:
    """Empty the tables of a database, after ending whoever is still connected to it.

    Much faster than a database of its own for each test.

    Args:
        url: SQLAlchemy URL.
        tables: those that refer to others before those that they refer to.
    """
    with psycopg.connect(_plain(url)) as connection:
        statements = [
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
            *(f'DELETE FROM "{table}"' for table in tables),
            "SELECT setval(seqrelid::regclass, 1, false) FROM pg_sequence",
        ]
        connection.execute(";".join(statements).encode())


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


def unprivileged_identity() -> dict[str, Any]:  # noqa: RET503  skip_or_fail does not return
    """PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    skip_or_fail("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
