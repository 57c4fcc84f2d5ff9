"""Screens the demo film through the container images that `docker/build.sh` made: `python -m tests.images`.

PostgreSQL, Redis and a small PACS run beside them on this host. The containers run as their own user on a
read-only root, on the host's network. Exit code 0 only when the report is in the PACS and all are ready.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pydicom import dcmread

from tbscreen.demo.trial import SmallPacs
from tests.films import real_film
from tests.integration.conftest import store_raw
from tests.servers.database import postgresql
from tests.servers.ports import free_port, wait_until
from tests.servers.redis import redis_server

RUNTIME = os.environ.get("RUNTIME", "runc")
IMAGES = {"gateway": "gateway", "worker": "worker-cpu", "courier": "courier", "web": "web"}
USER = 10001
START_S = 180.0
LIMITS = ["--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096"]


def main() -> int:
    """Run the images; returns the exit code."""
    if shutil.which("podman") is None:
        sys.stderr.write("podman is missing: apt-get install podman runc\n")
        return 1
    with tempfile.TemporaryDirectory(prefix="tbscreen-images-") as name, ExitStack() as stack:
        place = Path(name)
        place.chmod(0o755)
        pacs = SmallPacs(place / "pacs")
        stack.callback(pacs.stop)
        ports = {process: free_port() for process in IMAGES}
        dicom_port, page_port = free_port(), free_port()
        peer = {"name": "pacs", "ae_title": pacs.ae_title, "host": "127.0.0.1", "port": pacs.port}
        environment = {
            "TBSCREEN_DATABASE_URL": stack.enter_context(postgresql()),
            "TBSCREEN_BROKER_URL": stack.enter_context(redis_server()),
            "TBSCREEN_GATEWAY__HOST": "127.0.0.1",
            "TBSCREEN_GATEWAY__PORT": str(dicom_port),
            "TBSCREEN_GATEWAY__RESERVED_DISK_BYTES": "100000000",
            "TBSCREEN_WEB__PORT": str(page_port),
            "TBSCREEN_MONITORING__HOST": "127.0.0.1",
            **{f"TBSCREEN_MONITORING__{process.upper()}_PORT": str(port) for process, port in ports.items()},
            "TBSCREEN_PEERS": json.dumps([peer]),
        }
        file = place / "environment"
        file.write_text("".join(f"{key}={value}\n" for key, value in environment.items()), "utf-8")
        file.chmod(0o600)
        _say("database")
        subprocess.run(
            [*_command("gateway", place, file, None), "db", "upgrade"], check=True, timeout=START_S
        )
        for process in IMAGES:
            stack.enter_context(_running(process, place, file))
        for process, port in ports.items():
            wait_until(lambda port=port: _is_ready(port), START_S, f"{process} is ready")  # type: ignore[misc]
            _say(f"{process} is ready")
        return _screen(dicom_port, page_port, pacs)


def _screen(dicom_port: int, page_port: int, pacs: SmallPacs) -> int:
    began = time.monotonic()
    status = store_raw(dicom_port, real_film())
    if status != 0x0000 or not pacs.wait_for(1, START_S):
        _say(f"no report came back (C-STORE status {status})")
        return 1
    report = dcmread(next(iter(pacs.received.values()))[0])
    _say(f"film out, report back after {time.monotonic() - began:.1f} s: {report.SeriesDescription}")
    with urllib.request.urlopen(f"http://127.0.0.1:{page_port}/login", timeout=10) as page:
        _say(f"the page answers with {page.status}")
    return 0


def _command(process: str, place: Path, environment: Path, name: str | None) -> list[str]:
    data = place / f"data-{process}"
    data.mkdir(exist_ok=True)
    os.chown(data, USER, USER)
    return [
        *("podman", "run", "--rm", "--runtime", RUNTIME, "--network", "host", "--no-healthcheck", *LIMITS),
        *("--read-only", "--tmpfs", "/tmp", "--cap-drop", "all", "--security-opt", "no-new-privileges"),
        *("--env-file", str(environment), "--volume", f"{data}:/data"),
        *([] if name is None else ["--name", name]),
        f"localhost/tbscreen-{IMAGES[process]}",
    ]


@contextmanager
def _running(process: str, place: Path, environment: Path) -> Iterator[None]:
    name = f"tbscreen-{process}-{uuid.uuid4().hex[:8]}"
    log = place / f"{process}.log"
    with log.open("wb") as output:
        started = subprocess.Popen(_command(process, place, environment, name), stdout=output, stderr=output)
    try:
        yield
        assert started.poll() is None, f"the container {process} ended"
    except BaseException:
        sys.stderr.write(log.read_text("utf-8", "replace")[-4000:])
        raise
    finally:
        subprocess.run(["podman", "stop", "--time", "20", name], capture_output=True, check=False)
        started.wait(timeout=60)


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
