"""A second host on this machine: a network namespace with its own address, name and disk, behind a cable.

It needs root and a kernel that makes namespaces. Where one of the two is missing the test is skipped whatever
REQUIRE_SERVERS says: that is a property of the machine (an unprivileged container), which no package changes.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
import pytest

from tests.servers.missing import find_program, skip_or_fail

REFUSALS: Final = (
    "Operation not permitted",
    "Permission denied",
    "Operation not supported",
    "not supported",
    "Unknown device type",
    "Read-only file system",
    "must be superuser",
)
"""Messages of `ip`, `unshare` and `mount` where the kernel or the container forbids them."""

TABLE: Final = "100"

NOBODY: Final = "02:00:00:00:00:99"
"""A locally administered MAC address that no interface here has."""

LISTED: Final = """
import json, os, socket, sys
places, folder = json.loads(sys.argv[1]), sys.argv[2]
reached = []
for address, port in places:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.settimeout(1)
        if probe.connect_ex((address, port)) == 0:
            reached.append([address, port])
print(json.dumps({"reached": reached, "files": sorted(os.listdir(folder)), "host": socket.gethostname()}))
"""


@dataclass(frozen=True)
class View:
    """The environment of a process on the second host."""

    reached: set[tuple[str, int]]
    """Of the addresses and ports that were asked for, those that took a connection."""
    files: list[str]
    """Names in the folder that was asked for."""
    host: str
    """The name of the host."""


@dataclass(frozen=True)
class SecondHost:
    """A host that reaches only the ports of `first_address` to which `open_way` has opened a way."""

    name: str
    namespace: str
    link: str
    """Its network interface."""
    end: str
    """This machine's interface at the other end of the cable."""
    address: str
    first_address: str
    """The address of this machine on the cable between the two."""

    def open_way(self, *ports: int) -> None:
        """Let the second host reach these TCP ports of `first_address`.

        By policy routing in its own namespace: for any other port or address it has no route at all.
        """
        self._connect()
        for port in ports:
            _ask(*_ip(self, "rule", "add", "ipproto", "tcp", "dport", str(port), "lookup", TABLE))

    @contextmanager
    def link_down(self) -> Iterator[None]:
        """Its network interface is down inside the block."""
        _demand(_ip(self, "link", "set", self.link, "down"))
        try:
            yield
        finally:
            _demand(_ip(self, "link", "set", self.link, "up"))
            self._connect()  # the kernel forgot the routes of an interface that was down

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Every packet between the two hosts vanishes inside the block, and neither is told.

        The packets are addressed to a network card that neither host has. The interfaces stay up.
        """
        ways = (["ip", "-n", self.namespace], self.link, self.first_address), (["ip"], self.end, self.address)
        for command, link, address in ways:
            _demand(
                [*command, "neigh", "replace", address, "lladdr", NOBODY, "dev", link, "nud", "permanent"]
            )
        try:
            yield
        finally:
            for command, link, address in ways:
                _demand([*command, "neigh", "del", address, "dev", link])

    def open_all(self) -> None:
        """Let the two hosts reach each other at every port."""
        _ask(*_ip(self, "route", "replace", f"{self.first_address}/32", "dev", self.link))

    @contextmanager
    def running(
        self, command: Sequence[str], environment: Mapping[str, str], hidden: Path, log: Path
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run a program there inside the block; SIGTERM ends it.

        Args:
            command: what runs.
            environment: all of it.
            hidden: folder of the first host in whose place the program sees an empty disk of its own.
            log: what it writes goes here.
        """
        script = (
            'mount -t tmpfs tmpfs "$1" && mount -t tmpfs tmpfs /dev/shm && hostname "$2" && '
            'shift 2 && exec "$@"'
        )
        inside = ["unshare", "--mount", "--uts", "sh", "-c", script, "sh", str(hidden), self.name, *command]
        with log.open("ab") as output:
            process = subprocess.Popen(
                ["ip", "netns", "exec", self.namespace, *inside],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            yield process
        finally:
            family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            process.terminate()
            try:
                process.wait(timeout=30)
            finally:
                for child in family:
                    if child.is_running():
                        child.kill()
                process.kill()
                process.wait()

    def look(self, process: subprocess.Popen[bytes], places: Sequence[tuple[str, int]], folder: Path) -> View:
        """Return what a running program there can see: through its own namespaces, nobody else's.

        Args:
            process: of `running`.
            places: addresses and TCP ports to try.
            folder: whose files to list.
        """
        enter = ["nsenter", "--target", str(process.pid), "--mount", "--net", "--uts"]
        command = [*enter, sys.executable, "-c", LISTED, json.dumps(list(places)), str(folder)]
        seen = json.loads(_demand(command))
        return View({(address, port) for address, port in seen["reached"]}, seen["files"], seen["host"])

    def _connect(self) -> None:
        _demand(_ip(self, "route", "replace", f"{self.first_address}/32", "dev", self.link, "table", TABLE))


@contextmanager
def second_host(name: str = "second-host") -> Iterator[SecondHost]:
    """Plug a second host into this machine for the block, or skip the test where that is not allowed."""
    for program, package in {"ip": "iproute2", "unshare": "util-linux", "nsenter": "util-linux"}.items():
        if find_program(program) is None:
            skip_or_fail(f"{program} is not installed (Debian package {package})")
    # 198.18.0.0/15 belongs to nobody: it is for tests between two devices (RFC 2544).
    third, fourth = random.SystemRandom().randrange(256), random.SystemRandom().randrange(64) * 4
    key = uuid.uuid4().hex[:8]
    end = f"tbs-{key}-a"
    host = SecondHost(
        name,
        f"tbs-{key}",
        f"tbs-{key}-b",
        end,
        f"198.18.{third}.{fourth + 2}",
        f"198.18.{third}.{fourth + 1}",
    )
    try:
        _ask("ip", "netns", "add", host.namespace)
        _ask("ip", "link", "add", end, "type", "veth", "peer", "name", host.link, "netns", host.namespace)
        _ask("ip", "link", "set", end, "addrgenmode", "none", "up")
        _ask("ip", "addr", "add", f"{host.first_address}/30", "dev", end)
        _ask(*_ip(host, "link", "set", "lo", "up"))
        # Without IPv6, and without the route that comes with an address: `open_way` alone makes ways.
        _ask(*_ip(host, "link", "set", host.link, "addrgenmode", "none", "up"))
        _ask(*_ip(host, "addr", "add", f"{host.address}/32", "dev", host.link))
        inside = ("unshare", "--mount", "--uts", "mount", "-t", "tmpfs", "tmpfs", "/dev/shm")
        _ask("ip", "netns", "exec", host.namespace, *inside)
        yield host
    finally:
        subprocess.run(["ip", "link", "del", end], capture_output=True, check=False)
        subprocess.run(["ip", "netns", "del", host.namespace], capture_output=True, check=False)


def listening_ports() -> set[int]:
    """Return all TCP ports of this machine on which something listens, whoever it is."""
    return {
        connection.laddr.port
        for connection in psutil.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    }


def _ip(host: SecondHost, *words: str) -> list[str]:
    return ["ip", "-n", host.namespace, *words]


def _ask(*command: str) -> None:
    """Run what a kernel or a container may refuse."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    if done.returncode and any(reason in done.stderr for reason in REFUSALS):
        pytest.skip(f"no second host on this machine: {' '.join(command[:4])} …: {done.stderr.strip()}")
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"


def _demand(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout
