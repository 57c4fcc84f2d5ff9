"""The duration of the transactions of one film in each stage, on PostgreSQL and on SQLite.

    python -m benchmarks.transaction_costs [--write]

One process writes films by the functions that the stages use, one after the other, four in each round, into
databases that are as durable as in a hospital. `wall` is how long a transaction is open: on SQLite nobody
else writes meanwhile. `cpu` is what of it this process computes; the rest is the server and the disk.
Milliseconds, statements and transactions a film; the last line is one JSON object.
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

from benchmarks.capacity.commit_rate import DURABLE
from benchmarks.capacity.measured import write_measured
from benchmarks.inputs.full_size_films import make_films
from db import schema
from db.database import Database
from db.delivery import deliveries, outbox, report_objects
from db.films import films, receptions, screenings
from db.settings import DatabaseSettings
from dicom_gateway.dataset_header import read_header, to_json_model
from dicom_gateway.delivery.report_round import BATCH
from dicom_gateway.library_settings import configure_dicom_libraries
from dicom_gateway.preparation.dispatch_round import ROUND
from domain.array.normalization import SPEC
from tbscreen.machine import describe_machine
from tests.servers.database import fresh_database, postgresql
from tests.unit import rows

FILMS: Final = 200
RENDITION_BYTES: Final = 140_000
REPORT_BYTES: Final = 4_500
LEASE: Final = timedelta(minutes=5)


class Clock:
    """Adds up how long transactions last.

    Args:
        database: in which they are made.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.wall_s: Counter[str] = Counter()
        self.cpu_s: Counter[str] = Counter()
        self.transactions = 0

    @contextmanager
    def write(self, stage: str) -> Iterator[Session]:
        """Write in one transaction of a stage."""
        wall, cpu = time.perf_counter(), time.thread_time()
        with self.database.write() as session:
            yield session
        self.transactions += 1
        self.wall_s[stage] += time.perf_counter() - wall
        self.cpu_s[stage] += time.thread_time() - cpu


def write_films(clock: Clock, header: dict[str, Any], first: int, count: int) -> None:
    """Bring films from their reception to their delivery, in transactions alone.

    Films wait everywhere, as on a busy site: a round of the gateway dispatches four and leases the next four
    in one transaction; a round of the courier reports four.
    """
    leased: list[films.DueFilm] = []
    for start in range(first, first + count + ROUND, ROUND):
        for number in range(start, min(start + ROUND, first + count)):
            film = rows.make_film(f"1.2.3.{number}", study=f"1.2.{number}", header=header)
            with clock.write("reception") as session:
                receptions.record_reception(session, film)
        dispatched = leased
        with clock.write("handing_over") as session:
            for due in dispatched:
                films.record_preparation(session, due.instance_id, b"\xff" * RENDITION_BYTES, ())
                films.pin_bundle(session, due.instance_id, SPEC.version)
                films.mark_queued(session, due.instance_id, LEASE)
            leased = films.lease_due(session, rows.GATEWAY, LEASE, ROUND, urgent=True)
            leased = leased or films.lease_due(session, rows.GATEWAY, LEASE, ROUND)
        for due in dispatched:
            with clock.write("worker") as session:
                screenings.begin_attempt(session, due.instance_id)
            with clock.write("worker") as session:
                screenings.record_result(session, rows.make_result(due.instance_id))
        if dispatched:
            _report_some(clock)


def _report_some(clock: Clock) -> None:
    with clock.write("courier") as session:
        due = outbox.lease(session, LEASE, BATCH)
    with clock.write("courier") as session:
        for screening in due:
            report = report_objects.BuiltReport(
                f"2.25.{screening.screening_id}", "1.2.840.10008.5.1.4.1.1.88.34", "sr", b"x" * REPORT_BYTES
            )
            report_objects.store(session, report, ["pacs"], screening_id=screening.screening_id)
            outbox.close(session, screening.outbox_id)
        sent = deliveries.lease_due(session, LEASE, BATCH, "pacs")
    with clock.write("courier") as session:
        deliveries.mark_delivered(session, *(delivery.delivery_id for delivery in sent))


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
    counts = {
        f"statements.{kind}": (next(statements) / FILMS, "statements/film"),
        f"transactions.{kind}": (clock.transactions / FILMS, "transactions/film"),
    }
    return counts | {
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
