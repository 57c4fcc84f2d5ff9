"""Each test works in an empty folder, so that no settings file of this repository is read."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the working directory."""
    folder = tmp_path / "place"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def cli(place: Path) -> Cli:
    """Runs `tbscreen` with words and `TBSCREEN_…` variables, as a process of its own."""

    def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **{f"TBSCREEN_{name}": value for name, value in variables.items()}}
        return subprocess.run(
            [sys.executable, "-m", "tbscreen", *words],
            env=environment,
            cwd=place,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
