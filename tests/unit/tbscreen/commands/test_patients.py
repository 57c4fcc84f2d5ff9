"""`tbscreen patients`: conflicts are shown and decided, patients corrected, each with an audit record."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from db.database import Database
from db.worklist import worklist
from db.worklist.studies import StudyHeader
from tests.unit import rows
from tests.unit.tbscreen.conftest import Cli, assert_one_line

JANE = StudyHeader("1.2", patient_id="P1", patient_name="Doe^Jane", patient_birth_date="19800229")
MARY = StudyHeader("1.3", patient_id="P2", patient_name="Roe^Mary", patient_birth_date="19550505")
WHY = ("--reason", "the modality used a UID twice")


@pytest.fixture
def conflict(installed: Database) -> Database:
    """A database with one conflict."""
    rows.receive(installed, "1.2.1", study=JANE)
    rows.receive(installed, "1.2.1", "other", study=MARY)
    return installed


def test_a_conflict_is_decided_and_recorded(quick_cli: Cli, conflict: Database, place: Path) -> None:
    (shown,) = json.loads(quick_cli("patients", "conflicts", "--json").stdout)
    assert shown["standing"]["patient"]["patient_id"] == "P1"
    assert "Roe^Mary" in quick_cli("patients", "conflicts").stdout
    done = quick_cli("patients", "resolve", str(shown["id"]), "older", *WHY)
    assert (done.returncode, done.stdout) == (0, f"conflict {shown['id']} decided: older\n"), done.stderr
    assert list_patients(conflict) == {"1.2": "P1"}
    assert quick_cli("patients", "conflicts").stdout == "no conflicts\n"
    (decided,) = json.loads(quick_cli("patients", "conflicts", "--resolved", "--json").stdout)
    assert (decided["decision"], decided["reason"]) == ("older", WHY[1])
    trail = "".join(path.read_text("utf-8") for path in (place / "data" / "audit").iterdir())
    assert trail.count("Patient Record") == 2, "code and text of the one record"
    assert 'ParticipantObjectID="P2"' in trail
    assert "Roe" not in trail


def test_patients_are_merged_moved_split_and_a_correction_ends(quick_cli: Cli, installed: Database) -> None:
    film = rows.receive(installed, "1.2.1", study=JANE).instance_id
    rows.receive(installed, "1.3.1", study=MARY)
    assert quick_cli("patients", "merge", "P1", "P2", *WHY).returncode == 0
    assert list_patients(installed) == {"1.2": "P2", "1.3": "P2"}
    (entry,) = json.loads(quick_cli("patients", "list", "--json").stdout)
    assert quick_cli("patients", "end", str(entry["id"])).returncode == 0
    assert list_patients(installed) == {"1.2": "P1", "1.3": "P2"}
    assert quick_cli("patients", "move", "1.3", "P3", "--name", "Poe^Ann", *WHY).returncode == 0
    assert list_patients(installed)["1.3"] == "P3"
    split = quick_cli("patients", "split", "1.2", "--film", str(film), "--to-study", "1.9", *WHY)
    assert split.returncode == 0, split.stderr
    assert set(list_patients(installed)) == {"1.3", "1.9"}
    assert "split" in quick_cli("patients", "list").stdout


def test_the_check_after_an_upgrade_says_what_it_found(quick_cli: Cli, conflict: Database) -> None:
    rows.receive(conflict, "1.3.9", study=replace(JANE, study_instance_uid="1.3"))
    done = quick_cli("patients", "check")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 studies have a film of another patient")
    assert json.loads(quick_cli("patients", "check", "--json").stdout)["hidden_results"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("resolve", "99", "both"), "there is no conflict 99"),
        (("merge", "A", "a "), "the same"),
        (("merge", "A", "B" * 65), "at most 64 characters"),
        (("move", "9.9", "P1"), "no such study"),
        (("move", "1.2", "P1", "--birth-date", "1.1.1980"), "birth date"),
        (("split", "1.2", "--film", "99"), "films of this study"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(
    quick_cli: Cli, conflict: Database, words: tuple[str, ...], said: str
) -> None:
    assert_one_line(quick_cli("patients", *words, *WHY), said)


def list_patients(database: Database) -> dict[str, str | None]:
    """Return the patient ID of each study."""
    with database.read() as session:
        return {study.study_instance_uid: study.patient_id for study in worklist.find_page(session).studies}
