"""The trial of a mutant: its named test runs on a copy of the tree, with limits of memory and time."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from tests.mutants.mutant import Mutant, MutantDoesNotApplyError

ROOT: Final = Path(__file__).parents[2]
FAILED: Final = 1
"""Exit status of pytest where a test failed."""


class Outcome(StrEnum):
    """End of a trial."""

    KILLED = "killed"
    """The test failed, as it should."""
    SURVIVED = "survived"
    """The test passed without the guard."""
    ERROR = "error"
    """There was no trial: the mutant does not apply, or its test does not run here."""


@dataclass(frozen=True)
class Trial:
    """A mutant and its outcome."""

    mutant: Mutant
    outcome: Outcome
    seconds: float
    detail: str = ""


@dataclass(frozen=True)
class Limits:
    """Limits of the test of one mutant."""

    memory_bytes: int
    """Address space of each process (RLIMIT_AS)."""
    deadline_s: float


@contextmanager
def copied_tree() -> Iterator[Path]:
    """Copy the tracked and the new files of the repository to a temporary folder for the block."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = Path(folder) / "tree"
        for name in filter(None, names):
            if (ROOT / name).is_file():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, tree / name)
        yield tree


def run_trial(mutant: Mutant, tree: Path, limits: Limits) -> Trial:
    """Apply a mutant to the copy, run its test there, and take the mutant back."""
    started = time.monotonic()
    try:
        content = mutant.apply(tree)
    except MutantDoesNotApplyError as error:
        return Trial(mutant, Outcome.ERROR, 0.0, str(error))
    path = tree / mutant.file
    before = path.read_text("utf-8")
    path.write_text(content, "utf-8")
    try:
        status, told = run_tests([mutant.test], tree, limits)
    finally:
        path.write_text(before, "utf-8")
    seconds = time.monotonic() - started
    if status is None:
        return Trial(mutant, Outcome.KILLED, seconds, f"not done after {limits.deadline_s:g} s")
    if status == FAILED:
        return Trial(mutant, Outcome.KILLED, seconds)
    if status == 0 and "passed" in told:
        return Trial(mutant, Outcome.SURVIVED, seconds)
    return Trial(
        mutant, Outcome.ERROR, seconds, told.strip().splitlines()[-1] if told.strip() else str(status)
    )


def run_tests(tests: Sequence[str], tree: Path, limits: Limits) -> tuple[int | None, str]:
    """Run tests of the copy; returns pytest's exit status, None past the deadline, and the end of its output."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))

    command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    environment.pop("REQUIRE_SERVERS", None)
    process = subprocess.Popen(
        [*command, *(f"tests/{test}" for test in tests)],
        cwd=tree,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=limit,
    )
    try:
        output, _ = process.communicate(timeout=limits.deadline_s)
        return process.returncode, output.decode("utf-8", "replace")[-4000:]
    except subprocess.TimeoutExpired:
        return None, ""
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
