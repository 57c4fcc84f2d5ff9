"""A made-up quarter of three stations, for pictures of reports that show no patient.

`python -m tests.unit.reports.example FOLDER` writes FOLDER/example.html and .pdf.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

from db import schema
from db.counts.report_counts import Grouping
from db.database import Database
from db.settings import DatabaseSettings
from db.states import DeliveryState
from reports.composition import Request, compose_report
from reports.figures import Report
from reports.html_form import render_html
from reports.pdf_form import render_pdf
from reports.period import Period
from reports.settings import ReportSettings
from tests.unit.reports.small_database import Film, fill

STATIONS = (
    ("North Clinic", "NORTH-CR1", 0.4),
    ("Lake Hospital", "LAKE-DX2", 0.3),
    ("Mobile Unit", "VAN-1", 0.3),
)
REFUSALS = ("not_frontal", "not_frontal", "under_age", "not_chest", "undecodable")
FIRST, DAYS, FILMS = date(2026, 1, 1), 181, 3600
PERIOD = Period(date(2026, 4, 1), date(2026, 6, 30))


def make_films(seed: int = 3) -> list[Film]:
    """Return half a year of films; the van's panel grows brighter in June."""
    draw = np.random.default_rng(seed)
    return [_make_film(draw, number) for number in range(FILMS)]


def _make_film(draw: np.random.Generator, number: int) -> Film:
    day = FIRST + timedelta(days=int(number * DAYS / FILMS))
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(
        minutes=int(draw.integers(360, 1020))
    )
    received = moment.strftime("%Y-%m-%d %H:%M")
    institution, station, _ = STATIONS[draw.choice(3, p=[row[2] for row in STATIONS])]
    place = {"station": station, "institution": institution, "sender": station.split("-")[0]}
    if draw.random() < 0.06:
        return Film(received, refusal=str(draw.choice(REFUSALS)), **place)  # type: ignore[arg-type]
    ill = draw.random() < 0.08
    drifting = station == "VAN-1" and day.month == 6
    score = float(draw.beta(5, 2.0) if ill else draw.beta(1.1 + 0.8 * drifting, 6))
    read = draw.random() < (0.85 if score > 0.4 else 0.25)
    verdict = None if not read else "unsure" if draw.random() < 0.04 else "tb" if ill else "not_tb"
    fate = draw.random()
    states = [
        DeliveryState.DELIVERED
        if fate < 0.985
        else DeliveryState.PARKED
        if fate < 0.99
        else DeliveryState.PENDING
    ]
    mean = 0.46 + 0.04 * drifting
    return Film(
        received,
        score,
        verdict=verdict,
        probability=score * 0.9,
        doubt=bool(draw.random() < 0.02),
        seconds=float(4 + draw.gamma(2.0, 3.0) * (12 if draw.random() < 0.03 else 1)),
        deliveries=states,
        greys=(float(draw.normal(mean, 0.03)), float(draw.normal(0.24, 0.02)), float(draw.beta(2, 20))),
        age=int(draw.integers(16, 80)),
        **place,  # type: ignore[arg-type]
    )


def compose_example(database: Database) -> Report:
    """Fill an empty database and report its second quarter by station."""
    fill(database, make_films())
    settings = ReportSettings(organisation="Example Tuberculosis Programme", timezone="UTC")
    with database.read() as session:
        return compose_report(session, Request(PERIOD, Grouping.STATION), settings, "0.1.0")


def main(folder: Path) -> None:
    """Write the example."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        database = Database.open(DatabaseSettings(url=f"sqlite:///{place}/example.sqlite3"))
        schema.upgrade(database)
        report = compose_example(database)
        database.close()
    (folder / "example.html").write_text(render_html(report), "utf-8")
    (folder / "example.pdf").write_bytes(render_pdf(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
