"""How long one film alone takes in each stage: what it computes, and what it waits for.

    python -m benchmarks.rest_times [--write]

A whole installation gets films one at a time, each when the one before is reported. From the moments that the
database notes: reception (request to receipt), preparation (to the broker), worker (to the result). Medians,
milliseconds; the last line is one JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pynetdicom import _config
from sqlalchemy import select

from benchmarks.commit_rate import DURABLE
from benchmarks.full_size_films import make_films
from benchmarks.load import UID_BYTES, Course
from benchmarks.machine import describe_machine
from benchmarks.measured import write_measured
from benchmarks.stage_costs import SIDES
from db.tables import Instance, Screening
from tbscreen.trial import trial
from tests.servers.database import fresh_database, postgresql

FILMS: Final = 30
WARM_UP: Final = 5
TIMEOUT_S: Final = 60.0

Figures = dict[str, tuple[float, str]]


@contextlib.contextmanager
def _database(kind: str) -> Iterator[str]:
    if kind == "sqlite":
        yield ""
    else:
        with postgresql(changes=DURABLE) as server, fresh_database(server) as url:
            yield f'database_url = "{url}"'


def measure(kind: str, size: str) -> Figures:
    """Send films of a size one at a time over one kind of database."""
    with tempfile.TemporaryDirectory(prefix="tbscreen-rest-") as name, _database(kind) as top_level:
        source = make_films(Path(name) / "source", 1, *SIDES[size], uid_length=UID_BYTES)[0]
        with trial(top_level=top_level) as installation:
            course = Course(installation, source, Path(name))
            association = course.associate()
            for number in range(1, WARM_UP + FILMS + 1):
                assert course.send(association) is not None, "a service at rest takes every film"
                assert installation.pacs.wait_for(number, TIMEOUT_S), "no report came"
            association.release()
            query = (
                select(Instance.requested_at, Instance.received_at, Instance.queued_at, Screening.finished_at)
                .join(Screening, Screening.instance_id == Instance.id)
                .order_by(Instance.id)
            )
            with installation.database.read() as session:
                rows = session.execute(query).all()[WARM_UP:]
    figures: Figures = {}
    for number, stage in enumerate(("reception", "preparation", "worker")):
        seconds = statistics.median((row[number + 1] - row[number]).total_seconds() for row in rows)
        figures[f"rest_ms.{kind}.{size}.{stage}"] = (1000 * seconds, "ms/film")
    return figures


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="keep the figures in benchmarks/measured.json")
    options = parser.parse_args()
    machine = describe_machine()
    print(machine)
    _config.STORE_SEND_CHUNKED_DATASET = True
    figures: Figures = {}
    for kind in ("postgresql", "sqlite"):
        for size in SIDES:
            figures |= measure(kind, size)
    for name, (value, unit) in figures.items():
        print(f"{name:45} {value:8.2f} {unit}", flush=True)
    if options.write:
        write_measured(machine, figures, "python -m benchmarks.rest_times --write")
    print(json.dumps({name: round(value, 2) for name, (value, _) in figures.items()}))


if __name__ == "__main__":
    main()
