"""The proof in small: the distributed stack, and its parts die."""

from __future__ import annotations

import json
import subprocess
import sys

from tests import checkout
from tests.servers.database import find_postgresql
from tests.servers.pacs import need

FAULTS = ("kill gateway", "kill worker child", "flush redis", "stop postgresql", "pacs dies in transfer")


def test_nothing_is_lost_or_doubled_while_parts_die() -> None:
    find_postgresql()
    need("redis-server", "redis-server")
    need("Orthanc", "orthanc")
    command = [sys.executable, "-m", "chaos", "--films", "15", "--rounds", "1", "--pause", "2", "--seed", "4"]
    command += [word for name in FAULTS for word in ("--only", name)]
    root = checkout.ROOT
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["lost"], result["duplicated"], result["stuck"]) == (0, 0, 0)
    assert result["films"] == 15
    assert {line["fault"]: line["injected"] for line in result["by_fault"]} == dict.fromkeys(FAULTS, 1)
    assert result["restarts"]["postgresql"] == result["restarts"]["orthanc"] == 1
