"""Processes of tbscreen, one by one, as service managers of several hosts start them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.servers.ports import wait_until


def hash_content(*contents: bytes) -> str:
    """Return a short digest of what files hold."""
    return hashlib.sha256(b"".join(contents)).hexdigest()[:12]


HERE: Final = Path(__file__).parents[2]
"""The code of this version."""
CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tbscreen-tests" / "graphs"
GRAPH_MAKERS: Final = ("graph_preparation.py", "golden_arrays.py", "runtimes/openvino_runtime.py")
"""Files of the room `worker` that decide what a prepared network is."""
GRAPHS: Final = CACHE / hash_content(*((HERE / "worker" / name).read_bytes() for name in GRAPH_MAKERS))
"""Networks that this code has prepared for OpenVINO: workers of all tests share them."""
GRAPHS_TOML: Final = f'\n[worker]\ngraph_directory = "{GRAPHS}"\n'
"""The setting for it."""


@dataclass(frozen=True)
class Product:
    """A process that was started."""

    process: subprocess.Popen[bytes]
    ready_file: Path
    log: Path

    def wait_until_ready(self, deadline_s: float = 90.0) -> None:
        """Return as soon as it does its work; fail the test with its log when it does not."""

        def is_ready() -> bool:
            assert self.process.poll() is None, self.log.read_text("utf-8", "replace")
            return self.ready_file.exists()

        wait_until(is_ready, deadline_s, f"ready: see {self.log}")


def make_environment(values: Mapping[str, str], code: Path = HERE) -> dict[str, str]:
    """Return the environment of a process of tbscreen: `TBSCREEN_…` variables are these and no others.

    Args:
        values: its settings.
        code: folder of the version that runs.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TBSCREEN_")}
    shared = {"TBSCREEN_WORKER__GRAPH_DIRECTORY": str(GRAPHS)} if code == HERE else {}
    return {**inherited, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(code), **shared, **values}


@contextmanager
def product(
    kind: str, name: str, place: Path, values: Mapping[str, str], code: Path = HERE
) -> Iterator[Product]:
    """Run `tbscreen gateway`, `worker`, `courier` or `web` inside the block; does not wait for it.

    Args:
        kind: which.
        name: its data directory, ready file and log are called after it.
        place: where these lie.
        values: its settings, as `TBSCREEN_…` variables.
        code: folder of the version that runs.
    """
    data = place / name
    data.mkdir(exist_ok=True)
    ready, log = place / f"{name}.ready", place / f"{name}.log"
    ready.unlink(missing_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tbscreen", kind, "--ready-file", str(ready)],
            cwd=place,
            env=make_environment({"TBSCREEN_DATA_DIRECTORY": str(data), **values}, code),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield Product(process, ready, log)
    finally:
        process.terminate()
        try:
            process.wait(timeout=60)
        finally:
            process.kill()
            process.wait()


def run_command(*words: str, place: Path, values: Mapping[str, str], code: Path = HERE) -> str:
    """Run a command of `tbscreen` that must succeed; returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tbscreen", *words],
        cwd=place,
        env=make_environment({"TBSCREEN_DATA_DIRECTORY": str(place), **values}, code),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
