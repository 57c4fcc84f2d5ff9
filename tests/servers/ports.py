"""Free ports, and waiting for a condition with a deadline."""

from __future__ import annotations

import contextlib
import random
import socket
import time
from collections.abc import Callable

POLL_S = 0.02

PORTS = range(20000, 32000)
"""Below what the kernel gives to outgoing connections, which could take a port before its server does."""

given: set[int] = set()


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 on which nobody listens, drawn at random, never the same again.

    Tests run in several processes at once, and each may ask.
    """
    while True:
        port = random.SystemRandom().choice(PORTS)
        if port in given:
            continue
        given.add(port)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


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
