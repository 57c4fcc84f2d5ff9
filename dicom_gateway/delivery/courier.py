"""The courier: takes finished screenings from the outbox and delivers their reports to the peers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from functools import partial
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from db.commit_watch import CommitWatch
from db.database import Database
from db.delivery import commitments, deliveries
from dicom_gateway import metrics
from dicom_gateway.audit.audit_trail import AuditTrail
from dicom_gateway.delivery import storage_scu, stow_scu
from dicom_gateway.delivery.commitment_round import CommitmentRound
from dicom_gateway.delivery.commitment_settings import CommitmentSettings
from dicom_gateway.delivery.delivery_attempt import DeliveryAttempt, SendResult
from dicom_gateway.delivery.peer_breaker import PeerBreaker, jittered_pause
from dicom_gateway.delivery.report_round import BATCH, ReportRound
from dicom_gateway.reception.refusal_log import RefusalLog
from dicom_gateway.results.sr_document import load_report_tables
from dicom_gateway.settings import CourierSettings, PeerProtocol, PeerSettings
from domain.film_key import film_key
from domain.film_stage import shorten_key, tell

DELIVERY_BATCH: Final = 16
"""Reports sent at a time, over one association."""

SETTLED_AT_ONCE: Final = 4
"""Delivered reports that one transaction records. After a crash between a peer's answer and the record, a
report is sent again: the same object under the same UID."""

POLLS_PER_LOOK: Final = 10
"""Polls after which the rows are read although nothing was committed: time alone makes some of them due."""

POLLS_BETWEEN_ROUNDS: Final = 5
"""Polls after a round that reported films, so that those that follow gather and share their transactions."""

STRANGERS_EVERY_S: Final = 5.0
"""Pause between two searches for deliveries to peers that are not in the settings."""

SENDERS: Final = {PeerProtocol.DIMSE: storage_scu.send, PeerProtocol.DICOMWEB: stow_scu.send}
"""Senders of objects by the peer's protocol."""

log = structlog.get_logger(__name__)


class Courier:
    """Builds and delivers reports until told to end; peers have threads of their own and delay no other peer.

    Args:
        database: outbox, deliveries, commitments.
        peers: all peers of the settings; delivery rules select the objects for each.
        settings: settings of building, sending and retrying.
        commitment: settings of storage commitment.
        software_version: version that the reports name.
        audit: records deliveries; None for no audit.
    """

    def __init__(
        self,
        database: Database,
        peers: Sequence[PeerSettings],
        settings: CourierSettings,
        commitment: CommitmentSettings,
        software_version: str,
        audit: AuditTrail | None = None,
    ) -> None:
        self._audit = audit
        self._database = database
        self._peers = {peer.name: peer for peer in peers}
        self._settings = settings
        self._reports = ReportRound(database, peers, settings, software_version, self)
        self._ending = threading.Event()
        self._refusals = RefusalLog(alert=None if audit is None else audit.record_alert)
        self._commitments = CommitmentRound(database, self._peers, commitment, settings, self._refusals)
        self._breakers: dict[str, PeerBreaker] = {}
        self._next_strangers = 0.0
        self._jobs: dict[tuple[str, str], Future[None]] = {}
        self._watch = CommitWatch(database, POLLS_PER_LOOK * settings.poll_interval_s)
        threads = 2 * len(peers) + 1
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="peer")

    def run(self, ending: threading.Event) -> None:
        """Work until `ending` is set."""
        load_report_tables()
        self._ending = ending
        reported = 0
        with closing(self._watch), self._pool:
            while not ending.is_set():
                try:
                    if self._watch.has_news() or reported:
                        reported = self._reports.report_due(ending)
                        self._start_jobs()
                except Exception as error:  # noqa: BLE001  the courier must keep running
                    log.error("courier round failed; the courier continues", error=type(error).__name__)
                    self._watch.stir()
                    ending.wait(1.0)
                    continue
                self._refusals.flush()
                if reported < BATCH:
                    polls = POLLS_BETWEEN_ROUNDS if reported else 1
                    ending.wait(polls * self._settings.poll_interval_s)
        self._refusals.close()

    def lease(self, session: Session) -> dict[str, list[deliveries.DueDelivery]]:
        """Take the due deliveries of each peer that can be sent to at once (`ReportSender`)."""
        leased = {
            name: deliveries.lease_due(session, self._lease(), self._limit(name), name)
            for name in self._peers
            if self._is_ready("deliver", name)
        }
        return {name: batch for name, batch in leased.items() if batch}

    def send(self, leased: Mapping[str, Sequence[deliveries.DueDelivery]]) -> None:
        """Begin to send deliveries that were taken, to each peer in its thread (`ReportSender`)."""
        for name, batch in leased.items():
            self._start("deliver", name, partial(self._deliver_due, leased=batch))

    def _start_jobs(self) -> None:
        """Start the due jobs of each peer that is not in trouble and has no such job running."""
        ready = [name for name in self._peers if self._is_ready("deliver", name)]
        with self._database.read() as session:
            due = deliveries.list_due_peers(session, ready)
            if time.monotonic() >= self._next_strangers:
                self._next_strangers = time.monotonic() + STRANGERS_EVERY_S
                due += deliveries.list_other_due_peers(session, list(self._peers))
        for name in due:
            self._start("deliver", name, self._deliver_due)
        for name in self._commitments.list_due_peers():
            self._start("commit", name, self._ask_for_commitment)

    def _start(self, kind: str, name: str, work: Callable[[str], None]) -> None:
        if self._is_ready(kind, name):
            job = self._jobs[kind, name] = self._pool.submit(self._guard, work, name)
            job.add_done_callback(lambda _: self._watch.stir())  # for what came while it ended

    def _is_ready(self, kind: str, name: str) -> bool:
        running = self._jobs.get((kind, name))
        return (running is None or running.done()) and not self._breaker(name).is_open

    def _guard(self, work: Callable[[str], None], name: str) -> None:
        try:
            work(name)
        except Exception as error:  # noqa: BLE001  the leases expire; the next round tries again
            pause = self._breaker(name).record_failure()
            log.error("job of a peer failed", peer=name, error=type(error).__name__, seconds=round(pause, 1))

    def _breaker(self, name: str) -> PeerBreaker:
        settings = self._settings
        return self._breakers.setdefault(name, PeerBreaker(settings.retry_first_s, settings.retry_most_s))

    def _ask_for_commitment(self, name: str) -> None:
        self._commitments.ask(name, self._breaker(name), self._ending)

    def _deliver_due(self, name: str, leased: Sequence[deliveries.DueDelivery] = ()) -> None:
        """Send all due deliveries of one peer in batches; stop when the peer is in trouble.

        Args:
            name: the peer.
            leased: the first batch, if it is leased already.
        """
        batch, limit = leased, self._limit(name)
        while batch or not (self._ending.is_set() or self._breaker(name).is_open):
            if not batch:
                limit = self._limit(name)
                with self._database.write() as session:
                    batch = deliveries.lease_due(session, self._lease(), limit, name)
            if batch:
                self._deliver(name, batch)
            if len(batch) < limit:
                return
            batch = ()

    def _limit(self, name: str) -> int:
        return 1 if self._breaker(name).is_probing else DELIVERY_BATCH

    def _lease(self) -> timedelta:
        """Return a lease that also covers the timeout of an object whose sending begins as `lease_s` ends."""
        return timedelta(seconds=self._settings.lease_s + 2 * self._settings.network_timeout_s)

    def _deliver(self, name: str, batch: Sequence[deliveries.DueDelivery]) -> None:
        """Send a batch to a peer and hand back the untried deliveries: no lease outlives this call."""
        untried = {delivery.delivery_id: delivery for delivery in batch}
        answered: list[DeliveryAttempt] = []
        peer = self._peers.get(name)
        latest = time.monotonic() + self._settings.lease_s
        try:
            if peer is None:
                for delivery in batch:
                    reason = "this peer is not in the settings"
                    self._settle([DeliveryAttempt(delivery, SendResult.PERMANENT, reason)])
                    del untried[delivery.delivery_id]
                return
            started_ns = time.time_ns()
            send = SENDERS[peer.protocol]
            for attempt in send(peer, batch, self._settings, self._audit):
                answered.append(attempt)
                _record_stage(attempt, started_ns)
                started_ns = time.time_ns()
                del untried[attempt.delivery.delivery_id]
                if attempt.result is not SendResult.DELIVERED or len(answered) == SETTLED_AT_ONCE:
                    self._settle(answered)
                    answered = []
                if self._ending.is_set() or time.monotonic() > latest:
                    break
        except SQLAlchemyError:
            raise  # the database cannot be written now; the leases expire
        except Exception as error:
            if untried:  # the first is the object whose sending failed
                first = untried.pop(next(iter(untried)))
                reason = f"interrupted by {type(error).__name__}"
                answered.append(DeliveryAttempt(first, SendResult.TRANSIENT, reason))
            raise
        finally:
            self._settle(answered)
            if untried:
                with self._database.write() as session:
                    deliveries.hand_back(session, list(untried))

    def _settle(self, attempts: Sequence[DeliveryAttempt]) -> None:
        """Record the results of attempts in one transaction, then what follows from them for the peer."""
        if not attempts:
            return
        delivered = [entry.delivery.delivery_id for entry in attempts if entry.result is SendResult.DELIVERED]
        with self._database.write() as session:
            if delivered:
                deliveries.mark_delivered(session, *delivered)
            pauses = [self._write_result(session, attempt) for attempt in attempts]
        for attempt, pause_s in zip(attempts, pauses, strict=True):
            self._tell_result(attempt, pause_s)

    def _write_result(self, session: Session, attempt: DeliveryAttempt) -> float | None:
        """Record what follows from an attempt; return the seconds to the next one, or None for the last."""
        delivery, settings = attempt.delivery, self._settings
        if attempt.result is SendResult.DELIVERED:
            delay = self._commitments.wants(delivery.peer)
            if delay is not None:
                commitments.want(session, delivery.delivery_id, delay)
        elif attempt.result is SendResult.PERMANENT or delivery.attempts >= settings.maximum_attempts:
            deliveries.park(session, delivery.delivery_id, attempt.reason)
        else:
            pause_s = jittered_pause(delivery.attempts, settings.retry_first_s, settings.retry_most_s)
            deliveries.retry_later(session, delivery.delivery_id, timedelta(seconds=pause_s), attempt.reason)
            return pause_s
        return None

    def _tell_result(self, attempt: DeliveryAttempt, pause_s: float | None) -> None:
        delivery = attempt.delivery
        delivery_log = log.bind(
            film=shorten_key(film_key(delivery.film_sop_instance_uid)),
            report=shorten_key(film_key(delivery.sop_instance_uid)),
            peer=delivery.peer,
        )
        if attempt.result is SendResult.DELIVERED:
            delivery_log.info("report delivered", attempt=delivery.attempts)
        elif pause_s is None:
            delivery_log.error("delivery parked", reason=attempt.reason, help="tbscreen deliveries")
        else:
            delivery_log.warning("delivery postponed", reason=attempt.reason, seconds=round(pause_s, 1))
        metrics.DELIVERIES.labels(delivery.peer, attempt.result.name.lower()).inc()
        breaker = self._breaker(delivery.peer)
        if attempt.peer_in_trouble:
            metrics.PEER_TROUBLES.labels(delivery.peer).inc()
            pause = breaker.record_failure()
            delivery_log.warning("peer in trouble: deliveries paused", seconds=round(pause, 1))
        elif breaker.record_success():
            delivery_log.info("peer is back")


def _record_stage(attempt: DeliveryAttempt, started_ns: int) -> None:
    delivery = attempt.delivery
    tell(
        "delivery",
        film_key(delivery.film_sop_instance_uid),
        started_ns,
        attempt.reason or None,
        peer=delivery.peer,
        attempt=delivery.attempts,
        result=attempt.result.value,
    )
