"""Flush task messages that a stopping worker has written in part.

A film is larger than a pipe, so a worker writes it to a predicting process piece by piece. Told to end in the
middle of one, Celery writes its goodbye (a sentinel) at once: the process takes it for the message's next
bytes, waits for the rest, and neither it nor the worker ends. The symptom is reported as
https://github.com/celery/celery/issues/1770 (closed). To reproduce: stop the process (SIGSTOP), send a task
of 256 KiB, SIGTERM to the worker, SIGCONT to the process.
"""

from __future__ import annotations

import select
from typing import Any, Final

POLL_S: Final = 0.5


def finish_writing(worker: Any) -> None:
    """Have a Celery worker that is told to end write the task messages that it has begun to write.

    Those that are not begun go back to the broker.
    """
    close = worker.blueprint.on_close

    def write_and_close() -> None:
        pool = worker.pool._pool
        pool.outbound_buffer.clear()
        for job in list(pool._cache.values()):
            writer = job._writer() if job._writer is not None else None
            if job._write_to is None:
                job.discard()
                pool._active_writers.discard(writer)
            else:
                if writer in pool._active_writers:
                    pool._flush_writer(job._write_to, writer)
                _wait_until_taken(pool, job)
        close()

    worker.blueprint.on_close = write_and_close


def _wait_until_taken(pool: Any, job: Any) -> None:
    """Read what the process says until it has taken the film: else Celery forgets the film."""
    answers = job._write_to.outq._reader
    while not job._accepted and job._write_to._is_alive():
        if select.select([answers], [], [], POLL_S)[0]:
            pool.handle_result_event(answers.fileno())
