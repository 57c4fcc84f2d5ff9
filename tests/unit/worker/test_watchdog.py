"""A predicting process that is silent is replaced; one that works, however long, is not."""

from __future__ import annotations

import subprocess
import sys

PARENT = """
import os, signal, time
import psutil
from worker.watchdog import Heartbeats, Watchdog

heartbeats = Heartbeats()

def fork():
    pid = os.fork()
    if pid == 0:
        heartbeats.start()
        while True:
            time.sleep(60)
    return pid

stopped, working = fork(), fork()
try:
    watchdog = Watchdog(heartbeats, silent_s=10)
    assert watchdog.check() == []
    while not (heartbeats.last(stopped) and heartbeats.last(working)):
        time.sleep(0.05)
    os.kill(stopped, signal.SIGSTOP)
    killed, deadline = [], time.monotonic() + 45
    while not killed and time.monotonic() < deadline:
        time.sleep(0.1)
        killed = watchdog.check()
    assert killed == [stopped], killed
    while psutil.Process(stopped).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.05)
    assert watchdog.check() == [], "once is enough"
    assert os.WTERMSIG(os.waitpid(stopped, 0)[1]) == signal.SIGKILL
    assert os.waitpid(working, os.WNOHANG) == (0, 0)
finally:
    for pid in (stopped, working):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
print("done")
"""


def test_only_a_process_that_shows_no_sign_of_life_is_killed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PARENT], capture_output=True, text=True, check=False, timeout=90
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("done\n")
