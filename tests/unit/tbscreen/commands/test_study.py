"""`tbscreen study`: a simulated programme from its plan to a threshold that is signed and in use."""

from __future__ import annotations

import csv
import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit
from sqlalchemy import update

from db.database import Database
from db.tables import CalibrationStudy, Model, Study
from tests.unit.reports.small_database import RULE_IN, TRAINED, Film, fill
from tests.unit.tbscreen.conftest import Cli, assert_one_line

BEFORE, PEOPLE = 250, 700
PREVALENCE = 0.2
CALIBRATED = {"method": "platt", "slope": 1.0, "intercept": 0.0, "prevalence": 0.5}
OPTIONS = ("--prevalence", str(PREVALENCE), "--shares", "0.3,0.5,0.7,1")


@pytest.fixture
def programme(installed: Database) -> dict[str, bool]:
    """Films of January and February; returns for each accession number of February whether it has TB."""
    generator = np.random.default_rng(5)
    is_tb = generator.random(BEFORE + PEOPLE) < PREVALENCE
    scores = expit(generator.normal(np.where(is_tb, 1.5, -1.2), 1.0))
    fill(
        installed,
        [
            Film(f"2026-{1 if number < BEFORE else 2:02}-10 10:00", float(score), sex="F")
            for number, score in enumerate(scores)
        ],
    )
    with installed.write() as session:
        session.execute(update(Study).values(state="screened"))
        session.query(Model).update({"active": False})
        model = session.get_one(Model, TRAINED)
        model.active, model.manifest = True, {**model.manifest, "calibration": CALIBRATED}
    return {f"ACC{number + 1}": bool(is_tb[number]) for number in range(BEFORE, BEFORE + PEOPLE)}


def begin_in_february(database: Database) -> None:
    with database.write() as session:
        session.execute(update(CalibrationStudy).values(started_at=datetime(2026, 2, 1, tzinfo=UTC)))


def test_from_plan_to_a_signed_threshold(
    quick_cli: Cli, installed: Database, programme: dict[str, bool]
) -> None:
    planned = quick_cli("study", "plan", *OPTIONS, "--from", "2026-01-01")
    assert planned.returncode == 0, planned.stderr
    assert "Score bands" in planned.stdout
    assert "no study yet" in quick_cli("study", "list").stdout
    started = quick_cli("study", "start", "north", *OPTIONS, "--from", "2026-01-01")
    assert started.returncode == 0, started.stderr
    assert_one_line(quick_cli("study", "start", "south", *OPTIONS, "--from", "2026-01-01"), "close it first")
    begin_in_february(installed)

    status = json.loads(quick_cli("study", "status", "--json").stdout)
    assert sum(band["people"] for band in status["bands"]) == PEOPLE
    assert "secret" not in status
    assert_one_line(quick_cli("study", "analyse"), "nobody who was drawn has a result yet")
    assert quick_cli("study", "tests", "--csv", "tests.csv").returncode == 0
    assert stat.S_IMODE(Path("tests.csv").stat().st_mode) == 0o600
    with Path("tests.csv").open(encoding="utf-8", newline="") as file:
        drawn = [row["accession_number"] for row in csv.DictReader(file)]
    assert len(drawn) == sum(band["drawn"] for band in status["bands"])
    assert "0." not in quick_cli("study", "tests").stdout, "no scores"

    lines = [
        f"{accession},2026-02-11,ultra,{'positive' if programme[accession] else 'negative'}"
        for accession in drawn[:-3]
    ]
    Path("lab.csv").write_text("\n".join(["accession_number,specimen_date,method,result", *lines]), "utf-8")
    assert f"linked: {len(lines)}" in quick_cli("results", "import", "lab.csv").stdout
    assert len(quick_cli("study", "tests").stdout.splitlines()) == 1 + 3
    progress = " ".join(quick_cli("study", "status").stdout.split())
    assert f"{len(drawn)} drawn for a test, {len(lines)} of them with a result" in progress

    analysed = quick_cli("study", "analyse", "--sensitivity", "0.85", "--html", "study.html", "--json")
    assert analysed.returncode == 0, analysed.stderr
    analysis = json.loads(analysed.stdout)
    chosen = analysis["recommended"]
    assert chosen["cross_fitted"]["sensitivity"]["value"] > 0.8
    assert "Calibration study" in Path("study.html").read_text("utf-8")

    closed = quick_cli(
        "study", "close", "--sensitivity", "0.85", "--by-group", "--reason", "all results are in"
    )
    assert closed.returncode == 0, closed.stderr
    assert "not a medical device" in closed.stdout
    assert "THRESHOLDS BY AGE AND SEX" in closed.stdout
    assert "closed" in quick_cli("study", "list").stdout
    shown = quick_cli("calibrate", "show", "1")
    assert "of the calibration study north" in shown.stdout
    assert quick_cli("calibrate", "activate", "1").returncode == 0
    points = {
        point["name"]: point["threshold"]
        for point in json.loads(quick_cli("calibrate", "show", "1", "--json").stdout)["record"][
            "operating_points"
        ]
    }
    assert [line.split()[0] for line in quick_cli("calibrate", "list").stdout.splitlines()] == ["1"]
    cell = quick_cli("calibrate", "show", "2")
    assert "positive from" in cell.stdout, cell.stderr
    assert_one_line(quick_cli("calibrate", "activate", "2"), "activate the table that it is a part of")
    assert points["screening"] == chosen["threshold"]
    assert points["rule_in"] == RULE_IN
    assert len(points) == 3
    assert_one_line(quick_cli("study", "close"), "was closed on")


def test_a_study_without_a_threshold_stays_open_unless_it_is_dropped(
    quick_cli: Cli, installed: Database, programme: dict[str, bool]
) -> None:
    quick_cli("study", "start", "north", *OPTIONS, "--from", "2026-01-01")
    begin_in_february(installed)
    quick_cli("study", "tests", "--csv", "tests.csv")
    with Path("tests.csv").open(encoding="utf-8", newline="") as file:
        first = next(csv.DictReader(file))["accession_number"]
    Path("lab.csv").write_text(
        f"accession_number,specimen_date,method,result\n{first},2026-02-11,culture,negative\n", "utf-8"
    )
    quick_cli("results", "import", "lab.csv")
    assert_one_line(quick_cli("study", "close"), "no threshold is recommended")
    assert "open" in quick_cli("study", "list").stdout
    assert quick_cli("study", "close", "--drop", "--reason", "too few people").returncode == 0
    assert "closed" in quick_cli("study", "status").stdout


def test_wrong_options_are_told(quick_cli: Cli, installed: Database, programme: dict[str, bool]) -> None:
    assert_one_line(quick_cli("study", "status"), "there is no study yet")
    few = quick_cli("study", "plan", "--prevalence", "0.1", "--from", "2026-03-01")
    assert_one_line(few, "screened 0 studies")
    assert_one_line(quick_cli("study", "plan", *OPTIONS[:3], "half"), "shares are numbers")
    assert_one_line(quick_cli("study", "start", "  ", *OPTIONS), "1 to 64 printable characters")
    quick_cli("study", "start", "north", *OPTIONS, "--from", "2026-01-01")
    assert_one_line(quick_cli("study", "analyse", "--film-price", "2"), "go together")
