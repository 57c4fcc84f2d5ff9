"""The tables of the handbook are those of the measured figures; systemd understands its units."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from benchmarks.capacity.measured import read_measured
from benchmarks.scaling_tables import DOCUMENT, replace_tables
from benchmarks.sizing import BEGINS, ENDS, HANDBOOK, replace_table, write_table
from tbscreen.cli import app
from tbscreen.settings import PREFIX, Settings
from tests.checkout import DOCS, ROOT

UNITS = sorted((DOCS / "systemd").glob("*.service"))


def test_the_sizing_table_is_what_the_measured_figures_give() -> None:
    text = HANDBOOK.read_text("utf-8")
    assert text.count(BEGINS) == text.count(ENDS) == 1
    assert replace_table(text, write_table(read_measured())) == text, "python -m benchmarks.sizing --write"


def test_the_tables_on_scaling_are_what_the_measured_figures_give() -> None:
    text = DOCUMENT.read_text("utf-8")
    assert replace_tables(text, read_measured()) == text, "python -m benchmarks.scaling_tables --write"


def test_every_figure_names_its_command_and_unit() -> None:
    measured = read_measured()
    assert measured.machine
    for name, figure in measured.figures.items():
        assert re.fullmatch(r"python -m benchmarks\.\w+( --\w+( \d+)?)*", figure["command"]), name
        module = figure["command"].split()[2].replace(".", "/") + ".py"
        assert (ROOT / module).is_file(), name
        assert figure["value"] >= 0, name
        assert figure["unit"], name


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_a_unit_starts_a_command_with_settings_that_exist(unit: Path) -> None:
    text = unit.read_text("utf-8")
    (command,) = re.findall(r"^ExecStart=/opt/tbscreen/bin/tbscreen (\w+)(?: .*)?$", text, re.MULTILINE)
    assert unit.stem == f"tbscreen-{command}"
    assert command in get_command(app).commands  # type: ignore[attr-defined]
    variables = re.findall(rf"{PREFIX}(\w+)=", text)
    assert {name.lower() for name in variables} <= {"config", *Settings.model_fields}


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_systemd_understands_a_unit(unit: Path, tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd is not installed")
    installed = Path(sys.executable).parent / "tbscreen"
    text = unit.read_text("utf-8").replace("/opt/tbscreen/bin/tbscreen", str(installed))
    (tmp_path / unit.name).write_text(text, "utf-8")
    command = [program, "verify", "--man=no", "--recursive-errors=no", str(tmp_path / unit.name)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    assert unit.name not in run.stderr
