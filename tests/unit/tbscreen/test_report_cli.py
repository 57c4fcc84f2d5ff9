"""The command `tbscreen report`, from the database to the file."""

from __future__ import annotations

import json
from pathlib import Path

from db.database import Database
from tests.unit.reports.small_database import Film, fill
from tests.unit.reports.test_composition import FILMS
from tests.unit.tbscreen.conftest import Cli, assert_one_line

MARCH = ("--from", "2026-03-01", "--to", "2026-03-31")


def test_a_report_in_every_form(quick_cli: Cli, installed: Database, place: Path) -> None:
    fill(installed, FILMS)
    text = quick_cli("report", *MARCH)
    assert (text.returncode, text.stderr) == (0, "")
    assert "2026-03-01 to 2026-03-31" in text.stdout
    assert "ACC7" not in text.stdout
    document = json.loads(quick_cli("report", *MARCH, "--by", "month", "--format", "json").stdout)
    assert document["total"]["flow"]["received"] == document["groups"][0]["flow"]["received"] == 19
    table = quick_cli("report", *MARCH, "--format", "csv", "--out", "march.csv")
    assert (table.returncode, table.stdout) == (0, "")
    assert "films,all films,received,19,," in (place / "march.csv").read_text().splitlines()
    named = quick_cli("report", *MARCH, "--with-studies")
    assert "ACC7" in named.stdout
    assert "Secret" not in named.stdout
    assert "PATIENT" not in named.stdout


def test_drift_can_end_with_a_status_of_its_own(quick_cli: Cli, installed: Database) -> None:
    before = [Film("2026-02-10 10:00", number / 200) for number in range(200)]
    fill(installed, [*before, *(Film("2026-03-10 10:00", 0.9) for _ in range(50))])
    drifted = quick_cli("report", *MARCH, "--fail-on-drift")
    assert drifted.returncode == 3, drifted.stderr
    assert "1 alert in 2 comparisons" in " ".join(drifted.stdout.split())
    assert quick_cli("report", *MARCH).returncode == 0


def test_what_cannot_be_reported_is_one_line(quick_cli: Cli, installed: Database) -> None:
    for words, said in (
        (("--from", "2026-03-31", "--to", "2026-03-01"), "ends before"),
        (("--timezone", "Mars/Olympus"), "no such time zone"),
        (("--reference-from", "2026-01-01"), "go together"),
    ):
        assert_one_line(quick_cli("report", *words), said)
