"""Each test works in an empty folder, so that no settings file of this repository is read."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from sqlalchemy import make_url

from db.database import Database
from dicom_gateway.log_redaction import QUOTING
from tbscreen.cli import main
from tbscreen.models import examination
from tbscreen.processes.serve import migrate
from tbscreen.settings import load_settings

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


@pytest.fixture
def quick_cli(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Cli]:
    """Runs `tbscreen` as `cli` does, in this process: without the second that each start takes."""
    umask = os.umask(0o077)
    handlers, level = logging.root.handlers[:], logging.root.level
    hooks = sys.excepthook, threading.excepthook

    def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = ["tbscreen", *words]
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", command)
            patch.setenv("COLUMNS", "140")
            for name, value in variables.items():
                patch.setenv(f"TBSCREEN_{name}", value)
            capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
        printed = capsys.readouterr()
        return subprocess.CompletedProcess(command, int(ended.value.code or 0), printed.out, printed.err)

    yield run
    os.umask(umask)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.basicConfig(level=level, handlers=handlers, force=True)
    logging.captureWarnings(False)
    for name in QUOTING:
        logging.getLogger(name).propagate = True
    sys.excepthook, threading.excepthook = hooks


@pytest.fixture
def examined_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bundles are examined in this process, without the seconds in which each child loads TensorFlow."""

    def examine_here(directory: Path, count: int, films: Path | None, _: examination.Limits) -> object:
        return examination.answer(directory, count, films)

    monkeypatch.setattr(examination, "ask_child", examine_here)


@pytest.fixture(scope="session")
def installation_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path of the database of a new installation, which the first test that needs one makes."""
    return tmp_path_factory.mktemp("installation") / "tbscreen.sqlite3"


@pytest.fixture
def installed(place: Path, installation_template: Path) -> Iterator[Database]:
    """The database of a new installation in the working directory."""
    settings = load_settings()
    file = Path(str(make_url(settings.resolve_database_url()).database))
    if installation_template.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(installation_template, file)
    else:
        migrate(settings)
        shutil.copy(file, installation_template)
    database = Database.open(settings.database_settings())
    yield database
    database.close()


def assert_one_line(run: subprocess.CompletedProcess[str], said: str) -> None:
    """Exit status 1, nothing on standard output, and one line on standard error without a password."""
    assert run.returncode == 1, run.stdout + run.stderr
    assert run.stdout == ""
    (line,) = run.stderr.splitlines()
    assert line.startswith("tbscreen: ")
    assert said in line
    assert "s3cret" not in line
