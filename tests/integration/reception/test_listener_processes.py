"""Several processes on one port: all receive, one that dies is replaced, none outlives the gateway."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest
from sqlalchemy import select

from db import schema
from db.database import Database
from db.settings import DatabaseSettings
from db.tables import Instance
from tests.films import read, small_film
from tests.integration.conftest import store_raw
from tests.servers.gateway import gateway
from tests.servers.pacs import echo
from tests.servers.ports import free_port, is_listening, wait_until


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(DatabaseSettings(url=f"sqlite:///{tmp_path / 'tbscreen.db'}"))
    schema.upgrade(opened)
    yield opened
    opened.close()


def listeners(pid: int, port: int) -> list[psutil.Process]:
    """The children that listen, oldest first."""
    found = []
    for child in psutil.Process(pid).children():
        with suppress(psutil.NoSuchProcess):  # it has just been killed
            connections = child.net_connections("tcp")
            if any(
                (connection.laddr.port, connection.status) == (port, psutil.CONN_LISTEN)
                for connection in connections
            ):
                found.append(child)
    return sorted(found, key=lambda process: process.create_time())


def connected(process: psutil.Process, port: int) -> int:
    return sum(
        connection.laddr.port == port and connection.status == psutil.CONN_ESTABLISHED
        for connection in process.net_connections("tcp")
    )


def test_processes_share_a_port_and_replace_each_other(database: Database, tmp_path: Path) -> None:
    port = free_port()
    changes = {"TBSCREEN_GATEWAY__LISTENER_PROCESSES": "2"}
    url = f"sqlite:///{tmp_path / 'tbscreen.db'}"
    with gateway(tmp_path / "data", port, url, changes) as process:
        both = listeners(process.pid, port)
        assert len(both) == 2

        with ExitStack() as stack:
            for _ in range(30):
                stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            wait_until(lambda: sum(connected(listener, port) for listener in both) == 30, 30, "all are taken")
            assert min(connected(listener, port) for listener in both) > 0
        wait_until(lambda: sum(connected(listener, port) for listener in both) == 0, 30, "all have ended")

        films = [small_film(tmp_path, number) for number in range(3)]
        assert store_raw(port, films[0]) == 0x0000
        os.kill(both[0].pid, signal.SIGKILL)

        def is_replaced() -> bool:
            now = listeners(process.pid, port)
            return len(now) == 2 and now[0] == both[1]

        wait_until(is_replaced, 60, "another takes its place")
        assert all(store_raw(port, film) == 0x0000 for film in films[1:])
        with database.read() as session:
            kept = set(session.scalars(select(Instance.sop_instance_uid)))
        assert kept == {read(film).SOPInstanceUID for film in films}

        os.kill(process.pid, signal.SIGKILL)
        wait_until(lambda: not is_listening(port), 30, "the port is closed with the gateway")

    with gateway(tmp_path / "data", port, url, changes) as process:
        assert len(listeners(process.pid, port)) == 2
        assert echo(port, "TBSCREEN")
    assert not is_listening(port)
