"""The command `tbscreen report`, from the database to the file."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from db.clock import now
from db.database import Database
from reports.settings import ReportSettings
from tbscreen.processes.report_page import build_report_page
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
    for form, begins in (("html", b"<!doctype html>"), ("pdf", b"%PDF-1.4")):
        written = quick_cli("report", *MARCH, "--by", "site", "--format", form, "--out", f"march.{form}")
        assert (written.returncode, written.stdout, written.stderr) == (0, "", "")
        assert (place / f"march.{form}").read_bytes().startswith(begins)
        assert (place / f"march.{form}").stat().st_mode & 0o777 == 0o600
    named = quick_cli("report", *MARCH, "--with-studies")
    assert "ACC7" in named.stdout
    assert "Secret" not in named.stdout
    assert "PATIENT" not in named.stdout


def test_the_report_of_last_month_says_how_many_films_are_newer(quick_cli: Cli, installed: Database) -> None:
    today = now()
    fill(installed, [Film(f"{today:%Y-%m-%d} 00:00", 0.5), Film("2026-02-10 10:00", 0.5)])
    run = quick_cli("report")
    assert (run.returncode, run.stderr) == (
        0,
        f"newer films, not in this report: 1 (--from {today:%Y-%m}-01)\n",
    )


def test_drift_can_end_with_a_status_of_its_own(quick_cli: Cli, installed: Database) -> None:
    before = [Film("2026-02-10 10:00", number / 200) for number in range(200)]
    fill(installed, [*before, *(Film("2026-03-10 10:00", 0.9) for _ in range(50))])
    drifted = quick_cli("report", *MARCH, "--fail-on-drift")
    assert drifted.returncode == 3, drifted.stderr
    assert "1 alert in 2 comparisons" in " ".join(drifted.stdout.split())
    assert quick_cli("report", *MARCH).returncode == 0


def test_what_cannot_be_reported_is_one_line(quick_cli: Cli, installed: Database) -> None:
    for words, said in (
        (("--from", "2026-03-31", "--to", "2026-03-01"), "before it begins"),
        (("--timezone", "Mars/Olympus"), "not a time zone"),
        (("--reference-from", "2026-01-01"), "go together"),
    ):
        assert_one_line(quick_cli("report", *words), said)


def test_the_page_gets_the_same_report_by_a_call(installed: Database) -> None:
    fill(installed, FILMS)
    page = build_report_page(installed, ReportSettings(organisation="NTP"), "1.0")
    first, last = date(2026, 3, 1), date(2026, 3, 31)
    html = page(first, last, "station", "html")
    assert "ROOM 2" in html
    assert "ACC7" not in html
    assert json.loads(page(first, last, "station", "json"))
    assert page(first, last, "station", "csv").count("\n") > 10
    for wrong in ((last, first, None), (first, last, "patient")):
        with pytest.raises(ValueError, match=r"before it begins|not by"):
            page(*wrong, "html")
