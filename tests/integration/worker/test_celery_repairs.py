"""Each correction of Celery, kombu and billiard works and is still needed: a worker with and without it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
import pytest
from celery import Celery
from kombu.connection import Connection
from kombu.transport import redis
from redis import Redis

from domain.film_key import film_key
from domain.film_stage import shorten_key
from tests.integration.worker.small_worker import QUEUE, TASK
from tests.integration.worker.test_hostile_messages import GARBAGE
from tests.integration.worker.test_worker_drain import PIPE_BYTES, count_unread
from tests.servers.ports import wait_until
from worker.celery_repairs.broker_channel import ForgivingConnection, ForgivingTransport

FILM_BYTES: Final = 256 * 256 * 4
KEY: Final = film_key("1.2.3.4")
HANGING_S: Final = 5.0
"""A worker that has nothing left to do and still runs so much later hangs: else it ends within a second."""


@dataclass(frozen=True)
class SmallWorker:
    """A running worker, its log and a producer of its tasks."""

    process: psutil.Popen
    log: Path
    producer: Celery

    def send(self, **fields: object) -> None:
        """Hand over one task as large as a film."""
        message = {"array": bytes(FILM_BYTES), "film_key": KEY, **fields}
        self.producer.send_task(TASK, args=[message], queue=QUEUE)

    def wait_until_told(self, words: str) -> None:
        """Wait until the log holds these words."""
        wait_until(lambda: words in self.told(), 60, f"the worker says {words!r}: {self.log}")

    def told(self) -> str:
        """Return the log."""
        return self.log.read_text("utf-8")


@contextmanager
def small_worker(url: str, folder: Path, *corrections: str) -> Iterator[SmallWorker]:
    """Run a worker with these corrections inside the block."""
    log = folder / "worker.log"
    command = [sys.executable, "-m", "tests.integration.worker.small_worker", url, *corrections]
    producer = Celery(broker=url, set_as_current=False)
    producer.conf.update(task_serializer="msgpack")
    with log.open("wb") as output:
        process = psutil.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: b"ready." in log.read_bytes(), 60, f"the worker is ready: {log}")
        yield SmallWorker(process, log, producer)
    finally:
        with suppress(psutil.NoSuchProcess):
            for each in [process, *process.children()]:
                each.kill()
        process.wait()
        producer.close()
        with Redis.from_url(url) as client:
            client.flushdb()


@pytest.mark.parametrize("garbage", GARBAGE)
def test_an_item_that_is_no_message_ends_kombu_s_reading_and_not_ours(redis_url: str, garbage: bytes) -> None:
    with Redis.from_url(redis_url) as client, Connection(redis_url) as plain:
        client.lpush(QUEUE, garbage)
        with pytest.raises((ValueError, TypeError, LookupError, AttributeError, RecursionError)):
            drain(plain)
    with Redis.from_url(redis_url) as client, ForgivingConnection(redis_url) as ours:
        client.lpush(QUEUE, garbage)
        ours.SimpleQueue(QUEUE).put({"good": True})
        assert drain(ours) == {"good": True}


def drain(connection: Connection) -> object:
    """Return the next message that is one."""
    queue = connection.SimpleQueue(QUEUE)
    message = queue.get(timeout=10)
    message.ack()
    return message.payload


def test_an_item_that_is_no_message_ends_a_worker_of_celery_s_and_not_ours(
    redis_url: str, tmp_path: Path
) -> None:
    for correction in ("flush", "channel"):
        with small_worker(redis_url, tmp_path, correction) as worker, Redis.from_url(redis_url) as client:
            client.lpush(QUEUE, b"garbage")
            if correction == "channel":
                worker.send()
                worker.wait_until_told(f"took {FILM_BYTES}")
                assert "no message: dropped" in worker.told()
            else:
                worker.wait_until_told("Unrecoverable error: JSONDecodeError")
                worker.process.wait(timeout=30)


@pytest.mark.parametrize(
    "url",
    ["redis://127.0.0.1:1/0", "rediss://127.0.0.1:1/0?ssl_cert_reqs=required", "redis+socket:///x.sock"],
)
def test_no_form_of_a_url_goes_round_the_forgiving_transport_and_kombu_s_stays_as_it_is(url: str) -> None:
    ours, plain = ForgivingConnection(url), Connection(url)
    assert isinstance(ours.clone().transport, ForgivingTransport)
    assert type(plain.transport) is redis.Transport
    assert redis.Transport.Channel is redis.Channel
    assert (ours.as_uri(), ours.ssl) == (plain.as_uri(), plain.ssl)


@pytest.mark.parametrize("corrections", [(), ("flush",)])
def test_a_worker_told_to_end_in_the_middle_of_a_message_hangs_unless_corrected(
    redis_url: str, tmp_path: Path, corrections: tuple[str, ...]
) -> None:
    with small_worker(redis_url, tmp_path, *corrections) as worker:
        (child,) = worker.process.children()
        worker.send()
        worker.wait_until_told("took")
        with Redis.from_url(redis_url) as client:
            wait_until(lambda: client.hlen("unacked") == 0, 30, "the worker knows that the task is done")
        child.suspend()
        worker.send()
        wait_until(lambda: count_unread(child) >= PIPE_BYTES // 2, 30, "a part of the task is on its way")
        worker.process.terminate()
        worker.wait_until_told("Warm shutdown")
        child.resume()
        if corrections:
            assert worker.process.wait(timeout=30) == 0
            assert worker.told().count("took") == 2
        else:
            wait_until(lambda: count_unread(child) == 0, 30, "the process has read what there is")
            with pytest.raises(psutil.TimeoutExpired):
                worker.process.wait(timeout=HANGING_S)
            assert worker.told().count("took") == 1


def test_only_our_log_says_which_film_a_lost_process_was_at(redis_url: str, tmp_path: Path) -> None:
    for corrections in ((), ("log",)):
        with small_worker(redis_url, tmp_path, *corrections) as worker:
            worker.send(dies=True)
            worker.wait_until_told("WorkerLostError")
            if corrections:
                worker.wait_until_told("predicting process died with a film")
            assert (shorten_key(KEY) in worker.told()) == bool(corrections)
