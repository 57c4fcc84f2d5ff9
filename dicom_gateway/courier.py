"""Takes finished screenings from the outbox and brings their reports to the peers."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from db import deliveries, outbox
from db.database import Database
from dicom_gateway.settings import CourierSettings, PeerSettings
from dicom_gateway.spool import film_key
from dicom_gateway.storage_scu import Outcome, Result, send
from dicom_gateway.structured_report import build_report, load_report_tables

REPORT_BATCH: Final = 4
"""Reports built at a time, before what is built is sent."""

DELIVERY_BATCH: Final = 16
"""Reports sent at a time, over one association for each peer."""

LEASE: Final = timedelta(minutes=3)
"""What a courier that died had taken is taken again after this."""

log = structlog.get_logger(__name__)


class Courier:
    """Reports and delivers until told to end.

    Args:
        database: outbox and deliveries.
        peers: every node of the settings; reports go to those that want them.
        settings: how to build, send and retry.
        software_version: goes into the reports.
    """

    def __init__(
        self,
        database: Database,
        peers: Sequence[PeerSettings],
        settings: CourierSettings,
        software_version: str,
    ) -> None:
        self._database = database
        self._peers = {peer.name: peer for peer in peers}
        self._settings = settings
        self._software_version = software_version
        self._ending = threading.Event()

    def run(self, ending: threading.Event) -> None:
        """Work until `ending` is set."""
        load_report_tables()
        self._ending = ending
        while not ending.is_set():
            try:
                busy = self.report_due()
                busy = self.deliver_due() or busy
            except Exception as error:  # noqa: BLE001  a courier that ends brings nothing to anybody
                log.error("trouble; the courier goes on", error=type(error).__name__)
                ending.wait(1.0)
                continue
            if not busy:
                ending.wait(self._settings.poll_interval_s)

    def report_due(self) -> bool:
        """Turn due screenings into reports and deliveries; True when there were any."""
        with self._database.read() as session:
            if not outbox.has_due(session):
                return False
        with self._database.write() as session:
            due = outbox.lease(session, LEASE, REPORT_BATCH)
        for screening in due:
            if self._ending.is_set():
                with self._database.write() as session:
                    outbox.postpone(session, screening.outbox_id, timedelta(0), None)
            else:
                self._report(screening)
        return bool(due)

    def deliver_due(self) -> bool:
        """Send due reports; True when there were any."""
        with self._database.read() as session:
            if not deliveries.has_due(session):
                return False
        with self._database.write() as session:
            due = deliveries.lease_due(session, LEASE, DELIVERY_BATCH)
        by_peer: dict[str, list[deliveries.DueDelivery]] = {}
        for delivery in due:
            by_peer.setdefault(delivery.peer, []).append(delivery)
        for name, batch in by_peer.items():
            self._deliver(name, batch)
        return bool(due)

    def _deliver(self, name: str, batch: Sequence[deliveries.DueDelivery]) -> None:
        """Send one peer's reports; whatever happens, none of them stays leased."""
        unsettled = {delivery.delivery_id: delivery for delivery in batch}
        peer = self._peers.get(name)
        try:
            if peer is None:
                for delivery in batch:
                    self._settle(Outcome(delivery, Result.PERMANENT, "this peer is not in the settings"))
                    del unsettled[delivery.delivery_id]
                return
            for outcome in send(peer, batch, self._settings):
                self._settle(outcome)
                del unsettled[outcome.delivery.delivery_id]
                if self._ending.is_set():
                    break
        except SQLAlchemyError:
            raise  # nothing can be written down now; the leases run out by themselves
        except Exception as error:  # noqa: BLE001  one peer's trouble is not the others'
            log.error("trouble with a peer", peer=name, error=type(error).__name__)
        for delivery in unsettled.values():
            self._settle(Outcome(delivery, Result.TRANSIENT, "interrupted"))

    def _report(self, screening: outbox.ReportableScreening) -> None:
        report_log = log.bind(film=film_key(screening.sop_instance_uid)[:12])
        receivers = [peer.name for peer in self._peers.values() if peer.send_reports]
        try:
            report = build_report(screening, self._settings, self._software_version)
        except Exception as error:  # noqa: BLE001  one film's odd header must not stop all reports
            delay = self._next_delay(screening.attempts)
            report_log.error("report not built", error=type(error).__name__, attempt=screening.attempts)
            with self._database.write() as session:
                outbox.postpone(session, screening.outbox_id, delay, f"{type(error).__name__}: {error}")
            return
        with self._database.write() as session:
            outbox.fan_out(session, screening.outbox_id, screening.screening_id, report, receivers)
        report_log.info("report built", peers=len(receivers))

    def _settle(self, outcome: Outcome) -> None:
        delivery = outcome.delivery
        delivery_log = log.bind(report=film_key(delivery.sop_instance_uid)[:12], peer=delivery.peer)
        with self._database.write() as session:
            if outcome.result is Result.DELIVERED:
                deliveries.mark_delivered(session, delivery.delivery_id)
                delivery_log.info("report delivered", attempt=delivery.attempts)
            elif outcome.result is Result.PERMANENT or delivery.attempts >= self._settings.maximum_attempts:
                deliveries.park(session, delivery.delivery_id, outcome.reason)
                delivery_log.error("delivery parked", reason=outcome.reason, help="tbscreen deliveries")
            else:
                delay = self._next_delay(delivery.attempts)
                deliveries.retry_later(session, delivery.delivery_id, delay, outcome.reason)
                delivery_log.warning(
                    "delivery postponed", reason=outcome.reason, seconds=round(delay.total_seconds(), 1)
                )

    def _next_delay(self, attempts: int) -> timedelta:
        """Exponential backoff with jitter, so that a PACS that comes back is not met by all at once."""
        longest = self._settings.retry_first_s * 2.0 ** min(attempts - 1, 30)
        return timedelta(seconds=min(longest, self._settings.retry_most_s) * random.uniform(0.75, 1.25))
