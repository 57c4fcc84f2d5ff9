"""The undertaker ends what a supervisor has left."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tbscreen.processes.process_records import write_record


def test_an_orphan_is_ended_although_nobody_can_be_told(tmp_path: Path) -> None:
    orphan = subprocess.Popen(["sleep", "600"])
    write_record(tmp_path, "redis", orphan.pid, 0)
    with Path("/dev/full").open("wb") as closed_terminal:
        undertaker = subprocess.Popen(
            [sys.executable, "-m", "tbscreen.processes.undertaker", str(tmp_path)],
            stdin=subprocess.DEVNULL,
            stdout=closed_terminal,
            stderr=closed_terminal,
        )
    try:
        assert orphan.wait(30) == -signal.SIGTERM
    finally:
        orphan.kill()
        orphan.wait()
        undertaker.wait(60)
