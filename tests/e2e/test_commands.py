"""`tbscreen demo`, `serve` and the benchmark, as people run them."""

from __future__ import annotations

import json
import os
import pty
import queue
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pydicom import dcmread

from tests.servers.ports import free_port, wait_until
from tests.servers.product import make_environment

READY = "Ctrl-C ends it"
MAX_RESTING_BYTES = 1_700_000_000


def write_settings(folder: Path) -> dict[str, str]:
    """Write the settings of an installation; returns the environment of its commands."""
    port, page = free_port(), free_port()
    (folder / "tbscreen.toml").write_text(
        f'data_directory = "{folder / "data"}"\n'
        f'[gateway]\nhost = "127.0.0.1"\nport = {port}\nreserved_disk_bytes = 1000000\n'
        f"[web]\nport = {page}\n"
    )
    return make_environment({"TBSCREEN_CONFIG": str(folder / "tbscreen.toml"), "COLUMNS": "120"})


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return write_settings(tmp_path)


class Serving:
    """`tbscreen serve` as a child, and what it printed."""

    def __init__(self, environment: dict[str, str], terminal: tuple[int, int] | None = None) -> None:
        self.environment = environment
        ours, theirs = terminal or os.pipe()
        self.output = os.fdopen(ours, encoding="utf-8")
        self.process = subprocess.Popen(
            # With a terminal, `setsid --ctty` makes it the controlling one.
            [*(["setsid", "--ctty"] if terminal else []), sys.executable, "-m", "tbscreen", "serve"],
            env=environment,
            stdin=theirs if terminal else None,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self._terminal = terminal is not None
        self.lines: list[str] = []
        self._queue: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        wait_until(lambda: self.printed(READY), 120, "serve says that it is ready")

    def printed(self, text: str) -> bool:
        while not self._queue.empty():
            self.lines.append(self._queue.get())
        assert self.process.poll() is None or any(text in line for line in self.lines), "".join(self.lines)
        return any(text in line for line in self.lines)

    def family(self) -> list[psutil.Process]:
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def resting_bytes(self) -> int:
        """Return the memory of all processes, what they share counted once.

        Not the sum of their PSS, which is 200 MB less while another process here has TensorFlow loaded.
        """
        private, shared = 0, Counter[str]()
        for process in self.family():
            for part in process.memory_maps(grouped=True):
                private += part.private_dirty
                shared[part.path] = max(shared[part.path], part.rss - part.private_dirty)
        return private + shared.total()

    def end(self, number: signal.Signals) -> int:
        """Send a signal and return the exit status."""
        if self.output.closed:
            return self.process.wait()
        self.process.send_signal(number)
        status = self.process.wait(timeout=60)
        self._reader.join(timeout=60)
        self.output.close()
        return status

    def close_terminal(self) -> None:
        """Close the terminal in which the service runs."""
        self._reader.join(timeout=60)
        self.output.close()

    def _read(self) -> None:
        for line in self.output:
            self._queue.put(line)
            if self._terminal and READY in line:
                return  # so that nobody holds the terminal when it is closed


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One service for all tests that look at it; the last of them ends it."""
    started = Serving(write_settings(tmp_path_factory.mktemp("serving")))
    yield started
    started.end(signal.SIGINT)


def test_the_demo_ends_well_and_leaves_the_report(environment: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tbscreen", "demo", "--keep", str(tmp_path / "out")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("CR CHEST PA", "score", "finding", "priority", "model", "prepare", "predict", "Worklist"):
        assert words in done.stdout
    facts = [line.strip("│ \n") for line in done.stdout.splitlines()]
    (at,) = [number for number, line in enumerate(facts) if line.startswith("film out to SR in")]
    assert all(line.endswith("ms, of which") for line in facts[at : at + 2]), "what contains what"
    assert facts[at + 2].startswith("receive ")
    assert " ".join(done.stdout.split()).endswith("of them with TB."), "what the score means"
    report = dcmread(tmp_path / "out" / "demo-report.dcm")
    assert report.Modality == "SR"
    assert "demo-report.dcm" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL])
def test_an_ended_demo_leaves_no_process(
    number: signal.Signals, environment: dict[str, str], tmp_path: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tbscreen", "demo", "--keep", str(tmp_path)],
        env={**environment, "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as demo:
        process = psutil.Process(demo.pid)
        wait_until(lambda: len(process.children(recursive=True)) >= 4, 120, "Redis and others are started")
        family = process.children(recursive=True)
        demo.send_signal(number)
        assert demo.wait(timeout=60) != 0
        assert psutil.wait_procs(family, timeout=60)[1] == []


def test_serve_says_what_a_pacs_administrator_needs_and_rests_small(serving: Serving) -> None:
    text = "".join(serving.lines)
    for words in ("AE title", "TBSCREEN", "port", "http://127.0.0.1:", "tbscreen users add NAME"):
        assert words in text
    doctor = subprocess.run(
        [sys.executable, "-m", "tbscreen", "doctor"],
        env=serving.environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    data = Path(serving.environment["TBSCREEN_CONFIG"]).parent / "data"
    written = [path for path in data.rglob("*") if path.is_file()]
    assert any(path.suffix == ".sqlite3" for path in written)
    assert [path for path in written if path.stat().st_mode & 0o077] == [], (
        "patient data is this user's alone"
    )
    assert len(serving.family()) >= 6
    assert serving.resting_bytes() <= MAX_RESTING_BYTES


def test_a_second_serve_on_the_same_data_is_refused(serving: Serving) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "tbscreen", "serve"],
        env=serving.environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert second.returncode == 1
    assert "running already" in second.stderr
    assert serving.process.poll() is None


def test_ctrl_c_ends_serve_with_all_its_processes(serving: Serving) -> None:
    family = serving.family()
    assert len(family) >= 6
    assert serving.end(signal.SIGINT) == 0
    assert psutil.wait_procs(family, timeout=10)[1] == []


def test_a_closed_terminal_ends_serve_with_all_its_processes(environment: dict[str, str]) -> None:
    terminal = Serving(environment, pty.openpty())
    family = terminal.family()
    assert len(family) >= 6
    terminal.close_terminal()
    assert terminal.process.wait(timeout=60) in (0, 1)  # 1: the terminal took no last line
    assert psutil.wait_procs(family, timeout=10)[1] == []
    run = Path(environment["TBSCREEN_CONFIG"]).parent / "data" / "run"
    assert list(run.glob("*.process.json")) == [], "serve itself ended them, in order"


def test_the_round_trip_benchmark_ends_with_one_json_object() -> None:
    command = [sys.executable, "-m", "benchmarks.round_trip", "--films", "3", "--associations", "2"]
    done = subprocess.run(
        [*command, "--rows", "500", "--columns", "400"],
        env=make_environment({}),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["films"] == 3
    for key in ("seconds", "films_per_second", "p50_ms", "p95_ms"):
        assert result[key] > 0
    assert set(result["stages_ms"]) == {"receive", "prepare", "queue", "predict", "report", "deliver"}
    assert set(result["associations"]) == {"2"}
