"""A receiver of HL7 messages by simple-hl7, an implementation of MLLP and HL7 in JavaScript (npm)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.servers.peers.node_packages import need_package
from tests.servers.ports import free_port, wait_until

SERVER: Final = Path(__file__).with_name("hl7_server.js")


class NodeReceiver:
    """A running receiver.

    Args:
        port: TCP port on this host.
        output: file of its standard output.
    """

    def __init__(self, port: int, output: Path) -> None:
        self.port = port
        self._output = output

    def read(self) -> list[dict[str, Any]]:
        """Return what it has read of each message, in order."""
        return [json.loads(line) for line in self._output.read_text("utf-8").splitlines() if line[0] == "{"]

    def is_ready(self) -> bool:
        """True when it listens."""
        return "ready" in self._output.read_text("utf-8")


@contextmanager
def node_receiver(folder: Path) -> Iterator[NodeReceiver]:
    """Run a receiver in a process of its own; skip the test where Node.js, npm or the package is missing."""
    node, packages = need_package("simple-hl7", "3.3.0")
    output = folder / "node.log"
    receiver = NodeReceiver(free_port(), output)
    with output.open("wb") as file:
        process = subprocess.Popen([node, str(SERVER), str(packages), str(receiver.port)], stdout=file)
        try:
            wait_until(receiver.is_ready, 60, "the receiver listens")
            yield receiver
        finally:
            process.kill()
            process.wait(30)
