"""A Celery worker with one task, and with those corrections of Celery that its arguments name.

`python -m tests.integration.worker.small_worker URL [channel] [flush] [log]`
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Final

from celery import Celery
from kombu.entity import Queue

from worker.celery_repairs.broker_channel import ForgivingAMQP
from worker.celery_repairs.lost_process_log import FilmRequest
from worker.celery_repairs.task_message_flush import finish_writing

QUEUE: Final = "small"
TASK: Final = "small.take"


def main(url: str, *corrections: str) -> None:
    """Work until SIGTERM; write `took N` for a task of N bytes, and die with it where it says so."""
    app = Celery("small", broker=url, amqp=ForgivingAMQP if "channel" in corrections else None)
    app.conf.update(
        accept_content=["msgpack"],
        task_serializer="msgpack",
        task_ignore_result=True,
        task_acks_late=True,
        task_queues=[Queue(QUEUE)],  # type: ignore[no-untyped-call]
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_redirect_stdouts=False,
        worker_send_task_events=False,
    )
    request = {"Request": FilmRequest} if "log" in corrections else {}

    @app.task(name=TASK, **request)  # type: ignore[untyped-decorator]
    def take(message: dict[str, object]) -> None:
        content = message["array"]
        assert isinstance(content, bytes)
        sys.stdout.write(f"took {len(content)}\n")
        sys.stdout.flush()
        if message.get("dies"):
            os.kill(os.getpid(), signal.SIGKILL)

    worker = app.Worker(
        pool_cls="prefork",
        concurrency=1,
        loglevel="INFO",
        hostname="small@%h",
        without_gossip=True,
        without_mingle=True,
    )
    if "flush" in corrections:
        finish_writing(worker)
    worker.start()
    sys.exit(worker.exitcode)


if __name__ == "__main__":
    main(*sys.argv[1:])
