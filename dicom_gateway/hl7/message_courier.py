"""The loop that makes HL7 messages and sends them, beside the courier of DICOM objects in its process."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from db.commit_watch import CommitWatch
from db.database import Database
from db.hl7 import hl7_messages
from db.hl7.hl7_messages import DueMessage
from dicom_gateway import metrics
from dicom_gateway.audit.audit_trail import AuditTrail
from dicom_gateway.delivery.delivery_attempt import SendResult
from dicom_gateway.delivery.peer_breaker import PeerBreaker, jittered_pause
from dicom_gateway.hl7.message_round import MessageRound
from dicom_gateway.hl7.message_sender import MessageAttempt, send
from dicom_gateway.hl7.message_settings import MessageSettings
from dicom_gateway.settings import CourierSettings
from domain.film_key import film_key
from domain.film_stage import shorten_key, tell

SENDING_BATCH: Final = 16
"""Messages sent at a time, over one connection."""

POLLS_PER_LOOK: Final = 10
"""Polls after which the rows are read although nothing was committed: time alone makes some of them due."""

STRANGERS_EVERY_S: Final = 5.0
"""Pause between two searches for messages to receivers that are not in the settings."""

IDLE_S: Final = 5.0
"""Pause between two rounds where the settings name no receiver; they only empty the outbox."""

log = structlog.get_logger(__name__)


class MessageCourier:
    """Makes and sends messages until told to end; receivers have threads of their own and delay no other.

    Args:
        database: outbox and messages.
        settings: receivers and their rules.
        courier: settings of building, retrying and leases, as for DICOM objects.
        audit: records what is sent; None for no audit.
    """

    def __init__(
        self,
        database: Database,
        settings: MessageSettings,
        courier: CourierSettings,
        audit: AuditTrail | None = None,
    ) -> None:
        self._database = database
        self._receivers = {receiver.name: receiver for receiver in settings.receivers}
        self._courier = courier
        self._audit = audit
        self._round = MessageRound(database, settings, courier)
        self._ending = threading.Event()
        self._breakers: dict[str, PeerBreaker] = {}
        self._jobs: dict[str, Future[None]] = {}
        self._next_strangers = 0.0
        self._watch = CommitWatch(database, POLLS_PER_LOOK * courier.poll_interval_s)

    def run(self, ending: threading.Event) -> None:
        """Work until `ending` is set."""
        self._ending = ending
        pause, busy = self._courier.poll_interval_s if self._receivers else IDLE_S, False
        threads = len(self._receivers) + 1
        with closing(self._watch), ThreadPoolExecutor(threads, thread_name_prefix="receiver") as pool:
            while not ending.is_set():
                try:
                    if self._watch.has_news() or busy:
                        busy = self._round.make_due(ending)
                        self._start_jobs(pool)
                except Exception as error:  # noqa: BLE001  the courier must keep running
                    log.error("HL7 round failed; the courier continues", error=type(error).__name__)
                    self._watch.stir()
                    ending.wait(1.0)
                    continue
                if not busy:
                    ending.wait(pause)

    def _start_jobs(self, pool: ThreadPoolExecutor) -> None:
        """Start sending to each receiver that has due messages, is not in trouble and has no job running."""
        ready = [name for name in self._receivers if self._is_ready(name)]
        with self._database.read() as session:
            due = hl7_messages.list_due_receivers(session, ready)
            if time.monotonic() >= self._next_strangers:
                self._next_strangers = time.monotonic() + STRANGERS_EVERY_S
                due += hl7_messages.list_strangers(session, list(self._receivers))
        for name in due:
            if self._is_ready(name):
                job = self._jobs[name] = pool.submit(self._guard, name)
                job.add_done_callback(lambda _: self._watch.stir())  # for what came while it ended

    def _is_ready(self, name: str) -> bool:
        running = self._jobs.get(name)
        return (running is None or running.done()) and not self._breaker(name).is_open

    def _guard(self, name: str) -> None:
        try:
            self._send_due(name)
        except Exception as error:  # noqa: BLE001  the leases expire; the next round tries again
            pause = self._breaker(name).record_failure()
            log.error(
                "job of a receiver failed", receiver=name, error=type(error).__name__, seconds=round(pause, 1)
            )

    def _breaker(self, name: str) -> PeerBreaker:
        courier = self._courier
        return self._breakers.setdefault(name, PeerBreaker(courier.retry_first_s, courier.retry_most_s))

    def _send_due(self, name: str) -> None:
        """Send all due messages of one receiver in batches; stop when the receiver is in trouble."""
        breaker = self._breaker(name)
        while not self._ending.is_set() and not breaker.is_open:
            limit = 1 if breaker.is_probing else SENDING_BATCH
            with self._database.write() as session:
                batch = hl7_messages.lease_due(session, self._lease(name), limit, name)
            if not batch:
                return
            self._send(name, batch)
            if len(batch) < limit:
                return

    def _lease(self, name: str) -> timedelta:
        """Return a lease that also covers a message whose sending begins as `lease_s` ends."""
        receiver = self._receivers.get(name)
        answer_s = 0.0 if receiver is None else receiver.acknowledgement_timeout_s
        return timedelta(seconds=self._courier.lease_s + 2 * answer_s + self._courier.network_timeout_s)

    def _send(self, name: str, batch: Sequence[DueMessage]) -> None:
        """Send a batch and hand back the untried messages: no lease outlives this call."""
        untried = {message.message_id: message for message in batch}
        receiver = self._receivers.get(name)
        latest = time.monotonic() + self._courier.lease_s
        try:
            if receiver is None:
                for message in batch:
                    reason = "this receiver is not in the settings"
                    self._settle(MessageAttempt(message, SendResult.PERMANENT, reason))
                    del untried[message.message_id]
                return
            started_ns = time.time_ns()
            for attempt in send(receiver, batch, self._audit):
                self._settle(attempt)
                _record_stage(attempt, started_ns)
                started_ns = time.time_ns()
                del untried[attempt.message.message_id]
                if self._ending.is_set() or time.monotonic() > latest:
                    break
        except SQLAlchemyError:
            raise  # the database cannot be written now; the leases expire
        except Exception as error:
            if untried:  # the first is the message whose sending failed
                first = untried.pop(next(iter(untried)))
                reason = f"interrupted by {type(error).__name__}"
                self._settle(MessageAttempt(first, SendResult.TRANSIENT, reason))
            raise
        finally:
            if untried:
                with self._database.write() as session:
                    hl7_messages.hand_back(session, list(untried))

    def _settle(self, attempt: MessageAttempt) -> None:
        message, courier = attempt.message, self._courier
        breaker = self._breaker(message.receiver)
        message_log = log.bind(
            film=shorten_key(film_key(message.film_sop_instance_uid)),
            message=message.control_id,
            receiver=message.receiver,
        )
        number, answered = message.message_id, attempt.acknowledgement
        with self._database.write() as session:
            if attempt.result is SendResult.DELIVERED:
                hl7_messages.mark_delivered(session, number, answered or "")
                message_log.info("HL7 message delivered", kind=message.kind, attempt=message.attempts)
            elif attempt.result is SendResult.PERMANENT or message.attempts >= courier.maximum_attempts:
                hl7_messages.park(session, number, attempt.reason, answered)
                message_log.error(
                    "HL7 message parked", reason=attempt.loggable, help="tbscreen deliveries hl7 list"
                )
            else:
                pause = jittered_pause(message.attempts, courier.retry_first_s, courier.retry_most_s)
                hl7_messages.retry_later(session, number, timedelta(seconds=pause), attempt.reason, answered)
                message_log.warning("HL7 message postponed", reason=attempt.loggable, seconds=round(pause, 1))
        metrics.MESSAGES.labels(message.receiver, attempt.result.name.lower()).inc()
        if attempt.receiver_in_trouble:
            pause = breaker.record_failure()
            message_log.warning("receiver in trouble: messages paused", seconds=round(pause, 1))
        elif breaker.record_success():
            message_log.info("receiver is back")


def _record_stage(attempt: MessageAttempt, started_ns: int) -> None:
    message = attempt.message
    tell(
        "HL7 message",
        film_key(message.film_sop_instance_uid),
        started_ns,
        attempt.loggable if attempt.result is not SendResult.DELIVERED else None,
        receiver=message.receiver,
        attempt=message.attempts,
        result=attempt.result.value,
    )
