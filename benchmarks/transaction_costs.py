"""The duration of the transactions of one film in each stage, on PostgreSQL and on SQLite.

    python -m benchmarks.transaction_costs [--write]

One process writes films by the functions that the stages use, one after the other, into databases that are as
durable as in a hospital. `wall` is how long a transaction is open: on SQLite nobody else writes meanwhile.
`cpu` is what of it this process computes; the rest is the server, the disk and the way. Milliseconds a film,
and statements a film; the last line is one JSON object.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.orm import Session

from benchmarks.capacity.measured import write_measured
from benchmarks.commit_rate import DURABLE
from benchmarks.inputs.full_size_films import make_films
from db import schema
from db.database import Database
from db.delivery import deliveries, outbox, report_objects
from db.films import films, receptions, screenings
from db.settings import DatabaseSettings
from dicom_gateway.dataset_header import read_header, to_json_model
from dicom_gateway.library_settings import configure_dicom_libraries
from domain.array.normalization import SPEC
from tbscreen.machine import describe_machine
from tests.servers.database import fresh_database, postgresql
from tests.unit import rows

FILMS: Final = 200
RENDITION_BYTES: Final = 140_000
REPORT_BYTES: Final = 4_500
LEASE: Final = timedelta(minutes=5)
REPORTS_AT_ONCE: Final = 4


class Clock:
    """Adds up how long transactions last.

    Args:
        database: in which they are made.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.wall_s: Counter[str] = Counter()
        self.cpu_s: Counter[str] = Counter()

    @contextmanager
    def write(self, stage: str) -> Iterator[Session]:
        """Write in one transaction of a stage."""
        wall, cpu = time.perf_counter(), time.thread_time()
        with self.database.write() as session:
            yield session
        self.wall_s[stage] += time.perf_counter() - wall
        self.cpu_s[stage] += time.thread_time() - cpu


def write_films(clock: Clock, header: dict[str, Any], first: int, count: int) -> None:
    """Bring films from their reception to their delivery, in transactions alone."""
    for number in range(first, first + count):
        film = rows.make_film(f"1.2.3.{number}", study=f"1.2.{number}", header=header)
        with clock.write("reception") as session:
            receptions.record_reception(session, film)
        with clock.write("handing_over") as session:
            leased = films.lease_due(session, rows.GATEWAY, LEASE, limit=1, urgent=True)
        with clock.write("handing_over") as session:
            (leased,) = films.lease_due(session, rows.GATEWAY, LEASE, limit=1)
        with clock.write("handing_over") as session:
            films.record_preparation(session, leased.instance_id, b"\xff" * RENDITION_BYTES, ())
            films.pin_bundle(session, leased.instance_id, SPEC.version)
            films.mark_queued(session, leased.instance_id, LEASE)
        with clock.write("worker") as session:
            screenings.begin_attempt(session, leased.instance_id)
        with clock.write("worker") as session:
            screenings.record_result(session, rows.make_result(leased.instance_id))
    for _ in range(count // REPORTS_AT_ONCE):
        _report_some(clock)


def _report_some(clock: Clock) -> None:
    with clock.write("courier") as session:
        due = outbox.lease(session, LEASE, REPORTS_AT_ONCE)
    for screening in due:
        report = report_objects.BuiltReport(
            f"2.25.{screening.screening_id}", "1.2.840.10008.5.1.4.1.1.88.34", "sr", b"x" * REPORT_BYTES
        )
        with clock.write("courier") as session:
            report_objects.store(session, report, ["pacs"], screening_id=screening.screening_id)
            outbox.close(session, screening.outbox_id)
    with clock.write("courier") as session:
        sent = deliveries.lease_due(session, LEASE, REPORTS_AT_ONCE, "pacs")
    for delivery in sent:
        with clock.write("courier") as session:
            deliveries.mark_delivered(session, delivery.delivery_id)


def measure() -> dict[str, tuple[float, str]]:
    """Return the figures of both databases."""
    figures: dict[str, tuple[float, str]] = {}
    with tempfile.TemporaryDirectory(prefix="tbscreen-transactions-") as name:
        film = make_films(Path(name), 1, 64, 64)[0]
        header = json.loads(json.dumps(to_json_model(read_header(film).dataset)))
        with postgresql(changes=DURABLE) as server, fresh_database(server) as url:
            figures |= _measure("postgresql", url, header)
        figures |= _measure("sqlite", f"sqlite:///{name}/trial.sqlite3", header)
    return figures


def _measure(kind: str, url: str, header: dict[str, Any]) -> dict[str, tuple[float, str]]:
    database = Database.open(DatabaseSettings(url=url))
    try:
        schema.upgrade(database)
        rows.register_model(database)
        write_films(Clock(database), header, 0, 20)  # what is compiled and planned the first time
        clock = Clock(database)
        statements = itertools.count()
        event.listen(database.engine, "before_cursor_execute", lambda *_: next(statements))
        write_films(clock, header, 20, FILMS)
    finally:
        database.close()
    return {f"statements.{kind}": (next(statements) / FILMS, "statements/film")} | {
        f"transaction_ms.{kind}.{stage}.{what}": (1000 * seconds[stage] / FILMS, "ms/film")
        for what, seconds in (("wall", clock.wall_s), ("cpu", clock.cpu_s))
        for stage in clock.wall_s
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="keep the figures (capacity/measured.json)")
    options = parser.parse_args()
    configure_dicom_libraries()
    machine = describe_machine()
    print(machine)
    figures = measure()
    if options.write:
        write_measured(machine, figures, "python -m benchmarks.transaction_costs --write")
    for name, (value, unit) in sorted(figures.items()):
        print(f"{name:45} {value:8.2f} {unit}")
    print(json.dumps({name: round(value, 3) for name, (value, _) in sorted(figures.items())}))


if __name__ == "__main__":
    main()
