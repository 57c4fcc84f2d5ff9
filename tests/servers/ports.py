"""Free ports, and waiting for a condition with a deadline."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

POLL_S = 0.02


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    """True when something takes a TCP connection at this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition: Callable[[], bool], deadline_s: float = 30.0, what: str = "the condition") -> None:
    """Return as soon as `condition` holds; fail the test when it does not within `deadline_s`."""
    deadline = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {deadline_s:g} s")
        time.sleep(POLL_S)
