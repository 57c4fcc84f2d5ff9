"""Reports of a month and of a year from 1,000,000 films in SQLite and in PostgreSQL.

    python -m benchmarks.report [--databases sqlite] [--keep FOLDER]

The films, of five years, have results, reads, reports and deliveries (`benchmarks.inputs.worklist_filling`);
`--keep` uses the databases of `benchmarks.worklist --keep`. Timed is what `tbscreen report` does after its
imports: all figures, and the text or the HTML made of them. The peer is what a report cannot be quicker than:
the period's films read once. The last line is one JSON object, seconds.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final

from sqlalchemy import select

from benchmarks.worklist import open_filled
from db.counts.report_counts import is_film, stream
from db.database import Database
from db.tables import Instance, Screening
from reports.composition import Request, compose_report
from reports.html_form import render_html
from reports.period import Period, choose_period
from reports.settings import ReportSettings
from reports.text_form import render_text
from tbscreen.machine import describe_machine

PERIODS: Final = {
    "month": (date(2026, 4, 1), date(2026, 4, 30)),
    "year": (date(2025, 6, 1), date(2026, 5, 31)),
}


def measure(database: Database) -> dict[str, float]:
    """Return seconds by period and form."""
    seconds: dict[str, float] = {}
    for name, (first, last) in PERIODS.items():
        period = choose_period(first, last, "UTC")
        ways: dict[str, Callable[[], int]] = {
            "(peer) its films read once": lambda period=period: _read_films(database, period),
            "text": lambda period=period: _report(database, period, html=False),
            "html": lambda period=period: _report(database, period, html=True),
        }
        for way, work in ways.items():
            began = time.perf_counter()
            said = work()
            seconds[f"{name}, {way}"] = round(time.perf_counter() - began, 2)
            print(f"  {name}, {way:28} {seconds[f'{name}, {way}']:7.2f} s  {said:,}", flush=True)
    return seconds


def _read_films(database: Database, period: Period) -> int:
    query = select(Instance.id, Instance.state, Screening.score).outerjoin(
        Screening, Screening.instance_id == Instance.id
    )
    with database.read(frozen=True) as session:
        return sum(1 for _ in stream(session, query.where(is_film(period.to_span()))))


def _report(database: Database, period: Period, *, html: bool) -> int:
    settings = ReportSettings(timezone="UTC")
    with database.read(frozen=True) as session:
        report = compose_report(session, Request(period), settings, "0")
    return len(render_html(report) if html else render_text(report))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--databases", nargs="+", choices=["sqlite", "postgresql"], default=["sqlite", "postgresql"]
    )
    parser.add_argument("--keep", type=Path, help="leave the databases in this folder, and use them again")
    options = parser.parse_args()
    print(describe_machine())
    result: dict[str, object] = {}
    for name in options.databases:
        with (
            tempfile.TemporaryDirectory(prefix="tbscreen-report-") as folder,
            open_filled(name, options.keep or Path(folder), 1) as database,
        ):
            result[name] = measure(database)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
