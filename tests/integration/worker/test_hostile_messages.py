"""Whoever reaches Redis can send a worker anything. It runs nothing of it, and screens on."""

from __future__ import annotations

import base64
import json
import math
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import psutil
import pytest
from celery import Celery
from redis import Redis
from sqlalchemy import select

from db.database import Database
from db.states import FilmState
from db.tables import Screening
from dicom_gateway.dispatch import Dispatcher
from domain.array.normalization import SPEC
from domain.film_key import film_key
from domain.screening_request import QUEUE, TASK_NAME, ScreeningRequest
from tests.servers.ports import wait_until
from tests.servers.redis import redis_server
from tests.unit import rows
from tests.unit.worker.conftest import register
from tests.unit.worker.networks import write_network

ARRAY = np.full((SPEC.rows, SPEC.columns), 0.5, np.float32)
KEY = film_key("1.2.3.1")
GOOD = ScreeningRequest(1, KEY, SPEC.version, ARRAY).to_message()


class Trap:
    """Unpickled, it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def envelope(body: bytes, content_type: str = "application/x-msgpack", **headers: object) -> bytes:
    """Return what kombu puts into a Redis list (celery's protocol, version 2)."""
    known = {"lang": "py", "task": TASK_NAME, "id": "1", "root_id": "1", "argsrepr": "", "kwargsrepr": ""}
    message = {
        "body": base64.b64encode(body).decode(),
        "content-encoding": "binary",
        "content-type": content_type,
        "headers": known | headers,
        "properties": {
            "correlation_id": "1",
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": QUEUE},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": os.urandom(8).hex(),
        },
    }
    return json.dumps(message).encode()


def call(*arguments: object, **headers: object) -> bytes:
    """Return a message that calls the task."""
    return envelope(msgpack.packb([list(arguments), {}, {}]), **headers)


def changed(**fields: object) -> bytes:
    """Return a request for the second film in which something is wrong."""
    return call(GOOD | {"instance_id": 2, "film_key": film_key("1.2.3.2")} | fields)


def no_requests() -> dict[str, bytes]:
    """Messages that are what celery takes, and no request of ours."""
    return {
        "no map": call("text"),
        "too many arguments": call(GOOD, GOOD, GOOD),
        "no arguments": call(),
        "a wrong type": changed(instance_id="1; DROP TABLE instances"),
        "a huge number": changed(instance_id=2**63),
        "an array of another size": changed(array=b"\0" * 16),
        "a huge array": changed(array=bytes(30_000_000)),
        "an array of no numbers": changed(array=np.full_like(ARRAY, np.nan).tobytes()),
        "an array out of range": changed(array=(ARRAY * 1e30).tobytes()),
        "fields nobody knows": changed(instance_id=0, __class__="os.system"),
        "an unknown task": call(GOOD, task="os.system"),
        "a task of celery's own": call([{"task": "os.system"}], task="celery.map"),
        "limits of the sender's own": changed(instance_id=0, timelimit=[10**9, 10**9]),
    }


def no_messages(trap: Path) -> dict[str, bytes]:
    """Bodies that are not a message, or in a form that is refused."""
    pickled = pickle.dumps([[Trap(trap)], {}, {}])
    return {
        "pickle": envelope(pickled, "application/x-python-serialize"),
        "pickle that says it is msgpack": envelope(pickled),
        "json": envelope(b'[[{"version": 1}], {}, {}]', "application/json"),
        "no content type": envelope(b"\xc1", "application/none"),
        "msgpack cut short": envelope(msgpack.packb([[GOOD], {}, {}])[:-10]),
        "msgpack that is nested deeply": envelope(b"\x91" * 100_000),
    }


GARBAGE = (
    b"\xff\xfe garbage",
    b"[]",
    b"{}",
    b'{"body": "%%%", "properties": {"body_encoding": "base64"}}',
    b"1",
    b"[" * 100_000,
)
"""Bytes that are not the envelope of a message."""


@contextmanager
def worker(database: Database, redis_url: str, folder: Path) -> Iterator[tuple[psutil.Process, Path]]:
    """Run `tbscreen worker` inside the block; yields it and its log."""
    ready, log = folder / "ready", folder / "worker.log"
    environment = os.environ | {
        "TBSCREEN_DATA_DIRECTORY": str(folder / "data"),
        "TBSCREEN_DATABASE_URL": str(database.engine.url),
        "TBSCREEN_BROKER_URL": redis_url,
        "TBSCREEN_WORKER__RUNTIME": "keras",
    }
    command = [sys.executable, "-m", "tbscreen", "worker", "--ready-file", str(ready)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        wait_until(ready.exists, 90, "the worker is ready")
        yield psutil.Process(process.pid), log
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


COMMANDS = (
    ("shutdown", {}),
    ("pool_shrink", {"n": 1}),
    ("cancel_consumer", {"queue": QUEUE}),
    ("time_limit", {"task_name": TASK_NAME, "soft": 0.001, "hard": 0.002}),
    ("rate_limit", {"task_name": TASK_NAME, "rate_limit": "1/h"}),
)
"""Of celery's remote control."""


def test_a_worker_runs_nothing_that_is_sent_to_it_and_screens_on(
    sqlite_database: Database, tmp_path: Path
) -> None:
    register(sqlite_database, write_network(tmp_path / "bundle"))
    trap = tmp_path / "trap"
    hostile = [*no_requests().values(), *no_messages(trap).values(), *GARBAGE]
    film, struck = (rows.receive_and_queue(sqlite_database, f"1.2.3.{number}") for number in (1, 2))
    with (
        redis_server() as url,
        worker(sqlite_database, url, tmp_path) as (process, log),
        Redis.from_url(url) as client,
    ):
        before = {child.pid for child in process.children()}
        with Celery(broker=url, set_as_current=False) as sender:
            for command, arguments in COMMANDS:
                sender.control.broadcast(command, arguments=arguments)
        client.lpush(QUEUE, *hostile)
        dispatcher = Dispatcher(url)
        dispatcher.send(ScreeningRequest(film, KEY, SPEC.version, ARRAY))
        dispatcher.close()
        wait_until(
            lambda: rows.read_film(sqlite_database, film).state == FilmState.SCREENED,
            60,
            "the worker screens on",
        )
        assert {child.pid for child in process.children()} == before, "its processes are those of before"
        assert client.pubsub_channels("*") == [], "nobody listens to remote control"
        assert client.pubsub_numpat() == 0, "nor to a pattern of channels"
        assert client.llen(QUEUE) == 0
    assert not trap.exists(), "no pickle is opened"
    told = log.read_text()
    assert told.count("message dropped") >= 8
    assert told.count("no message: dropped") == len(GARBAGE)
    assert url not in told, "no variable's value is told with an error"
    assert rows.read_film(sqlite_database, film).screening_attempts == 1
    named = rows.read_film(sqlite_database, struck)
    assert (named.state, named.screening_strikes) == (FilmState.RECEIVED, 1), (
        "its message was dropped: a strike"
    )


def test_a_result_that_an_attacker_puts_into_redis_is_nobody_s(
    sqlite_database: Database, tmp_path: Path
) -> None:
    register(sqlite_database, write_network(tmp_path / "bundle", weight=4.0))
    film = rows.receive_and_queue(sqlite_database, "1.2.3.1")
    forged = {"score": 0.01, "probability": 0.01, "finding": "absent", "priority": "LOW"}
    request = ScreeningRequest(film, KEY, SPEC.version, ARRAY).to_message()
    place = "celery-task-meta-forged"
    seen: list[str] = []
    with (
        redis_server() as url,
        worker(sqlite_database, url, tmp_path),
        Redis.from_url(url, decode_responses=True) as client,
        Celery(broker=url, task_serializer="msgpack", set_as_current=False) as sender,
    ):
        client.set(place, json.dumps({"status": "SUCCESS", "result": forged, "task_id": "forged"}))
        with client.monitor() as monitor:
            sender.send_task(TASK_NAME, args=[request | forged], queue=QUEUE, task_id="forged")
            wait_until(
                lambda: rows.read_film(sqlite_database, film).state == FilmState.SCREENED, 60, "screened"
            )
            wait_until(
                lambda: not client.hlen("unacked"), 30, "the message is acknowledged, after any result"
            )
            client.set("over", 1)
            while "over" not in (command := monitor.next_command()["command"]):
                seen.append(command)
    with sqlite_database.read() as session:
        screening = session.scalars(select(Screening)).one()
    assert screening.score == pytest.approx(1 / (1 + math.exp(-4.0 * 0.5)), abs=1e-5), "the network's"
    assert screening.finding == "present"
    assert [command for command in seen if "celery-task-meta" in command] == [], "no result is read or kept"


def test_a_pickle_would_have_run(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Trap(tmp_path / "trap")))
    assert (tmp_path / "trap").exists()
