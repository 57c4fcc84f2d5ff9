"""`tbscreen results`: the CSV of a laboratory is imported whole or not at all, listed, linked, deleted."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path

import pytest

from db.database import Database
from db.worklist.studies import StudyHeader
from tests.unit import rows
from tests.unit.tbscreen.conftest import Cli, assert_one_line

JANE = StudyHeader("1.2", accession_number="A1", patient_id="P1", study_date="20261101")
HEADER = "patient_id,accession_number,specimen_id,specimen_date,method,result\n"
GOOD = (
    "P1,,S1,2026-11-02,Xpert Ultra,MTB trace detected\n"
    "P1,,S2,20261102,culture,contaminated\n"
    ",A1,,2026-11-03,smear,negative\n"
)
BAD = (
    "P1,,S1,2026-11-02,xpert,trace\n"
    "SECRET,,S2,02/11/2026,culture,negative\n"
    "\n"
    ",,S3,2026-11-02,culture,negative\n"
    "P1,,S4,2026-11-02,PCR,negative\n"
    "1.23E+11,,S5,2026-11-02,culture,negative\n"
    "P1,,S6,2999-01-01,culture,negative\n"
    "P1,,,2026-11-02,culture,negative\n"
    "P1,,,2026-11-02,culture,positive\n"
    "P1,,S7,2026-11-02,culture\n"
    "P1\x1b[31m,,S8,2026-11-02,culture,negative\n"
)


@pytest.fixture
def filled(installed: Database) -> Database:
    """A database with one study."""
    rows.receive(installed, "1.2.1", study=JANE)
    return installed


def write(text: str, header: str = HEADER) -> str:
    Path("lab.csv").write_text(header + text, "utf-8")
    return "lab.csv"


def list_all(cli: Cli, *words: str) -> list[dict[str, str]]:
    return list(json.loads(cli("results", "list", "--json", *words).stdout))


def test_a_file_is_imported_once_listed_and_corrected(quick_cli: Cli, filled: Database, place: Path) -> None:
    tried = quick_cli("results", "import", write(GOOD), "--dry-run")
    assert "would be new 3" in tried.stdout, tried.stderr
    assert list_all(quick_cli) == []
    for counts in ("new 3, corrected 0, unchanged 0", "new 0, corrected 0, unchanged 3"):
        done = quick_cli("results", "import", "lab.csv")
        assert counts in done.stdout, done.stderr
        assert "linked: 3" in done.stdout
    corrected = write(GOOD.replace("contaminated", "positive"))
    assert "corrected 1, unchanged 2" in quick_cli("results", "import", corrected).stdout
    outdated = quick_cli("results", "import", write(GOOD))
    assert "lines 3" in outdated.stderr
    assert "unchanged 2, outdated 1" in outdated.stdout
    assert [(row["method"], row["result"], row["study_instance_uid"]) for row in list_all(quick_cli)] == [
        ("ultra", "trace", "1.2"), ("culture", "positive", "1.2"), ("smear", "negative", "1.2"),
    ]  # fmt: skip
    assert len(list_all(quick_cli, "--history")) == 4
    assert "contaminated (corrected since)" in " ".join(
        quick_cli("results", "list", "--history").stdout.split()
    )
    trail = "".join(path.read_text("utf-8") for path in (place / "data" / "audit").iterdir())
    assert "3 bacteriology results imported" in trail
    assert 'ParticipantObjectID="P1"' in trail


def test_each_bad_line_is_named_and_nothing_is_imported(quick_cli: Cli, filled: Database) -> None:
    refused = quick_cli("results", "import", write(GOOD + BAD))
    assert_one_line(refused, "nothing was imported")
    for line, said in {
        5: "result 'trace' is none of xpert",
        6: "specimen_date '02/11/2026' is no day: YYYY-MM-DD",
        8: "neither accession_number nor patient_id",
        9: "method 'PCR' is unknown",
        10: "patient_id was rounded by a spreadsheet",
        11: "specimen_date 2999-01-01 is before 1990-01-01 or in the future",
        13: "it differs from line 12",
        14: "5 values for 6 columns",
        15: "patient_id has control characters",
    }.items():
        assert f"line {line}: {said}" in refused.stderr
    assert "SECRET" not in refused.stderr
    assert list_all(quick_cli) == []


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("patient_id,method,result\n", "column 'specimen_date' is missing"),
        ("specimen_date,method,result\n", "neither column 'accession_number' nor 'patient_id'"),
        ("patient_id,specimen_date,method,result,result\n", "two columns are called 'result'"),
        ("patient_id,specimen_date,method,result\n", "has no results"),
    ],
)
def test_a_file_without_its_columns_is_refused(
    quick_cli: Cli, installed: Database, header: str, said: str
) -> None:
    assert_one_line(quick_cli("results", "import", write("", header)), said)


def test_what_is_exported_is_imported_again_and_no_formula(quick_cli: Cli, filled: Database) -> None:
    quick_cli("results", "import", write(GOOD + "=1+1,,S9,2026-11-02,culture,negative\n"))
    assert quick_cli("results", "export", "all.csv").returncode == 0
    assert stat.S_IMODE(Path("all.csv").stat().st_mode) == 0o600
    with Path("all.csv").open(encoding="utf-8", newline="") as file:
        exported = list(csv.DictReader(file))
    assert {row["patient_id"] for row in exported} == {"P1", "", "'=1+1"}
    assert "unchanged 4" in quick_cli("results", "import", "all.csv").stdout
    assert quick_cli("results", "export", "all.csv").returncode == 1, "no file is overwritten"


def test_a_person_links_what_is_not_clear(quick_cli: Cli, filled: Database) -> None:
    rows.receive(filled, "1.3.1", study=StudyHeader("1.3", patient_id="P1", study_date="20261102"))
    done = quick_cli("results", "import", write("P1,,S1,2026-11-02,culture,positive\n"))
    assert "several studies: 1" in done.stdout
    assert "next: tbscreen results list --not-linked" in done.stdout
    (row,) = list_all(quick_cli, "--not-linked")
    assert row["candidates"] == "1.2 1.3"
    assert "1.3" in quick_cli("results", "list").stdout
    assert quick_cli("results", "link", str(row["number"]), "1.3").returncode == 0
    assert list_all(quick_cli, "--not-linked") == []
    assert quick_cli("results", "list", "--not-linked").stdout == "no result is without a study\n"
    assert_one_line(quick_cli("results", "link", str(row["number"])), "name the study, or --undo")
    assert quick_cli("results", "link", str(row["number"]), "--undo").returncode == 0
    assert len(list_all(quick_cli, "--not-linked")) == 1


def test_a_patient_s_results_are_deleted_and_the_deletion_recorded(
    quick_cli: Cli, filled: Database, place: Path
) -> None:
    quick_cli("results", "import", write(GOOD))
    assert_one_line(quick_cli("results", "delete"), "name either --patient or --before")
    assert quick_cli("results", "delete", "--before", "2026-11-02").stdout.startswith("0 ")
    assert quick_cli("results", "delete", "--patient", "P1").stdout.startswith("3 ")
    assert list_all(quick_cli, "--history") == []
    trail = "".join(path.read_text("utf-8") for path in (place / "data" / "audit").iterdir())
    assert "3 bacteriology results deleted" in trail
