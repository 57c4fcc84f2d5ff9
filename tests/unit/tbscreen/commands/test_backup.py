"""The commands `backup` and `restore`, as an administrator runs them."""

from __future__ import annotations

from pathlib import Path

from tests.unit.tbscreen.conftest import Cli, assert_one_line


def test_an_installation_is_saved_checked_and_restored(quick_cli: Cli, place: Path) -> None:
    assert quick_cli("db", "upgrade").returncode == 0
    saved = quick_cli("backup", "night.backup")
    assert saved.returncode == 0, saved.stderr
    assert "tbscreen-default" in saved.stdout
    checked = quick_cli("backup", "--verify", "night.backup")
    assert checked.stdout.startswith("night.backup is whole\n")
    restored = quick_cli("restore", "night.backup", "--replace")
    assert restored.returncode == 0, restored.stderr
    assert "each gateway takes them up when it starts" in restored.stdout


def test_what_cannot_be_done_is_one_line(quick_cli: Cli, place: Path) -> None:
    (place / "night.backup").write_bytes(b"half a backup")
    assert_one_line(quick_cli("backup", "--verify", "night.backup"), "not a whole backup")
    assert_one_line(quick_cli("restore", "night.backup"), "not a whole backup")
    assert_one_line(quick_cli("restore", "nowhere.backup"), "No such file")
    assert_one_line(quick_cli("backup", "new.backup"), "has no tables of tbscreen")
    assert_one_line(quick_cli("backup", "new.backup", "--keep", "3"), "goes with a folder")
    assert_one_line(quick_cli("backup", "disk/"), "disk/ is no folder: mount its disk, or make it")
    assert not (place / "disk").exists()
