"""The deliveries, for the loop that sends them: their table, their senders, and what is told of each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy.orm import Session

from db.delivery import commitments, deliveries
from db.delivery.deliveries import DueDelivery
from dicom_gateway import metrics
from dicom_gateway.audit.audit_trail import AuditTrail
from dicom_gateway.delivery import storage_scu, stow_scu
from dicom_gateway.delivery.commitment_round import CommitmentRound
from dicom_gateway.delivery.delivery_attempt import DeliveryAttempt
from dicom_gateway.settings import CourierSettings, PeerProtocol, PeerSettings
from domain.film_key import film_key
from domain.film_stage import shorten_key, tell
from sending.send_result import SendResult

SENDERS: Final = {PeerProtocol.DIMSE: storage_scu.send, PeerProtocol.DICOMWEB: stow_scu.send}
"""Senders of objects by the peer's protocol."""

log = structlog.get_logger(__name__)


class DeliveryOutbox:
    """The table of deliveries (`sending.outbox_loop.Outbox`).

    Args:
        peers: all peers of the settings, by name.
        settings: calling AE title and timeouts.
        commitments: says for which peers a delivered object's storage commitment is requested.
        audit: records deliveries; None for no audit.
    """

    def __init__(
        self,
        peers: Mapping[str, PeerSettings],
        settings: CourierSettings,
        commitments: CommitmentRound,
        audit: AuditTrail | None,
    ) -> None:
        self._peers = peers
        self._settings = settings
        self._commitments = commitments
        self._audit = audit

    def list_due(self, session: Session, receivers: Sequence[str]) -> list[str]:
        """Return those of `receivers` for which a delivery is due."""
        return deliveries.list_due_peers(session, receivers)

    def list_strangers(self, session: Session, receivers: Collection[str]) -> list[str]:
        """Return the peers outside `receivers` for which a delivery is due."""
        return deliveries.list_other_due_peers(session, receivers)

    def lease(self, session: Session, lease: timedelta, limit: int, receiver: str) -> list[DueDelivery]:
        """Take due deliveries."""
        return deliveries.lease_due(session, lease, limit, receiver)

    def is_stored(self, session: Session, row: DueDelivery) -> bool:
        """True unless a leased row was erased."""
        return deliveries.is_stored(session, row)

    def hand_back(self, session: Session, numbers: Sequence[int]) -> None:
        """Make deliveries that were not tried due again."""
        deliveries.hand_back(session, numbers)

    def send(self, receiver: str, rows: Sequence[DueDelivery]) -> Iterator[DeliveryAttempt]:
        """Send objects over one association or connection."""
        peer = self._peers[receiver]
        return SENDERS[peer.protocol](peer, rows, self._settings, self._audit)

    def judge(self, row: DueDelivery, result: SendResult, reason: str) -> DeliveryAttempt:
        """Return an attempt that reached no peer."""
        return DeliveryAttempt(row, result, reason)

    def mark_delivered(self, session: Session, attempts: Sequence[DeliveryAttempt]) -> None:
        """Record that the peer has the objects, and let commitment be requested where the peer offers it."""
        deliveries.mark_delivered(session, *(attempt.row.number for attempt in attempts))
        for attempt in attempts:
            delay = self._commitments.wants(attempt.row.peer)
            if delay is not None:
                commitments.want(session, attempt.row.number, delay)

    def park(self, session: Session, attempt: DeliveryAttempt) -> None:
        """Record a permanent failure."""
        deliveries.park(session, attempt.row.number, attempt.reason)

    def retry_later(self, session: Session, attempt: DeliveryAttempt, delay: timedelta) -> None:
        """Record a transient failure."""
        deliveries.retry_later(session, attempt.row.number, delay, attempt.reason)

    def record_stage(self, attempt: DeliveryAttempt, started_ns: int) -> None:
        """Record an attempt, for traces."""
        delivery = attempt.row
        tell(
            "delivery",
            film_key(delivery.film_sop_instance_uid),
            started_ns,
            attempt.reason or None,
            peer=delivery.peer,
            attempt=delivery.attempts,
            result=attempt.result.value,
        )

    def tell(self, attempt: DeliveryAttempt, pause_s: float | None) -> None:
        """Log and count an attempt."""
        delivery, delivery_log = attempt.row, _log(attempt)
        if attempt.result is SendResult.DELIVERED:
            delivery_log.info("report delivered", attempt=delivery.attempts)
        elif pause_s is None:
            delivery_log.error("delivery parked", reason=attempt.reason, help="tbscreen deliveries")
        else:
            delivery_log.warning("delivery postponed", reason=attempt.reason, seconds=round(pause_s, 1))
        metrics.DELIVERIES.labels(delivery.peer, attempt.result.name.lower()).inc()

    def tell_trouble(self, attempt: DeliveryAttempt, pause_s: float | None) -> None:
        """Log that a peer is in trouble, or back."""
        if pause_s is None:
            _log(attempt).info("peer is back")
            return
        metrics.PEER_TROUBLES.labels(attempt.row.peer).inc()
        _log(attempt).warning("peer in trouble: deliveries paused", seconds=round(pause_s, 1))


def _log(attempt: DeliveryAttempt) -> structlog.stdlib.BoundLogger:
    delivery = attempt.row
    bound: structlog.stdlib.BoundLogger = log.bind(
        film=shorten_key(film_key(delivery.film_sop_instance_uid)),
        report=shorten_key(film_key(delivery.sop_instance_uid)),
        peer=delivery.peer,
    )
    return bound
