"""Processes announce that they are ready."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tbscreen.processes.process_life import announce_ready


def test_several_processes_announce_at_once(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    children = []
    for _ in range(8):
        child = os.fork()
        if child == 0:
            try:
                for _ in range(200):
                    announce_ready(ready, "ready")
            except OSError:
                os._exit(1)
            os._exit(0)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 8
    assert ready.read_text("utf-8") == "ready"
    assert not list(tmp_path.glob("*.new"))


def test_a_ready_process_no_longer_collects_among_what_its_start_made() -> None:
    program = (
        "import gc\n"
        "from tbscreen.processes.process_life import announce_ready\n"
        "before = len(gc.get_objects())\n"
        "announce_ready(None, 'ready')\n"
        "print(before > 10_000, len(gc.get_objects()) < before / 100)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["True", "True"]
