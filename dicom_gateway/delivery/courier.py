"""The courier: takes finished screenings from the outbox and delivers their reports to the peers."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final

from db.database import Database
from dicom_gateway.audit.audit_trail import AuditTrail
from dicom_gateway.delivery.commitment_round import CommitmentRound
from dicom_gateway.delivery.commitment_settings import CommitmentSettings
from dicom_gateway.delivery.delivery_outbox import DeliveryOutbox
from dicom_gateway.delivery.report_round import BATCH, ReportRound
from dicom_gateway.reception.refusal_log import RefusalLog
from dicom_gateway.results.sr_document import load_report_tables
from dicom_gateway.settings import CourierSettings, PeerSettings
from sending.outbox_loop import OutboxLoop, Pace

SETTLED_AT_ONCE: Final = 4
"""Delivered reports that one transaction records. After a crash between a peer's answer and the record, a
report is sent again: the same object under the same UID."""

POLLS_BETWEEN_ROUNDS: Final = 5
"""Polls after a round that reported films, so that those that follow gather and share their transactions."""

COMMIT: Final = "commit"
"""Kind of the jobs that request storage commitment."""


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
        by_name = {peer.name: peer for peer in peers}
        self._settings = settings
        self._ending = threading.Event()
        self._refusals = RefusalLog(alert=None if audit is None else audit.record_alert)
        self._commitments = CommitmentRound(database, by_name, commitment, settings, self._refusals)
        pace = Pace(
            settings.poll_interval_s,
            settings.retry_first_s,
            settings.retry_most_s,
            settings.maximum_attempts,
            settings.lease_s,
            answer_s=lambda _: 2 * settings.network_timeout_s,
            settled_at_once=SETTLED_AT_ONCE,
        )
        outbox = DeliveryOutbox(by_name, settings, self._commitments, audit)
        self._loop = OutboxLoop(database, outbox, list(by_name), pace, jobs_per_receiver=2)
        self._reports = ReportRound(database, peers, settings, software_version, self._loop)

    def run(self, ending: threading.Event) -> None:
        """Work until `ending` is set."""
        load_report_tables()
        self._ending = ending
        self._loop.run(ending, self._make_due, self._find_pause)
        self._refusals.close()

    def _make_due(self, ending: threading.Event) -> int:
        reported = self._reports.report_due(ending)
        for name in self._commitments.list_due_peers():
            self._loop.jobs.start(COMMIT, name, self._ask_for_commitment)
        return reported

    def _find_pause(self, reported: int) -> float:
        self._refusals.flush()
        if reported >= BATCH:
            return 0.0
        return (POLLS_BETWEEN_ROUNDS if reported else 1) * self._settings.poll_interval_s

    def _ask_for_commitment(self, name: str) -> None:
        self._commitments.ask(name, self._loop.jobs.breaker(name), self._ending)
