"""Durable transactions a second of PostgreSQL and SQLite on this disk.

    python -m benchmarks.capacity.commit_rate

PostgreSQL by its own pgbench with 1, 4 and 16 clients (they share the disk's syncs), SQLite as tbscreen opens
it, one writer at a time. A transaction writes one row of 1,000 bytes. The last line is one JSON object.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final

import psycopg
from sqlalchemy import text

from db.database import Database
from db.settings import DatabaseSettings
from tests.servers.database import find_postgresql, fresh_database, postgresql

DURABLE: Final = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
}
"""A PostgreSQL server that keeps what it has answered for."""

SECONDS: Final = 5
CLIENTS: Final = (1, 4, 16)
SYNCS: Final = 200


def measure_postgresql() -> dict[str, tuple[float, str]]:
    """Return transactions a second by number of clients."""
    rates: dict[str, tuple[float, str]] = {}
    pgbench = find_postgresql() / "pgbench"
    with (
        postgresql(changes=DURABLE) as server,
        fresh_database(server) as url,
        tempfile.NamedTemporaryFile("w") as script,
    ):
        plain = url.replace("postgresql+psycopg://", "postgresql://")
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute("CREATE TABLE trial (id bigserial PRIMARY KEY, content text)")
        script.write("INSERT INTO trial (content) VALUES (repeat('x', 1000));")
        script.flush()
        for clients in CLIENTS:
            words = [str(pgbench), "-n", "-f", script.name, "-c", str(clients), "-T", str(SECONDS), plain]
            run = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
            found = re.search(r"tps = ([0-9.]+)", run.stdout)
            assert found is not None, run.stdout
            rates[f"commits_per_s.postgresql.{clients}_clients"] = (float(found[1]), "transactions/s")
    return rates


def measure_sqlite() -> dict[str, tuple[float, str]]:
    """Return transactions a second of one writer, and syncs a second of this disk's files."""
    with tempfile.TemporaryDirectory(prefix="tbscreen-commits-") as name:
        database = Database.open(DatabaseSettings(url=f"sqlite:///{name}/trial.sqlite3"))
        with database.write() as session:
            session.execute(text("CREATE TABLE trial (id INTEGER PRIMARY KEY, content TEXT)"))
        count, began = 0, time.monotonic()
        while time.monotonic() - began < SECONDS:
            with database.write() as session:
                session.execute(text("INSERT INTO trial (content) VALUES (:it)"), {"it": "x" * 1000})
            count += 1
        rate = count / (time.monotonic() - began)
        database.close()
        syncs = _measure_syncs(Path(name))
    return {
        "commits_per_s.sqlite": (rate, "transactions/s"),
        "syncs_per_s.new_files": (syncs, "files of 10 MB written and synced, per s"),
    }


def _measure_syncs(folder: Path) -> float:
    content = os.urandom(10_000_000)
    began = time.monotonic()
    for number in range(SYNCS // 10):
        with (folder / str(number)).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    return (SYNCS // 10) / (time.monotonic() - began)


def main() -> None:
    """Run the benchmark."""
    rates = measure_postgresql() | measure_sqlite()
    for name, (value, unit) in rates.items():
        print(f"{name:45} {value:10.1f} {unit}")
    print(json.dumps({name: round(value, 1) for name, (value, _) in rates.items()}))


if __name__ == "__main__":
    main()
