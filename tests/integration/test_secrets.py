"""Passwords stand in no line that a process writes and on no command line, whatever goes wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest
from redis import Redis
from sqlalchemy import make_url

from tests.films import small_film
from tests.integration.conftest import store_raw
from tests.servers.ports import free_port, is_listening, wait_until
from tests.servers.product import GRAPHS
from tests.servers.redis import redis_server

WORD = "s3cr3t-pa55"
PROCESSES = ("gateway", "worker", "courier", "web")


def tell(database_url: str, broker_url: str, folder: Path) -> dict[str, str]:
    """Return an environment that tells processes their URLs, one by a variable and one by a file."""
    (folder / "broker-url").write_text(broker_url + "\n")
    return {name: value for name, value in os.environ.items() if not name.startswith("TBSCREEN_")} | {
        "TBSCREEN_DATA_DIRECTORY": str(folder / "data"),
        "TBSCREEN_DATABASE_URL": database_url,
        "TBSCREEN_BROKER_URL_FILE": str(folder / "broker-url"),
        "TBSCREEN_LOG_LEVEL": "debug",
        "TBSCREEN_GATEWAY__HOST": "127.0.0.1",
        "TBSCREEN_GATEWAY__PORT": str(free_port()),
        "TBSCREEN_GATEWAY__RESERVED_DISK_BYTES": "0",
        "TBSCREEN_WEB__PORT": str(free_port()),
        "TBSCREEN_WORKER__GRAPH_DIRECTORY": str(GRAPHS),
        "PYTHONFAULTHANDLER": "1",
    }


def ask(environment: dict[str, str], *words: str) -> str:
    """Run a command; return all that it says."""
    command = [sys.executable, "-m", "tbscreen", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    return done.stdout + done.stderr


@contextmanager
def running(environment: dict[str, str], folder: Path) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Run the four processes inside the block; each writes `NAME.log`."""
    with ExitStack() as stack:
        started = {}
        for name in PROCESSES:
            output = stack.enter_context((folder / f"{name}.log").open("wb"))
            command = [sys.executable, "-m", "tbscreen", name]
            command += ["--ready-file", str(folder / f"{name}.ready")]
            started[name] = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            yield started
        finally:
            for process in started.values():
                process.terminate()
            for process in started.values():
                try:
                    process.wait(timeout=60)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def read_command_lines(started: dict[str, subprocess.Popen[bytes]]) -> list[str]:
    """Return what `ps` shows everybody of the processes and their children."""
    lines = []
    for process in started.values():
        if process.poll() is None:
            whole = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            lines += [" ".join(member.cmdline()) for member in whole]
    return lines


@pytest.fixture
def away() -> tuple[str, str]:
    """URLs at which nobody answers."""
    return (
        f"postgresql://me:{WORD}@127.0.0.1:{free_port()}/tb",
        f"redis://me:{WORD}@127.0.0.1:{free_port()}/0",
    )


def test_no_password_is_told_while_all_goes_well_or_the_broker_refuses_it(
    postgresql_url: str, tmp_path: Path
) -> None:
    database_url = make_url(postgresql_url).set(password=WORD).render_as_string(hide_password=False)
    with redis_server() as url, Redis.from_url(url) as client:
        broker_url = url.replace("redis://", f"redis://:{WORD}@")
        client.config_set("requirepass", WORD)
        environment = tell(database_url, broker_url, tmp_path)
        port = int(environment["TBSCREEN_GATEWAY__PORT"])
        with running(environment, tmp_path) as started:
            wait_until(lambda: all((tmp_path / f"{name}.ready").exists() for name in PROCESSES), 90, "ready")
            shown = read_command_lines(started)
            client.config_set("requirepass", "another")  # from now on it is wrong
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            assert store_raw(port, small_film(tmp_path)) == 0x0000
            told = [ask(environment, *words) for words in (["doctor"], ["worklist"], ["settings"])]
            wait_until(lambda: "broker" in (tmp_path / "gateway.log").read_text(), 30, "it is away")
    assert len(shown) >= 6, "the processes and their children"
    logs = {name: (tmp_path / f"{name}.log").read_text() for name in PROCESSES}
    assert "film received" in logs["gateway"]
    assert "127.0.0.1" in told[0]
    for what, text in {"ps": "\n".join(shown), "commands": "\n".join(told), **logs}.items():
        assert WORD not in text, what


def test_no_password_is_told_when_nobody_answers(away: tuple[str, str], tmp_path: Path) -> None:
    environment = tell(*away, tmp_path)
    commands = (["gateway"], ["web"], ["worklist"], ["doctor"], ["db", "upgrade"])
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tbscreen", *words],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for words in commands
    ]
    port = int(environment["TBSCREEN_WEB__PORT"])
    wait_until(lambda: is_listening(port) or processes[1].poll() is not None, 60, "the page is there or gone")
    for process in processes[:2]:
        process.terminate()
    for words, process in zip(commands, processes, strict=True):
        said = process.communicate(timeout=120)[0]
        assert WORD not in said, words
        if words[0] not in ("gateway", "web"):
            assert "database" in said, words
