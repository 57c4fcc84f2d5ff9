"""The courier's round of storage commitment: requests, expiry, objects to send again or to park."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import structlog
from pydicom.uid import generate_uid

from db.clock import now
from db.database import Database
from db.delivery import commitment_requests, commitments
from db.delivery.commitment_requests import AskedReport
from dicom_gateway.association.peer_recognition import PeerRecognition
from dicom_gateway.delivery.commitment_events import HOPELESS_REASONS, CommitmentEvents
from dicom_gateway.delivery.commitment_scu import RequestOutcome, Taken, ask
from dicom_gateway.delivery.commitment_settings import CommitmentSettings
from dicom_gateway.reception.refusal_log import RefusalLog
from dicom_gateway.settings import CourierSettings, PeerSettings
from domain.film_key import film_key
from domain.film_stage import shorten_key, tell
from sending.receiver_breaker import ReceiverBreaker, jittered_pause

LOOK_EVERY_S: Final = 1.0
"""Pause between two checks of requests and answers."""

log = structlog.get_logger(__name__)


class CommitmentRound:
    """Requests commitment of delivered objects; sends again or parks those that are not committed.

    Args:
        database: requests, answers, deliveries.
        peers: all peers of the settings, by name.
        settings: limits on requests and repeated sending.
        courier_settings: calling AE title, timeouts and pauses.
        refusals: logs reports that are not believed.
    """

    def __init__(
        self,
        database: Database,
        peers: Mapping[str, PeerSettings],
        settings: CommitmentSettings,
        courier_settings: CourierSettings,
        refusals: RefusalLog,
    ) -> None:
        self._database = database
        self._peers = {name: peer for name, peer in peers.items() if peer.commitment}
        self._settings = settings
        self._courier_settings = courier_settings
        self._events = CommitmentEvents(database, PeerRecognition(list(peers.values())), refusals)
        self._next_look = 0.0

    def wants(self, peer: str) -> timedelta | None:
        """Return the delay from delivery to request; None for a peer without storage commitment."""
        return timedelta(seconds=self._settings.delay_s) if peer in self._peers else None

    def list_due_peers(self) -> list[str]:
        """Return the peers with due requests; checks about once a second, else returns none.

        Failed and overdue requests are settled first.
        """
        if time.monotonic() < self._next_look:
            return []
        self._next_look = time.monotonic() + LOOK_EVERY_S
        self._settle_answers()
        with self._database.read() as session:
            return [name for name in commitments.list_due_peers(session) if name in self._peers]

    def ask(self, name: str, breaker: ReceiverBreaker, ending: threading.Event) -> None:
        """Request commitment of all due reports of one peer, one request at a time."""
        while not ending.is_set() and not breaker.is_open:
            transaction_uid = str(generate_uid(prefix=None))
            with self._database.write() as session:
                reports = commitment_requests.begin(
                    session,
                    name,
                    transaction_uid,
                    timedelta(seconds=self._settings.answer_within_s),
                    self._settings.batch,
                )
            if not reports:
                return
            for report in reports:
                _log_request(name, transaction_uid, report)
            started_ns = time.time_ns()
            outcome = ask(
                self._peers[name],
                transaction_uid,
                reports,
                self._courier_settings,
                self._events,
                self._settings.wait_s,
                ending,
            )
            failure = outcome.reason or None
            for report in reports:
                tell(
                    "commitment request",
                    film_key(report.film_sop_instance_uid),
                    started_ns,
                    failure,
                    peer=name,
                )
            self._settle(name, transaction_uid, len(reports), outcome, breaker)

    def _settle(
        self, name: str, transaction_uid: str, count: int, outcome: RequestOutcome, breaker: ReceiverBreaker
    ) -> None:
        if outcome.taken is Taken.TAKEN:
            breaker.record_success()
            return
        request_log = log.bind(peer=name, request=shorten_key(film_key(transaction_uid)), reports=count)
        with self._database.write() as session:
            if outcome.taken is Taken.PERMANENT:
                commitment_requests.give_up(session, transaction_uid, outcome.reason)
                request_log.error("commitment refused", reason=outcome.reason, help="tbscreen deliveries")
                return
            if outcome.taken is Taken.NOT_ASKED:
                pause, counted = breaker.record_failure(), None
            else:
                most = self._courier_settings.retry_most_s  # each attempt counts against `maximum_requests`
                pause, counted = jittered_pause(1, most, most), self._settings.maximum_requests
            delay = timedelta(seconds=pause)
            commitment_requests.ask_again(session, transaction_uid, delay, outcome.reason, counted)
        request_log.warning("commitment not requested", reason=outcome.reason, seconds=round(pause, 1))

    def _settle_answers(self) -> None:
        settings = self._settings
        oldest = now() - timedelta(hours=settings.give_up_after_hours)
        with self._database.read() as session:
            if not commitments.has_consequences(session, list(self._peers), oldest):
                return
        with self._database.write() as session:
            lapsed = commitment_requests.lapse_overdue(session, settings.maximum_requests)
            resent, parked = commitments.settle_failed(
                session,
                settings.maximum_resends,
                timedelta(seconds=self._courier_settings.retry_first_s),
                HOPELESS_REASONS,
            )
            parked += commitments.park_hopeless(session, list(self._peers), oldest)
        if lapsed or resent:
            log.warning("commitments missing", requests_not_answered=lapsed, reports_sent_again=resent)
        if parked:
            log.error("commitments parked", reports=parked, help="tbscreen deliveries")


def _log_request(peer: str, transaction_uid: str, report: AskedReport) -> None:
    log.info(
        "commitment asked for",
        film=shorten_key(film_key(report.film_sop_instance_uid)),
        report=shorten_key(film_key(report.sop_instance_uid)),
        peer=peer,
        request=shorten_key(film_key(transaction_uid)),
    )
