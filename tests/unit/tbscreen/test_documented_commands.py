"""The shell blocks of README and documents: each `tbscreen` line is understood; what can run here runs."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import typer

from db.database import Database
from db.worklist import reads
from domain.codes import Verdict
from domain.film_key import film_key
from tbscreen.cli import app
from tests import screened_films
from tests.checkout import DOCS, ROOT
from tests.films import real_film
from tests.unit import rows
from tests.unit.tbscreen.conftest import Cli

DOCUMENTS: Final = (ROOT / "README.md", ROOT / "docker" / "README.md", *sorted(DOCS.rglob("*.md")))
FENCE: Final = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
LANGUAGES: Final = ("", "sh")
"""Blocks without a language show commands with what they print, after `$`, or tables and drawings."""

ELSEWHERE: Final = {
    "make": "the tasks of a clean clone: .ci/run and tests/e2e/test_release.py",
    "pip": "needs a package index",
    "runuser": "needs root and the installation in /opt: tests/e2e restores",
    "rm": "deletes a part of the repository",
    "systemctl": "needs systemd as init",
    "journalctl": "needs systemd as init",
    "curl": "needs the page: tests/unit/web/rest",
    "echoscu": "needs a gateway with TLS: tests/integration/reception",
    "storescp": "needs a gateway with TLS: tests/integration/reception",
    "/usr/bin/storescu": "needs a gateway: tests/integration/reception",
    "set": "reads a file of /etc",
    "export": "belongs to the lines after it",
    "tbscreen dossier": "needs a bundle with its card: tests/unit/tbscreen/dossier",
    "tbscreen doctor": "examines broker, gateway and GPU: tests/unit/tbscreen/doctor",
    "tbscreen pull": "needs a PACS: tests/integration/retrieval",
    "tbscreen retrain": "trains: tests/e2e/test_retrain.py",
    "tbscreen predict": "computes a network: tests/unit/tbscreen",
    "tbscreen models": "computes networks, needs a second bundle: test_models.py, test_bundle_admission.py",
    "tbscreen keys trust": "needs the key of another host: test_models.py",
    "tbscreen keys revoke": "needs a trusted key: test_models.py",
    "tbscreen calibrate": "needs hundreds of reads: test_calibrate.py",
    "tbscreen results": "needs a laboratory's file and studies: test_results.py",
    "tbscreen study": "needs hundreds of screened people: test_study.py",
    "tbscreen film 5feceb66ffc8 --verify": "needs the film's file and network: models/test_verification.py",
    "tbscreen patients": "needs conflicts of patients: test_patients.py",
    "tbscreen export-labels OUT/ --from": "names days of its example: test_export_labels.py",
    "tbscreen export-labels LABELS/": "needs results of a laboratory: test_export_labels.py",
    "tbscreen backup --verify": "needs whole bundles: tests/unit/tbscreen/backup",
    "tbscreen deliveries hl7": "names messages and a receiver of its example: test_hl7_messages.py",
    "tbscreen deliveries show": "names a delivery of its example: test_deliveries.py",
    "tbscreen deliveries replay": "names deliveries of its example: test_deliveries.py",
    "tbscreen notices test": "needs a receiver: test_notices.py",
    "tbscreen canary": "needs gateway and worker: tests/integration/reception/test_canary_films.py",
    "tbscreen users": "asks for a password: test_users.py",
    "tbscreen worklist --watch": "does not end",
    "tbscreen report --from 2026-04-01 --format pdf": "lays out a PDF: test_report.py",
}
"""Commands that do not run here, by their beginning, and why or where else they run."""


@dataclass(frozen=True)
class Command:
    """One command of a document."""

    document: str
    text: str

    @property
    def words(self) -> list[str]:
        """The words, without the prompt and the remark behind them."""
        return shlex.split(self.text, comments=True)

    def find_reason(self) -> str | None:
        """Return the reason why it does not run here, or None."""
        line = " ".join(self.words)
        return next((why for start, why in ELSEWHERE.items() if f"{line} ".startswith(f"{start} ")), None)


def list_commands() -> list[Command]:
    """Return the commands of all blocks: `tbscreen` ones of any block, all of blocks marked `sh`."""
    found = []
    for document in DOCUMENTS:
        for language, block in FENCE.findall(document.read_text("utf-8")):
            if language in LANGUAGES:
                starts = "" if language == "sh" else "$ tbscreen " if "$ " in block else "tbscreen "
                found += [
                    Command(str(document.relative_to(ROOT)), line.removeprefix("$ "))
                    for line in _join(block)
                    if line.startswith(starts)
                ]
    return found


def _join(block: str) -> Iterator[str]:
    """Yield the commands of a block: continued lines and loops in one, prompts taken off."""
    text = re.sub(r"\\\n\s*", "", block)
    text = re.sub(r"^for .*?^done$", lambda loop: loop[0].replace("\n", "\x00"), text, flags=re.M | re.S)
    for line in text.splitlines():
        command = line.replace("\x00", "\n").strip()
        if command:
            yield command


COMMANDS: Final = list_commands()
OURS: Final = [command for command in COMMANDS if command.words and command.words[0] == "tbscreen"]
RUNNING: Final = [command for command in COMMANDS if command.words and command.find_reason() is None]


def name(command: Command) -> str:
    return f"{command.document}: {command.text[:60]}"


@pytest.mark.parametrize("command", OURS, ids=name)
def test_the_command_line_understands_what_documents_print(command: Command) -> None:
    """No unknown command, option or choice, and no argument too many or too few."""
    parse = typer.main.get_command(app)
    context, words = None, _drop_redirection(command.words[1:])
    while True:
        try:
            context = parse.make_context(parse.name, words, parent=context)
        except typer.Exit:
            return  # --help
        if not hasattr(parse, "resolve_command") or not (rest := [*context._protected_args, *context.args]):
            return
        _, parse, words = parse.resolve_command(context, rest)


def test_blocks_are_found() -> None:
    assert len(OURS) > 80
    assert len(RUNNING) > 25
    assert {"README.md", "docs/reader/page.md", "docs/models/managing.md"} <= {ours.document for ours in OURS}


def test_no_reason_is_left_over() -> None:
    told = {command.find_reason() for command in COMMANDS if command.words}
    assert set(ELSEWHERE.values()) - told == set()


def _drop_redirection(words: list[str]) -> list[str]:
    return words[: words.index(">")] if ">" in words else words


@pytest.fixture
def shown(installed: Database, place: Path) -> Callable[[str], str]:
    """Makes an installation with one read film; replaces the examples of the documents by what is there."""
    rows.register_model(installed)
    screened_films.screen(installed, screened_films.receive(installed, real_film()))
    rows.report(installed, ["pacs"])
    with installed.write() as session:
        study = screened_films.find_study(session)
        reads.record(session, study, Verdict.TB, "ada")
        uid = screened_films.find_film(session)
    (place / "passphrase.txt").write_text("correct horse battery staple")
    for film in ("film.dcm", "folder/film.dcm"):
        (place / film).parent.mkdir(exist_ok=True)
        shutil.copy(real_film(), place / film)
    (place / "data" / "spool").mkdir(parents=True, exist_ok=True)
    (place / "backup").mkdir()
    replaced = {
        "5feceb66ffc8": film_key(uid)[:12],
        "1.2.840.113619.2.66.1": uid,
        "/backup/": f"{place}/backup/",
        "/var/backups/tbscreen": f"{place}/backup",
    }

    def show(text: str) -> str:
        for example, there in replaced.items():
            text = text.replace(example, there)
        return text

    return show


@pytest.mark.parametrize("document", sorted({command.document for command in RUNNING}))
def test_what_a_document_prints_runs(
    document: str, quick_cli: Cli, shown: Callable[[str], str], place: Path
) -> None:
    """The commands of one document in their order, on one installation."""
    for command in RUNNING:
        if command.document != document:
            continue
        text = shown(command.text)
        if command.words[0] != "tbscreen":
            done = subprocess.run(
                ["bash", "-euc", text], cwd=place, capture_output=True, text=True, timeout=60, check=False
            )
        else:
            words = _drop_redirection(shlex.split(text, comments=True)[1:])
            done = quick_cli(*words, LOG_LEVEL="error")
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
