"""A worker that is told to end is gone in bounded time, even when its predicting process hangs."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
from redis import Redis

from db.database import Database
from dicom_gateway.dispatch import Dispatcher
from domain.screening_request import ScreeningRequest
from tests.servers.ports import wait_until
from tests.servers.product import Product, product
from tests.unit.worker.conftest import register
from tests.unit.worker.networks import write_network

PIPE_BYTES = 65536
"""Capacity of a Linux pipe: a quarter of a film."""


@contextmanager
def worker(database: Database, broker_url: str, folder: Path, **settings: str) -> Iterator[Product]:
    """Run a worker that is ready and has one predicting process."""
    register(database, write_network(folder / "bundle"))
    values = {
        "TBSCREEN_DATABASE_URL": str(database.engine.url),
        "TBSCREEN_BROKER_URL": broker_url,
        **settings,
    }
    with product("worker", "worker", folder, values) as started:
        started.wait_until_ready()
        children = psutil.Process(started.process.pid).children()
        try:
            yield started
        finally:
            for child in children:
                if child.is_running():
                    child.kill()


def test_a_worker_whose_predicting_process_hangs_ends_in_time(
    sqlite_database: Database, redis_url: str, tmp_path: Path
) -> None:
    with worker(sqlite_database, redis_url, tmp_path, TBSCREEN_WORKER__TIME_LIMIT_S="2") as started:
        (child,) = psutil.Process(started.process.pid).children()
        child.suspend()
        started.process.send_signal(signal.SIGTERM)
        started.process.wait(timeout=30)
        wait_until(lambda: not child.is_running(), 5, "its predicting process is gone")
    # Either the watchdog saw it first, or the end of the worker did.
    told = started.log.read_text("utf-8")
    assert "did not end in time" in told or "a predicting process hangs" in told


def test_a_worker_that_is_told_to_end_while_it_hands_a_film_over_ends_at_once(
    sqlite_database: Database, redis_url: str, tmp_path: Path
) -> None:
    film = ScreeningRequest(1, "ab" * 32, "none", np.zeros((256, 256), np.float32))
    dispatcher = Dispatcher(redis_url)
    with worker(sqlite_database, redis_url, tmp_path) as started:
        (child,) = psutil.Process(started.process.pid).children()
        child.suspend()  # so that half of the film stays in the pipe
        dispatcher.send(film)
        wait_until(lambda: count_unread(child) >= PIPE_BYTES // 2, 30, "a part of the film is on its way")
        started.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "Warm shutdown" in started.log.read_text("utf-8"), 30, "the worker ends")
        child.resume()
        assert started.process.wait(timeout=30) == 0
        # It got the whole film. Until then it must not be killed below.
        wait_until(lambda: "nothing to do" in started.log.read_text("utf-8"), 30, "the film is judged")
    assert "did not end in time" not in started.log.read_text("utf-8")
    with Redis.from_url(redis_url) as client:
        client.flushdb()
    dispatcher.close()


def count_unread(process: psutil.Process) -> int:
    """Return how many bytes wait in the fullest pipe that a process has open."""
    most = 0
    for entry in Path(f"/proc/{process.pid}/fd").iterdir():
        if not str(entry.readlink()).startswith("pipe:"):
            continue
        descriptor = os.open(entry, os.O_RDONLY | os.O_NONBLOCK)
        try:
            waiting = fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4))
        finally:
            os.close(descriptor)
        most = max(most, int.from_bytes(waiting, sys.byteorder))
    return most
