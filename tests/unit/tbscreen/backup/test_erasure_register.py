"""`tbscreen patients erase`: asked for first, audited, and made again by a restore of an older backup."""

from __future__ import annotations

import gc
import json
import shutil
import stat
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from db.database import Database
from db.tables import BacteriologyResult, Study
from db.worklist.studies import StudyHeader
from domain.film_key import film_key
from tbscreen.settings import load_settings
from tests.unit import rows
from tests.unit.tbscreen.conftest import Cli, assert_one_line

JANE = StudyHeader("1.2.777", "ACC777", "P777", patient_name="Doe^Jane")
MARY = StudyHeader("1.3", "ACC888", "P888", patient_name="Roe^Mary")
RESULTS = (
    "patient_id,specimen_date,method,result\nP777,2026-11-02,ultra,positive\nP888,2026-11-02,ultra,negative\n"
)
ERASE = ("patients", "erase", "P777", "--reason", "asked for it")


@pytest.fixture
def saved(installed: Database, quick_cli: Cli, place: Path) -> Path:
    """A backup of Jane's and Mary's films and results, in a folder of its own."""
    rows.register_model(installed)
    for header, uid in ((JANE, "1.2.777.1"), (MARY, "1.3.1")):
        rows.screen(
            installed,
            rows.receive_and_queue(installed, uid, study=header, spool_path=f"ab/{film_key(uid)}.dcm"),
        )
    (place / "lab.csv").write_text(RESULTS, "utf-8")
    assert quick_cli("results", "import", "lab.csv").returncode == 0
    (place / "backups").mkdir()
    assert quick_cli("backup", "backups").returncode == 0
    installed.close()
    return next((place / "backups").iterdir())


def restore(quick_cli: Cli, *words: str) -> subprocess.CompletedProcess[str]:
    """Restore; connections that earlier commands left in this process would count as the database's users."""
    gc.collect()
    return quick_cli("restore", *words)


def list_patients(table: type[Study] | type[BacteriologyResult] = Study) -> list[str | None]:
    with closing(Database.open(load_settings().database_settings())) as database, database.read() as session:
        return sorted(session.scalars(select(table.patient_id)), key=str)


def test_an_erasure_is_asked_for_audited_and_made_again_after_a_restore(
    quick_cli: Cli, saved: Path, place: Path
) -> None:
    tried = quick_cli(*ERASE, "--dry-run")
    assert tried.stdout == "1 studies, 1 films, 1 bacteriology results, 0 corrections\n", tried.stderr
    assert quick_cli(*ERASE).returncode == 1, "nobody confirmed it"
    assert list_patients() == ["P777", "P888"]
    done = quick_cli(*ERASE, "--yes")
    assert done.returncode == 0, done.stderr
    assert "1 studies" in done.stdout.splitlines()[1]
    assert list_patients() == list_patients(BacteriologyResult) == ["P888"]
    trail = "".join(path.read_text("utf-8") for path in (place / "data" / "audit").iterdir())
    assert "patient erased" in trail
    register = place / "data" / "erasures.jsonl"
    assert "777" not in quick_cli("patients", "erasures").stdout
    (listed,) = json.loads(quick_cli("patients", "erasures", "--json").stdout)
    assert json.loads(register.read_text("utf-8"))["token"] == listed["token"]
    assert not any(trace in register.read_text("utf-8") for trace in ("P777", "p777", "1.2.777", "Jane"))
    assert stat.S_IMODE(register.stat().st_mode) == 0o600

    restored = restore(quick_cli, str(saved), "--replace")
    assert restored.returncode == 0, restored.stderr
    assert "erased again: " in restored.stdout
    assert list_patients() == list_patients(BacteriologyResult) == ["P888"]
    assert len(json.loads(quick_cli("patients", "erasures", "--json").stdout)) == 1


def test_the_register_beside_the_backups_outlives_the_database_and_needs_the_key(
    quick_cli: Cli, saved: Path, place: Path
) -> None:
    quick_cli("results", "delete", "--before", "2000-01-01")
    quick_cli("results", "delete", "--patient", "P888")
    assert quick_cli(*ERASE, "--yes").returncode == 0
    assert quick_cli("backup", "later.backup").returncode == 0
    assert quick_cli("backup", "backups/last.backup").returncode == 0
    key = (place / "data" / "erasure.key").read_bytes()
    shutil.rmtree(place / "data")
    (place / "data").mkdir()
    assert_one_line(restore(quick_cli, str(saved)), "copy erasure.key from the data directory of")
    (place / "data" / "erasure-2.key").write_bytes(key)
    (place / "data" / "erasure-2.key").chmod(0o600)
    restored = restore(quick_cli, str(saved))
    assert restored.returncode == 0, restored.stderr
    assert list_patients() == ["P888"]
    assert list_patients(BacteriologyResult) == []
    (place / "data" / "erasure-2.key").unlink()
    left_out = restore(quick_cli, str(saved), "--replace", "--without-erasures")
    assert left_out.returncode == 0, left_out.stderr
    assert list_patients() == ["P777", "P888"]
    assert len(json.loads(quick_cli("patients", "erasures", "--json").stdout)) == 3, "the register is kept"
    newer = restore(quick_cli, "later.backup", "--replace", "--without-erasures")
    assert "erased again" not in newer.stdout, "the backup knows its erasures"
    assert list_patients() == ["P888"]


@pytest.mark.parametrize("change", [("films", ["no digest"]), ("files", [["here", "../../etc/passwd"]])])
def test_a_register_that_was_changed_is_refused_before_anything_is_touched(
    quick_cli: Cli, saved: Path, place: Path, change: tuple[str, list[object]]
) -> None:
    assert quick_cli("results", "delete", "--patient", "P777").returncode == 0
    register = place / "data" / "erasures.jsonl"
    line = json.loads(register.read_text("utf-8"))
    line["record"][change[0]] = change[1]
    register.write_text(json.dumps(line) + "\n", "utf-8")
    assert_one_line(restore(quick_cli, str(saved), "--replace"), "erasures.jsonl, line 1 is no erasure")
    assert list_patients() == ["P777", "P888"]
    assert list_patients(BacteriologyResult) == ["P888"]
