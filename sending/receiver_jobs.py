"""Jobs of receivers, each in a thread: a receiver that is slow or away delays no other."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import structlog

from sending.receiver_breaker import ReceiverBreaker

log = structlog.get_logger(__name__)


class ReceiverJobs:
    """Runs at most one job of each kind for each receiver, and none while the receiver is in trouble.

    Args:
        threads: most jobs at a time.
        retry_first_s: pause after the first failure of a receiver; doubled after each further one.
        retry_most_s: longest pause.
        ended: is called when a job has ended, from its thread.
    """

    def __init__(
        self, threads: int, retry_first_s: float, retry_most_s: float, ended: Callable[[], None]
    ) -> None:
        self._pauses = retry_first_s, retry_most_s
        self._ended = ended
        self._breakers: dict[str, ReceiverBreaker] = {}
        self._running: dict[tuple[str, str], Future[None]] = {}
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="receiver")

    def breaker(self, name: str) -> ReceiverBreaker:
        """Return the circuit breaker of a receiver."""
        return self._breakers.setdefault(name, ReceiverBreaker(*self._pauses))

    def is_ready(self, kind: str, name: str) -> bool:
        """True when the receiver is not in trouble and has no job of this kind running."""
        running = self._running.get((kind, name))
        return (running is None or running.done()) and not self.breaker(name).is_open

    def start(self, kind: str, name: str, work: Callable[[str], None]) -> None:
        """Start a job, which gets the receiver's name, if the receiver is ready for it."""
        if self.is_ready(kind, name):
            job = self._running[kind, name] = self._pool.submit(self._guard, work, name)
            job.add_done_callback(lambda _: self._ended())

    def close(self) -> None:
        """Wait for the jobs that run."""
        self._pool.shutdown()

    def _guard(self, work: Callable[[str], None], name: str) -> None:
        try:
            work(name)
        except Exception as error:  # noqa: BLE001  the leases expire; the next round tries again
            pause = self.breaker(name).record_failure()
            log.error(
                "job of a receiver failed", receiver=name, error=type(error).__name__, seconds=round(pause, 1)
            )
