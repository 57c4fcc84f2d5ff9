"""The cost of one film in each stage: processor time, transactions, bytes.

    python -m benchmarks.stage_costs [--sizes full small] [--films 60 200] [--write]

A whole installation of real processes screens films and reports them, on PostgreSQL and on SQLite, both as
durable as in a hospital; what their processes used is divided by the films. `full` is 2500×2048, `small`
512×512, both 16 bit. `--write` keeps the figures in `capacity/measured.json`, from which capacity, sizing
table and docs are computed. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import msgpack
import numpy as np
import psutil
import psycopg
from pynetdicom import _config

from benchmarks.capacity.commit_rate import DURABLE, measure_postgresql, measure_sqlite
from benchmarks.capacity.measured import STAGES, write_measured
from benchmarks.capacity.process_costs import measure_cpu_s, measure_resident_bytes
from benchmarks.inputs.full_size_films import make_films
from benchmarks.load_run.load_course import UID_BYTES, Course
from domain.array.normalization import SPEC
from domain.screening_request import ScreeningRequest
from tbscreen.demo.trial import Trial, trial
from tbscreen.machine import describe_machine
from tests.servers.database import fresh_database, postgresql

SIDES: Final = {"full": (2500, 2048), "small": (512, 512)}
ASSOCIATIONS: Final = 2
WARM_UP: Final = 10
TIMEOUT_S: Final = 600.0

Figures = dict[str, tuple[float, str]]


class Server:
    """A PostgreSQL server's own books.

    Args:
        url: SQLAlchemy URL of a database.
    """

    def __init__(self, url: str) -> None:
        self.url = url.replace("postgresql+psycopg://", "postgresql://")
        with psycopg.connect(self.url) as connection:
            self.pid = _find_postmaster(connection.info.backend_pid)

    def read(self) -> dict[str, float]:
        """Return transactions that wrote, bytes of the log, and bytes of the database, so far."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
            row = connection.execute(
                "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint, "
                "pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0'), pg_database_size(current_database())"
            ).fetchone()
            tables = connection.execute(
                "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r' "
                "AND relnamespace = 'public'::regnamespace"
            ).fetchall()
        assert row is not None
        books = {"transactions": float(row[0]), "wal_bytes": float(row[1]), "database_bytes": float(row[2])}
        return books | {f"table_bytes.{name}": float(size) for name, size in tables}


def _find_postmaster(backend: int) -> int:
    parent = psutil.Process(backend).parent()
    assert parent is not None
    return int(parent.pid)


@contextlib.contextmanager
def _database(kind: str) -> Iterator[str]:
    if kind == "sqlite":
        yield ""
    else:
        with postgresql(changes=DURABLE) as server, fresh_database(server) as url:
            yield url


def send_all(course: Course, count: int) -> None:
    """Send so many films and wait until each is reported."""
    before = len(course.installation.pacs.received)

    def send_share() -> None:
        association = course.associate()
        for _ in range(count // ASSOCIATIONS):
            assert course.send(association) is not None, "a film was not taken"
        association.release()

    with ThreadPoolExecutor(ASSOCIATIONS) as pool:
        for share in [pool.submit(send_share) for _ in range(ASSOCIATIONS)]:
            share.result()
    expected = before + count // ASSOCIATIONS * ASSOCIATIONS
    if not course.installation.pacs.wait_for(expected, TIMEOUT_S):
        raise SystemExit(f"only {len(course.installation.pacs.received)} of {expected} reports came back")


def _measure_sqlite_bytes(installation: Trial) -> float:
    file = installation.directory / "data" / "tbscreen.sqlite3"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return float(file.stat().st_size)


def measure(kind: str, size: str, count: int) -> Figures:
    """Screen so many films of a size over one kind of database; returns the figures of one film."""
    with tempfile.TemporaryDirectory(prefix="tbscreen-costs-") as name, _database(kind) as url:
        source = make_films(Path(name) / "source", 1, *SIDES[size], uid_length=UID_BYTES)[0]
        top_level = f'database_url = "{url}"' if url else ""
        with trial(top_level=top_level, gateway="listener_processes = 2") as installation:
            server = Server(url) if url else None
            postmaster = server.pid if server else None
            course = Course(installation, source, Path(name))
            send_all(course, WARM_UP)
            books = server.read() if server else {"database_bytes": _measure_sqlite_bytes(installation)}
            before = measure_cpu_s(installation, postmaster)
            began = time.monotonic()
            send_all(course, count)
            seconds = time.monotonic() - began
            used = measure_cpu_s(installation, postmaster)
            resident = measure_resident_bytes(installation, postmaster)
            after = server.read() if server else {"database_bytes": _measure_sqlite_bytes(installation)}
        film_bytes = source.stat().st_size
    print(f"{kind}, {size}: {count} films in {seconds:.1f} s")
    each = {part: 1000 * (used[part] - before[part]) / count for part in used}
    spent = {name: (value - books.get(name, 0)) / count for name, value in after.items()}
    return _name_figures(kind, size, each, spent, resident, film_bytes)


def _name_figures(
    kind: str,
    size: str,
    cpu_ms: dict[str, float],
    spent: dict[str, float],
    resident: dict[str, int],
    film_bytes: int,
) -> Figures:
    figures: Figures = {f"film_bytes.{size}": (film_bytes, "bytes")}
    figures[f"{kind}.{size}.database_bytes"] = (spent.pop("database_bytes"), "bytes/film")
    if kind == "sqlite":
        for part in STAGES:
            figures[f"sqlite.{size}.cpu_ms.{part}"] = (cpu_ms[part], "ms/film")
        return figures
    for part, value in cpu_ms.items():
        figures[f"cpu_ms.{size}.{part}"] = (value, "ms/film")
    figures[f"postgresql.{size}.transactions"] = (spent.pop("transactions"), "transactions/film")
    for name, value in spent.items():
        if value > 0:
            figures[f"postgresql.{size}.{name}"] = (value, "bytes/film")
    for part, value in resident.items():
        figures[f"resident_mib.{size}.{part}"] = (value / 2**20, "MiB, largest process")
    return figures


def measure_message_bytes() -> float:
    """Return the bytes of the message that carries one film's array."""
    array = np.zeros((SPEC.rows, SPEC.columns), np.float32)
    request = ScreeningRequest(1, "0" * 64, SPEC.version, array)
    return float(len(msgpack.packb(request.to_message())))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=["full", "small"], choices=list(SIDES))
    parser.add_argument("--films", type=int, nargs="+", default=[60, 200], help="for each size")
    parser.add_argument("--databases", nargs="+", default=["postgresql", "sqlite"])
    parser.add_argument("--no-commits", action="store_true", help="leave out how many commits a disk takes")
    parser.add_argument("--write", action="store_true", help="keep the figures (capacity/measured.json)")
    options = parser.parse_args()
    machine = describe_machine()
    print(machine)
    _config.STORE_SEND_CHUNKED_DATASET = True
    figures: Figures = {"message_bytes": (measure_message_bytes(), "bytes/film")}
    for size, count in zip(options.sizes, options.films, strict=False):
        for kind in options.databases:
            figures |= measure(kind, size, count)
    if not options.no_commits:
        figures |= measure_postgresql() | measure_sqlite()
    for name, (value, unit) in sorted(figures.items()):
        print(f"{name:45} {value:12.4g} {unit}")
    if options.write:
        write_measured(machine, figures, "python -m benchmarks.stage_costs --write")
    summary: dict[str, Any] = {name: float(f"{value:.4g}") for name, (value, _) in sorted(figures.items())}
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
