"""What a worker that ends has begun to write to its processes."""

from __future__ import annotations

import select
from typing import Any, Final

POLL_S: Final = 0.5


def finish_writing(worker: Any) -> None:
    """Let a Celery worker that is told to end write to its processes what it has begun to write.

    A film is larger than a pipe. Celery's goodbye comes even in the middle of one, and the process, which
    waits for the other half, would never read it. What was not begun goes back to the broker.
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
    """Read what the process says until it has taken the film: Celery would forget one that nobody took."""
    answers = job._write_to.outq._reader
    while not job._accepted and job._write_to._is_alive():
        if select.select([answers], [], [], POLL_S)[0]:
            pool.handle_result_event(answers.fileno())
