"""The files of this repository, for tests of its own rules."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.checkout import ROOT

ROOMS = (
    "tbscreen",
    "web",
    "reports",
    "training",
    "worker",
    "dicom_gateway",
    "notices",
    "sending",
    "db",
    "networks",
    "figures",
    "judging",
    "http_server",
    "domain",
)
OUTBUILDINGS = ("benchmarks", "chaos", "tests")


def list_files() -> list[Path]:
    """Return the files that are, or are about to be, under version control."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is no git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def list_python_files() -> list[Path]:
    """Return the Python files of rooms, benchmarks, chaos and tests."""
    return [path for path in list_files() if path.suffix == ".py"]


def list_modules() -> list[Path]:
    """Return the Python files of the rooms."""
    return sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
