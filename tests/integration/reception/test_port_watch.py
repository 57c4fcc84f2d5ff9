"""A process whose port takes no connections any more ends, so that it is started again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dicom_gateway.reception.port_watch import EXIT_STATUS
from tests.servers.ports import free_port

DEAF = """
import socket, sys, threading, time
from pathlib import Path
from db.database import Database
from db.settings import DatabaseSettings
from dicom_gateway.reception import port_watch
from dicom_gateway.reception.port_watch import PortWatch
from dicom_gateway.reception.storage_scp import StorageScp
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.spool import Spool

url, folder, port, deaf = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "deaf"
port_watch.LOOK_EVERY_S = 1.0
settings = GatewaySettings(host="127.0.0.1", port=port, reserved_disk_bytes=0)
scp = StorageScp(settings, Database.open(DatabaseSettings(url=url)), Spool(folder), received=lambda: None)
scp.start()
if deaf:
    scp._listeners[0]._lock.acquire()  # the thread that accepts connections waits for it without end
connection = socket.create_connection(("127.0.0.1", port))
watch = PortWatch(scp)
for _ in range(10):
    time.sleep(port_watch.LOOK_EVERY_S)
    watch.look()
print("still there", flush=True)
connection.close()
scp.stop()
"""


def run(url: str, folder: Path, what: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", DEAF, url, str(folder), str(free_port()), what]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_a_process_with_a_deaf_port_ends(sqlite_url: str, tmp_path: Path) -> None:
    ended = run(sqlite_url, tmp_path / "spool", "deaf")
    assert (ended.returncode, ended.stdout.count("still there")) == (EXIT_STATUS, 0), ended.stderr
    assert "takes no connections any more" in ended.stdout + ended.stderr


def test_a_process_with_a_caller_that_says_nothing_goes_on(sqlite_url: str, tmp_path: Path) -> None:
    ended = run(sqlite_url, tmp_path / "spool", "well")
    assert (ended.returncode, ended.stdout.count("still there")) == (0, 1), ended.stderr
