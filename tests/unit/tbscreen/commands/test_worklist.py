"""`tbscreen worklist`: filters, pages, CSV that a spreadsheet does not run, and the watched list."""

from __future__ import annotations

import csv
import io
import json
import os
import queue
import signal
import subprocess
import sys
import threading

import pytest

from db.database import Database
from db.worklist.studies import StudyHeader
from domain.codes import Finding, Priority
from tbscreen.terminal.worklist_csv import COLUMNS
from tests.servers.ports import wait_until
from tests.unit import rows
from tests.unit.tbscreen.conftest import Cli, assert_one_line

HOSTILE = "=HYPERLINK(1)"


@pytest.fixture
def filled(installed: Database) -> Database:
    """A HIGH study of yesterday's date from ROOM1, a LOW one from the van, one that waits."""
    rows.register_model(installed)
    for number, priority, station, date in (
        (1, Priority.LOW, "VAN", "20260302"),
        (2, Priority.HIGH, "ROOM1", "20260301"),
    ):
        header = StudyHeader(f"1.{number}", f"A{number}", f"+P{number}", HOSTILE, study_date=date)
        film = rows.receive_and_queue(installed, f"1.{number}.1", study=header, station_name=station)
        rows.screen(installed, film, 0.5, Finding.PRESENT, priority)
    rows.receive(installed, "1.3.1", study=StudyHeader("1.3", patient_name="Nyström^Åsa"), modality="CR")
    return installed


def list_uids(document: str) -> list[str]:
    return [study["study_instance_uid"] for study in json.loads(document)["studies"]]


@pytest.mark.parametrize(
    ("words", "uids"),
    [
        ([], ["1.2", "1.1", "1.3"]),
        (["--priority", "high", "--priority", "LOW"], ["1.2", "1.1"]),
        (["--station", "V*"], ["1.1"]),
        (["--modality", "CR", "--sender", "MOD?LITY"], ["1.3"]),
        (["--from", "2026-03-01", "--to", "20260301"], ["1.2"]),
        (["--received-from", "2020-01-01", "--unread"], ["1.2", "1.1", "1.3"]),
        (["--received-to", "2020-01-01T10:00"], []),
        (["--read"], []),
        (["--text", "nystrom a"], ["1.3"]),
        (["--finding", "present", "--study", "1.1", "--study", "1.3"], ["1.1"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_filters(quick_cli: Cli, filled: Database, words: list[str], uids: list[str]) -> None:
    run = quick_cli("worklist", "--json", *words)
    assert run.returncode == 0, run.stderr
    assert list_uids(run.stdout) == uids


def test_pages_follow_one_another(quick_cli: Cli, filled: Database) -> None:
    first = quick_cli("worklist", "--json", "--limit", "2").stdout
    cursor = json.loads(first)["next"]
    second = quick_cli("worklist", "--json", "--limit", "2", "--after", cursor).stdout
    assert list_uids(first) + list_uids(second) == ["1.2", "1.1", "1.3"]
    assert json.loads(second)["next"] is None
    shown = quick_cli("worklist", "--limit", "2")
    assert "A2" in shown.stdout
    assert f"--after {cursor}" in shown.stderr


def test_csv_has_every_study_and_no_formula(quick_cli: Cli, filled: Database) -> None:
    run = quick_cli("worklist", "--csv")
    assert run.returncode == 0, run.stderr
    lines = list(csv.DictReader(io.StringIO(run.stdout)))
    assert [line["study_instance_uid"] for line in lines] == ["1.2", "1.1", "1.3"]
    assert list(lines[0]) == list(COLUMNS)
    assert (lines[0]["patient_name"], lines[0]["patient_id"]) == (f"'{HOSTILE}", "'+P2")
    assert (lines[2]["patient_name"], lines[2]["priority"]) == ("Nyström^Åsa", "")
    assert len(quick_cli("worklist", "--csv", "--limit", "1").stdout.splitlines()) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--json", "--csv"], "do not go together"),
        (["--received-to", "tomorrow"], "--received-to tomorrow: a moment is YYYY-MM-DD"),
        (["--refusal", "ugly"], "--refusal ugly: allowed are not_chest, "),
        (["--after", "x"], "--after: this is no cursor"),
        (["--csv", "--after", "x"], "--after: this is no cursor"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_mistake_is_one_clear_line(
    quick_cli: Cli, installed: Database, words: list[str], said: str
) -> None:
    assert_one_line(quick_cli("worklist", *words), said)


def test_the_watched_list_shows_what_comes_until_it_is_ended(installed: Database) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tbscreen", "worklist", "--watch", "0.2"],
        env={**os.environ, "COLUMNS": "140"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    lines: queue.Queue[str] = queue.Queue()
    output = process.stdout
    reader = threading.Thread(target=lambda: [lines.put(line) for line in output], daemon=True)
    reader.start()
    seen: list[str] = []

    def shows(word: str) -> bool:
        while not lines.empty():
            seen.append(lines.get())
        return any(word in line for line in seen)

    try:
        wait_until(lambda: shows("Worklist"), 60, "the empty worklist is shown")
        rows.receive(installed, study=StudyHeader("1.2.3", "ACCESSION-7"))
        wait_until(lambda: shows("ACCESSION-7"), 60, "the new study is shown")
    finally:
        process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0
    reader.join(timeout=30)
    output.close()
