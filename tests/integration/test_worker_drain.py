"""A worker that is told to end is gone in bounded time, even when its predicting process hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from db.database import Database
from tests.servers.ports import wait_until
from tests.unit.worker.conftest import register
from tests.unit.worker.networks import write_network


def test_a_worker_whose_predicting_process_hangs_ends_in_time(
    sqlite_database: Database, redis_url: str, tmp_path: Path
) -> None:
    register(sqlite_database, write_network(tmp_path / "bundle"))
    ready = tmp_path / "ready"
    environment = os.environ | {
        "TBSCREEN_DATA_DIRECTORY": str(tmp_path / "data"),
        "TBSCREEN_DATABASE_URL": str(sqlite_database.engine.url),
        "TBSCREEN_BROKER_URL": redis_url,
        "TBSCREEN_WORKER__TIME_LIMIT_S": "2",
        "TBSCREEN_WORKER__RUNTIME": "keras",
    }
    log = tmp_path / "log.txt"
    command = [sys.executable, "-m", "tbscreen", "worker", "--ready-file", str(ready)]
    with log.open("wb") as output:
        worker = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        wait_until(ready.exists, 90, "the worker is ready")
        (child,) = psutil.Process(worker.pid).children()
        child.suspend()
        worker.send_signal(signal.SIGTERM)
        worker.wait(timeout=30)
        wait_until(lambda: not child.is_running(), 5, "its predicting process is gone")
    finally:
        for process in psutil.Process(worker.pid).children() if worker.poll() is None else []:
            process.kill()
        worker.kill()
        worker.wait()
    # Either the watchdog saw it first, or the end of the worker did.
    told = log.read_text()
    assert "did not end in time" in told or "a predicting process hangs" in told
