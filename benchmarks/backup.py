"""The time of a backup and a restore, beside the tools of the databases themselves.

    python -m benchmarks.backup [--films 10000] [--databases sqlite postgresql] [--folder DIR]

Fills a database with films as they are after screening: header, rendition, heat map, screening, report and
delivery, with the sizes that a real film (RG1 of pydicom-data) gives; pictures and reports are random bytes,
which no compression helps. Then `tbscreen backup`, `backup --verify` and `restore` run in this process, and
the peers: for SQLite its online backup API, a file to a file; for PostgreSQL `pg_dump` in custom format
without compression (with it, it takes many times as long) and `pg_restore` into an empty database. Prints
seconds and GB; the last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from benchmarks.inputs.worklist_filling import DIGEST, make_rows
from db import schema
from db.backup.table_rows import list_columns, list_tables, write_rows
from db.database import Database
from db.settings import DatabaseSettings
from dicom_gateway.dataset_header import read_header, to_json_model
from dicom_gateway.library_settings import configure_dicom_libraries
from dicom_gateway.preparation.film_preparation import prepare
from dicom_gateway.settings import GatewaySettings
from tbscreen.backup.backup_file import BackupFile
from tbscreen.backup.creation import back_up
from tbscreen.backup.restoration import restore
from tbscreen.machine import describe_machine
from tbscreen.models.default_bundle import ensure_active
from tbscreen.settings import Settings, load_settings
from tests.films import real_film
from tests.servers.database import find_postgresql, fresh_database, postgresql

REPORT_BYTES = 14_000
HEAT_CELLS = 14 * 14
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Figures:
    """Of one database. Times are seconds, sizes GB."""

    films: int
    backup_gb: float
    backup: float
    verify: float
    restore: float
    peer_backup: float
    peer_backup_gb: float
    peer_restore: float

    @property
    def ratios(self) -> dict[str, float]:
        """The time as a multiple of the peer's."""
        return {
            "backup / peer": round(self.backup / self.peer_backup, 2),
            "restore / peer": round(self.restore / self.peer_restore, 2),
        }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--films", type=int, default=10_000)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--folder", type=Path, help="where databases and backups lie for the time of the run")
    options = parser.parse_args()
    configure_dicom_libraries()
    print(describe_machine(), flush=True)
    measured = {}
    for kind in options.databases:
        with ExitStack() as stack:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=options.folder)))
            place.chmod(0o755)
            run = _run_sqlite if kind == "sqlite" else _run_postgresql
            measured[kind] = figures = run(stack, place, options.films)
        print(f"\n{kind}, {figures.films:,} films, backup of {figures.backup_gb:.2f} GB")
        for name, value in asdict(figures).items():
            print(f"  {name:16} {value:10.2f}")
        print(f"  {figures.ratios}", flush=True)
    print(json.dumps({kind: {**asdict(times), **times.ratios} for kind, times in measured.items()}))


def _run_sqlite(stack: ExitStack, place: Path, films: int) -> Figures:
    file = place / "tbscreen.sqlite3"
    settings = _settings(f"sqlite:///{file}", place)
    _fill(settings, films)
    ours = _measure(settings, place, lambda: _settings(f"sqlite:///{place / 'restored.sqlite3'}", place))
    copy = place / "copy.sqlite3"

    def online_backup(source: Path, target: Path) -> None:
        from_, to = sqlite3.connect(source), sqlite3.connect(target)
        from_.backup(to)
        to.close()
        from_.close()
        with target.open("rb") as written:
            os.fsync(written.fileno())

    peer_backup = _time(lambda: online_backup(file, copy))
    (place / "restored.sqlite3").unlink()
    peer_restore = _time(lambda: online_backup(copy, place / "restored.sqlite3"))
    return Figures(films, *ours, peer_backup, copy.stat().st_size / 1e9, peer_restore)


def _run_postgresql(stack: ExitStack, place: Path, films: int) -> Figures:
    server = stack.enter_context(postgresql())
    url = stack.enter_context(fresh_database(server))
    settings = _settings(url, place)
    _fill(settings, films)
    with fresh_database(server) as target:
        ours = _measure(settings, place, lambda: _settings(target, place))
    dump, programs = place / "peer.dump", find_postgresql()

    def run(program: str, *words: str) -> None:
        subprocess.run([programs / program, *words], check=True, capture_output=True)

    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    peer_backup = _time(lambda: run("pg_dump", "-Fc", "-Z0", "-f", str(dump), plain))
    other = stack.enter_context(fresh_database(server))
    plain = make_url(other).set(drivername="postgresql").render_as_string(hide_password=False)
    peer_restore = _time(lambda: run("pg_restore", "--single-transaction", "-d", plain, str(dump)))
    return Figures(films, *ours, peer_backup, dump.stat().st_size / 1e9, peer_restore)


def _measure(
    settings: Settings, place: Path, target: Callable[[], Settings]
) -> tuple[float, float, float, float]:
    path = place / "measured.backup"
    backup = _time(lambda: back_up(settings, path))

    def verify() -> None:
        with BackupFile(path) as opened:
            opened.verify()

    verified = _time(verify)
    restored = _time(lambda: restore(target(), path))
    size = path.stat().st_size / 1e9
    path.unlink()
    return size, backup, verified, restored


def _time(work: Callable[[], object]) -> float:
    os.sync()
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _settings(url: str, place: Path) -> Settings:
    return load_settings(database_url=url, data_directory=place / "data")


def _fill(settings: Settings, films: int) -> None:
    database = Database.open(DatabaseSettings(url=settings.resolve_database_url()))
    schema.upgrade(database)
    ensure_active(database)
    rendition = len(prepare(real_film(), "", GatewaySettings(image_guard=False)).rendition)
    header = json.dumps(to_json_model(read_header(real_film()).dataset))
    print(
        f"a film: rendition {rendition:,} bytes, header {len(header):,}, report {REPORT_BYTES:,}", flush=True
    )
    model = {
        "digest": DIGEST,
        "name": "m",
        "version": "1",
        "trained": True,
        "normalization_version": "n",
        "manifest": "{}",
        "registered_at": EPOCH,
    }
    with database.engine.begin() as connection:
        tables = {table.name: table for table in list_tables(schema.reflect(schema.newest_revision()))}

        def write(name: str, rows: Iterator[dict[str, Any]]) -> None:
            columns = list_columns(tables[name])
            values = (tuple(row.get(column, _default(column)) for column in columns) for row in rows)
            write_rows(connection, tables[name], values)

        write("models", iter([model]))
        for studies, instances, screenings, keys in make_rows(0, films):
            write("studies", iter(studies))
            write("study_keys", iter(keys))
            write("instances", ({**row, "header": header, "doubts": "[]"} for row in instances))
            write("renditions", _pictures(instances, rendition))
            write("screenings", iter(screenings))
            write("heat_maps", _heat_maps(screenings))
            write("report_objects", _reports(screenings))
            write("deliveries", _deliveries(screenings))
    database.close()


def _default(column: str) -> Any:
    return False if column in ("urgent", "active", "shadow") else None


def _pictures(instances: list[dict[str, Any]], size: int) -> Iterator[dict[str, Any]]:
    for row in instances:
        yield {"instance_id": row["id"], "jpeg": random.randbytes(size)}


def _heat_maps(screenings: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in screenings:
        cells = random.randbytes(HEAT_CELLS)
        yield {"screening_id": row["id"], "rows": 14, "columns": 14, "margin": 1 / 16, "cells": cells}


def _reports(screenings: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in screenings:
        yield {
            "sop_instance_uid": f"2.25.9{row['id']}",
            "screening_id": row["id"],
            "sop_class_uid": "1.2.840.10008.5.1.4.1.1.88.34",
            "kind": "sr",
            "created_at": row["finished_at"],
            "part10": random.randbytes(REPORT_BYTES),
        }


def _deliveries(screenings: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in screenings:
        yield {
            "id": row["id"],
            "sop_instance_uid": f"2.25.9{row['id']}",
            "peer": "pacs",
            "state": "delivered",
            "attempts": 1,
            "due_at": row["finished_at"],
            "created_at": row["finished_at"],
            "delivered_at": row["finished_at"],
        }


if __name__ == "__main__":
    main()
