"""A gateway process alone. By default no broker is there, so that its films wait in the spool."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.servers.ports import free_port, wait_until


@contextmanager
def gateway(
    data: Path, port: int, database_url: str, changes: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `tbscreen gateway` inside the block, on a migrated database, until its disk is really full.

    Args:
        data: its data directory, made if it is not there.
        port: where it listens.
        database_url: need not lie on the same disk.
        changes: of its environment. What it logs lies beside `data`, as `NAME.log`.
    """
    data.mkdir(parents=True, exist_ok=True)
    ready = data / "gateway.ready"
    ready.unlink(missing_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TBSCREEN_")} | {
        "TBSCREEN_DATA_DIRECTORY": str(data),
        "TBSCREEN_DATABASE_URL": database_url,
        "TBSCREEN_BROKER_URL": f"redis://127.0.0.1:{free_port()}/0",
        "TBSCREEN_GATEWAY__HOST": "127.0.0.1",
        "TBSCREEN_GATEWAY__PORT": str(port),
        "TBSCREEN_GATEWAY__RESERVED_DISK_BYTES": "0",
        **(changes or {}),
    }
    command = [sys.executable, "-m", "tbscreen", "gateway", "--ready-file", str(ready)]
    with (data.parent / f"{data.name}.log").open("ab") as log:  # not on a disk that is to be full
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=log)
    try:
        wait_until(ready.exists, 60, "the gateway is ready")
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
