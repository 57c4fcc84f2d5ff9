"""A hospital's site without tbscreen: Orthanc and the script on its changes feed."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from benchmarks.peers.process_times import measure_cpu_s
from benchmarks.round_trip import TIMEOUT_S, send_films
from tests.checkout import ROOT
from tests.servers.pacs import orthanc


def measure_script(films: Sequence[Path], associations: int) -> dict[str, Any]:
    """Send all films to Orthanc and wait for all reports; returns what `round_trip.measure` does."""
    with tempfile.TemporaryDirectory(prefix="tbscreen-script-") as name, orthanc(Path(name)) as server:
        words = [sys.executable, "-m", "benchmarks.peers.orthanc_script"]
        words += ["--orthanc", f"http://127.0.0.1:{server.http_port}", "--last", f"{name}/last-change"]
        words += ["--bundle", str(ROOT / "tbscreen" / "bundles" / "default")]
        with (Path(name) / "script.log").open("w+") as log:
            script = subprocess.Popen(
                words, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT, env=dict(os.environ)
            )
            try:
                assert script.stdout is not None
                if script.stdout.readline() != "ready\n":
                    raise SystemExit((Path(name) / "script.log").read_text()[-2000:])
                this = psutil.Process()
                before = measure_cpu_s(this)
                began = send_films(server.dicom_port, server.ae_title, films, associations)
                arrivals: dict[str, float] = {}
                deadline = time.monotonic() + TIMEOUT_S
                while len(arrivals) < len(films) and time.monotonic() < deadline:
                    uid, moment = json.loads(script.stdout.readline())
                    arrivals[uid] = moment
                spent = measure_cpu_s(this) - before
            finally:
                script.kill()
                script.wait()
    latencies = sorted((arrivals[uid] - start) * 1000 for uid, start in began.items())
    seconds = max(arrivals.values()) - min(began.values())
    return {
        "films": len(films),
        "seconds": round(seconds, 3),
        "films_per_second": round(len(films) / seconds, 2),
        "p50_ms": round(statistics.median(latencies), 1),
        "p95_ms": round(latencies[min(len(latencies) - 1, int(0.95 * len(latencies)))], 1),
        "cpu_ms": {part: round(1000 * value / len(films), 1) for part, value in spent.items()},
    }
