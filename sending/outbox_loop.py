"""The loop of an outbox: makes rows, leases those that are due, sends them, and records each result.

A row is leased before it is sent, and its result is recorded after the receiver's answer. Of a process that
is killed between answer and record the lease stays, and the row is sent again when it ends: at least once,
with the same identifier.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final, Generic, Protocol, TypeVar, cast

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from db.commit_watch import CommitWatch
from db.database import Database
from sending.receiver_breaker import ReceiverBreaker, jittered_pause
from sending.receiver_jobs import ReceiverJobs
from sending.send_result import SendResult

SENDING_BATCH: Final = 16
"""Rows sent at a time, over one connection."""

POLLS_PER_LOOK: Final = 10
"""Polls after which the rows are read although nothing was committed: time alone makes some of them due."""

STRANGERS_EVERY_S: Final = 5.0
"""Pause between two searches for rows to receivers that are not in the settings."""

SEND: Final = "send"
"""Kind of the jobs that send."""

log = structlog.get_logger(__name__)


class Row(Protocol):
    """A leased row."""

    @property
    def number(self) -> int:
        """Primary key."""

    @property
    def receiver(self) -> str:
        """Name of the receiver."""

    @property
    def attempts(self) -> int:
        """Number of attempts, with the present one."""


RowT = TypeVar("RowT", bound=Row)
RowT_co = TypeVar("RowT_co", bound=Row, covariant=True)


class Attempt(Protocol[RowT_co]):
    """One attempt to send a row."""

    @property
    def row(self) -> RowT_co:
        """The row."""

    @property
    def result(self) -> SendResult:
        """Its result."""

    @property
    def in_trouble(self) -> bool:
        """True when the cause is the receiver, not the row: the next row would fail as well."""


AttemptT = TypeVar("AttemptT", bound=Attempt[Row])


class Outbox(Protocol[RowT, AttemptT]):
    """One outbox: its table, its sender and its words."""

    def list_due(self, session: Session, receivers: Sequence[str]) -> list[str]:
        """Return those of `receivers` for which a row is due."""

    def list_strangers(self, session: Session, receivers: Collection[str]) -> list[str]:
        """Return the receivers outside `receivers` for which a row is due."""

    def lease(self, session: Session, lease: timedelta, limit: int, receiver: str) -> Sequence[RowT]:
        """Take up to `limit` due rows; a lease that ends makes them due again."""

    def is_stored(self, session: Session, row: RowT) -> bool:
        """True unless a leased row was erased: SQLite gives its number to the next one."""

    def hand_back(self, session: Session, numbers: Sequence[int]) -> None:
        """Make leased rows that were not tried due again, without counting an attempt."""

    def send(self, receiver: str, rows: Sequence[RowT]) -> Iterator[AttemptT]:
        """Send rows in order and yield each attempt at once; end after one that finds trouble."""

    def judge(self, row: RowT, result: SendResult, reason: str) -> AttemptT:
        """Return an attempt that reached no receiver."""

    def mark_delivered(self, session: Session, attempts: Sequence[AttemptT]) -> None:
        """Record that rows are delivered."""

    def park(self, session: Session, attempt: AttemptT) -> None:
        """Record a permanent failure."""

    def retry_later(self, session: Session, attempt: AttemptT, delay: timedelta) -> None:
        """Record a transient failure."""

    def record_stage(self, attempt: AttemptT, started_ns: int) -> None:
        """Record an attempt that began then and ends now, for traces."""

    def tell(self, attempt: AttemptT, pause_s: float | None) -> None:
        """Log and count a recorded attempt, with the seconds to the next one; None for the last."""

    def tell_trouble(self, attempt: AttemptT, pause_s: float | None) -> None:
        """Log that a receiver is in trouble for `pause_s` seconds, or with None that it is back."""


@dataclass(frozen=True)
class Pace:
    """The times of a loop, in seconds."""

    poll_interval_s: float
    retry_first_s: float
    retry_most_s: float
    maximum_attempts: int
    lease_s: float
    """Longest time for which a batch is sent."""
    answer_s: Callable[[str], float]
    """Longest time for a row that is begun as `lease_s` ends, by receiver."""
    settled_at_once: int = 1
    """Delivered rows that one transaction records."""


class OutboxLoop(Generic[RowT, AttemptT]):
    """Makes and sends the rows of an outbox until told to end; receivers have threads of their own.

    Args:
        database: holds the outbox.
        outbox: its table and sender.
        receivers: names of the receivers in the settings.
        pace: times of polling, retrying and leases.
        jobs_per_receiver: kinds of job, that of sending included.
    """

    def __init__(
        self,
        database: Database,
        outbox: Outbox[RowT, AttemptT],
        receivers: Collection[str],
        pace: Pace,
        jobs_per_receiver: int = 1,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._receivers = tuple(receivers)
        self._pace = pace
        self._watch = CommitWatch(database, POLLS_PER_LOOK * pace.poll_interval_s)
        threads = jobs_per_receiver * len(self._receivers) + 1
        self.jobs = ReceiverJobs(threads, pace.retry_first_s, pace.retry_most_s, self._watch.stir)
        self._ending = threading.Event()
        self._next_strangers = 0.0

    def run(
        self,
        ending: threading.Event,
        make_due: Callable[[threading.Event], int],
        find_pause: Callable[[int], float],
    ) -> None:
        """Work until `ending` is set.

        Args:
            ending: is set from another thread.
            make_due: makes the rows that are needed; returns how many were.
            find_pause: returns the seconds until the next round from that number; called in every round.
        """
        self._ending = ending
        made = 0
        with closing(self._watch), closing(self.jobs):
            while not ending.is_set():
                try:
                    if self._watch.has_news() or made:
                        made = make_due(ending)
                        self._start_due()
                except Exception as error:  # noqa: BLE001  the courier must keep running
                    log.error(
                        "courier round failed; the courier continues",
                        outbox=type(self._outbox).__name__,
                        error=type(error).__name__,
                    )
                    self._watch.stir()
                    ending.wait(1.0)
                    continue
                if pause_s := find_pause(made):
                    ending.wait(pause_s)

    def lease(self, session: Session) -> dict[str, Sequence[RowT]]:
        """Take due rows of each receiver that can be sent to at once, in the transaction that makes them."""
        leased = {
            name: self._outbox.lease(session, self._lease(name), self._limit(name), name)
            for name in self._receivers
            if self.jobs.is_ready(SEND, name)
        }
        return {name: batch for name, batch in leased.items() if batch}

    def send(self, leased: Mapping[str, Sequence[RowT]]) -> None:
        """Begin to send rows that were taken by `lease`, after the commit."""
        for name, batch in leased.items():
            self.jobs.start(SEND, name, partial(self._send_due, leased=batch))

    def _start_due(self) -> None:
        ready = [name for name in self._receivers if self.jobs.is_ready(SEND, name)]
        with self._database.read() as session:
            due = self._outbox.list_due(session, ready)
            if time.monotonic() >= self._next_strangers:
                self._next_strangers = time.monotonic() + STRANGERS_EVERY_S
                due += self._outbox.list_strangers(session, self._receivers)
        for name in due:
            self.jobs.start(SEND, name, self._send_due)

    def _send_due(self, name: str, leased: Sequence[RowT] = ()) -> None:
        """Send all due rows of one receiver in batches; stop when the receiver is in trouble.

        Args:
            name: the receiver.
            leased: the first batch, if it is leased already.
        """
        batch, limit = leased, self._limit(name)
        while batch or not (self._ending.is_set() or self.jobs.breaker(name).is_open):
            if not batch:
                limit = self._limit(name)
                with self._database.write() as session:
                    batch = self._outbox.lease(session, self._lease(name), limit, name)
            if batch:
                self._send(name, batch)
            if len(batch) < limit:
                return
            batch = ()

    def _limit(self, name: str) -> int:
        return 1 if self.jobs.breaker(name).is_probing else SENDING_BATCH

    def _lease(self, name: str) -> timedelta:
        """Return a lease that also covers a row whose sending begins as `lease_s` ends."""
        return timedelta(seconds=self._pace.lease_s + self._pace.answer_s(name))

    def _send(self, name: str, batch: Sequence[RowT]) -> None:
        """Send a batch and hand back the untried rows: no lease outlives this call."""
        untried = {row.number: row for row in batch}
        answered: list[AttemptT] = []
        latest = time.monotonic() + self._pace.lease_s
        started_ns = time.time_ns()
        try:
            if name not in self._receivers:
                for row in batch:
                    attempt = self._outbox.judge(
                        row, SendResult.PERMANENT, "this receiver is not in the settings"
                    )
                    self._settle([attempt])
                    del untried[row.number]
                return
            for attempt in self._outbox.send(name, batch):
                answered.append(attempt)
                self._outbox.record_stage(attempt, started_ns)
                started_ns = time.time_ns()
                del untried[attempt.row.number]
                if attempt.result is not SendResult.DELIVERED or len(answered) >= self._pace.settled_at_once:
                    self._settle(answered)
                    answered = []
                if self._ending.is_set() or time.monotonic() > latest:
                    break
        except SQLAlchemyError:
            raise  # the database cannot be written now; the leases expire
        except Exception as error:
            if untried:  # the first is the row whose sending failed
                first = untried.pop(next(iter(untried)))
                reason = f"interrupted by {type(error).__name__}"
                answered.append(self._outbox.judge(first, SendResult.TRANSIENT, reason))
            raise
        finally:
            self._settle(answered)
            if untried:
                with self._database.write() as session:
                    self._outbox.hand_back(session, self._list_stored(session, untried.values()))

    def _list_stored(self, session: Session, rows: Iterable[RowT]) -> list[int]:
        """Return the numbers of the rows that were not erased meanwhile."""
        return [row.number for row in rows if self._outbox.is_stored(session, row)]

    def _settle(self, attempts: Sequence[AttemptT]) -> None:
        """Record the results of attempts in one transaction, then what follows from them for the receiver."""
        if not attempts:
            return
        with self._database.write() as session:
            stored = self._list_stored(session, (cast(RowT, attempt.row) for attempt in attempts))
            recorded = [attempt for attempt in attempts if attempt.row.number in stored]
            delivered = [attempt for attempt in recorded if attempt.result is SendResult.DELIVERED]
            if delivered:
                self._outbox.mark_delivered(session, delivered)
            failures = {
                attempt.row.number: self._record_failure(session, attempt)
                for attempt in recorded
                if attempt.result is not SendResult.DELIVERED
            }
        for attempt in attempts:
            self._outbox.tell(attempt, failures.get(attempt.row.number))
            breaker = self.jobs.breaker(attempt.row.receiver)
            self._record_trouble(attempt, breaker)

    def _record_failure(self, session: Session, attempt: AttemptT) -> float | None:
        """Record a failure; return the seconds to the next attempt, or None for the last one."""
        pace = self._pace
        if attempt.result is SendResult.PERMANENT or attempt.row.attempts >= pace.maximum_attempts:
            self._outbox.park(session, attempt)
            return None
        pause_s = jittered_pause(attempt.row.attempts, pace.retry_first_s, pace.retry_most_s)
        self._outbox.retry_later(session, attempt, timedelta(seconds=pause_s))
        return pause_s

    def _record_trouble(self, attempt: AttemptT, breaker: ReceiverBreaker) -> None:
        if attempt.in_trouble:
            self._outbox.tell_trouble(attempt, breaker.record_failure())
        elif breaker.record_success():
            self._outbox.tell_trouble(attempt, None)
