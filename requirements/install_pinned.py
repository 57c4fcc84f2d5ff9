"""Install pinned packages with progress: `python requirements/install_pinned.py LOCK`, by this Python's pip.

Only the standard library is there when it runs. pip is silent for minutes while it unpacks, so the packages
in site-packages are counted.
"""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Final

PACKAGE: Final = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==", re.MULTILINE)
STARTED: Final = re.compile(r"^(?:Collecting|Processing) (\S+?)(?:==\S+)?(?: |$)", re.MULTILINE)
WHEEL: Final = re.compile(r"^.*/|-[^-/]+(-[^-/]+)+\.whl$")

POLL_S: Final = 0.5
LINE_EVERY_S: Final = 10.0
"""Seconds between two lines where the output is no terminal."""

TAIL: Final = 4000
"""Characters of pip's output that are shown when it fails."""


def main(lock: Path) -> int:
    """Install the packages of a lock file; returns pip's exit status."""
    wanted = len(PACKAGE.findall(lock.read_text("utf-8")))
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    command += ["--no-deps", "--require-hashes", "--progress-bar", "off", "-r", str(lock)]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "pip.log"
        with log.open("wb") as output:
            pip = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
            _watch(pip, log, wanted)
        said = log.read_text("utf-8", "replace")
    if pip.returncode:
        sys.stderr.write(f"\npip ended with status {pip.returncode}:\n{said[-TAIL:]}")
    return pip.returncode


def _watch(pip: subprocess.Popen[bytes], log: Path, wanted: int) -> None:
    """Show how far pip is until it ends."""
    begun = shown_at = time.monotonic()
    is_terminal = sys.stdout.isatty()
    while pip.poll() is None:
        time.sleep(POLL_S)
        moment = time.monotonic()
        if is_terminal or moment - shown_at >= LINE_EVERY_S:
            shown_at = moment
            progress = describe(log.read_text("utf-8", "replace"), _count_installed(), wanted)
            line = f"  {progress}, {moment - begun:.0f} s"
            sys.stdout.write(f"\r\x1b[K{line}" if is_terminal else f"{line}\n")
            sys.stdout.flush()
    sys.stdout.write("\r\x1b[K" if is_terminal else "")


def describe(said: str, installed: int, wanted: int) -> str:
    """Return how far pip is.

    Args:
        said: pip's output so far.
        installed: packages in site-packages.
        wanted: packages in the lock file.
    """
    if "Installing collected packages" in said:
        return f"installed {min(installed, wanted)} of {wanted} packages"
    started = STARTED.findall(said)
    # A wheel that lies on this host is named by its path.
    name = f": {re.sub(WHEEL, '', started[-1])}" if started else ""
    return f"fetched {max(len(started) - 1, 0)} of {wanted} packages{name}"


def _count_installed() -> int:
    return sum(1 for _ in Path(sysconfig.get_path("purelib")).glob("*.dist-info"))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
