"""The courier of HL7 messages, beside that of DICOM objects in its process: what its loop makes and sends."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy.orm import Session

from db.database import Database
from db.hl7 import hl7_messages
from db.hl7.hl7_messages import DueMessage
from dicom_gateway import metrics
from dicom_gateway.audit.audit_trail import AuditTrail
from dicom_gateway.hl7.message_round import MessageRound
from dicom_gateway.hl7.message_sender import MessageAttempt, send
from dicom_gateway.hl7.message_settings import MessageSettings
from dicom_gateway.settings import CourierSettings
from domain.film_key import film_key
from domain.film_stage import shorten_key, tell
from sending.outbox_loop import OutboxLoop, Pace
from sending.send_result import SendResult

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
        self._round = MessageRound(database, settings, courier)
        self._pause_s = courier.poll_interval_s if settings.receivers else IDLE_S
        waits = {receiver.name: receiver.acknowledgement_timeout_s for receiver in settings.receivers}
        pace = Pace(
            courier.poll_interval_s,
            courier.retry_first_s,
            courier.retry_most_s,
            courier.maximum_attempts,
            courier.lease_s,
            answer_s=lambda name: 2 * waits.get(name, 0.0) + courier.network_timeout_s,
        )
        self._loop = OutboxLoop(database, MessageOutbox(settings, audit), list(waits), pace)

    def run(self, ending: threading.Event) -> None:
        """Work until `ending` is set."""
        self._loop.run(ending, self._round.make_due, lambda made: 0.0 if made else self._pause_s)


class MessageOutbox:
    """The table of messages, for the loop that sends them (`sending.outbox_loop.Outbox`).

    Args:
        settings: receivers.
        audit: records what is sent; None for no audit.
    """

    def __init__(self, settings: MessageSettings, audit: AuditTrail | None) -> None:
        self._receivers = {receiver.name: receiver for receiver in settings.receivers}
        self._audit = audit

    def list_due(self, session: Session, receivers: Sequence[str]) -> list[str]:
        """Return those of `receivers` for which a message is due."""
        return hl7_messages.list_due_receivers(session, receivers)

    def list_strangers(self, session: Session, receivers: Collection[str]) -> list[str]:
        """Return the receivers outside `receivers` for which a message is due."""
        return hl7_messages.list_strangers(session, receivers)

    def lease(self, session: Session, lease: timedelta, limit: int, receiver: str) -> list[DueMessage]:
        """Take due messages."""
        return hl7_messages.lease_due(session, lease, limit, receiver)

    def is_stored(self, session: Session, row: DueMessage) -> bool:
        """True unless a leased row was erased."""
        return hl7_messages.is_stored(session, row)

    def hand_back(self, session: Session, numbers: Sequence[int]) -> None:
        """Make messages that were not tried due again."""
        hl7_messages.hand_back(session, numbers)

    def send(self, receiver: str, rows: Sequence[DueMessage]) -> Iterator[MessageAttempt]:
        """Send messages over one connection."""
        return send(self._receivers[receiver], rows, self._audit)

    def judge(self, row: DueMessage, result: SendResult, reason: str) -> MessageAttempt:
        """Return an attempt that reached no receiver."""
        return MessageAttempt(row, result, reason)

    def mark_delivered(self, session: Session, attempts: Sequence[MessageAttempt]) -> None:
        """Record that the receiver has accepted messages."""
        for attempt in attempts:
            hl7_messages.mark_delivered(session, attempt.row.number, attempt.acknowledgement or "")

    def park(self, session: Session, attempt: MessageAttempt) -> None:
        """Record a permanent failure."""
        hl7_messages.park(session, attempt.row.number, attempt.reason, attempt.acknowledgement)

    def retry_later(self, session: Session, attempt: MessageAttempt, delay: timedelta) -> None:
        """Record a transient failure."""
        hl7_messages.retry_later(session, attempt.row.number, delay, attempt.reason, attempt.acknowledgement)

    def record_stage(self, attempt: MessageAttempt, started_ns: int) -> None:
        """Record an attempt, for traces."""
        message = attempt.row
        tell(
            "HL7 message",
            film_key(message.film_sop_instance_uid),
            started_ns,
            None if attempt.result is SendResult.DELIVERED else attempt.loggable,
            receiver=message.receiver,
            attempt=message.attempts,
            result=attempt.result.value,
        )

    def tell(self, attempt: MessageAttempt, pause_s: float | None) -> None:
        """Log and count an attempt."""
        message, message_log = attempt.row, _log(attempt)
        if attempt.result is SendResult.DELIVERED:
            message_log.info("HL7 message delivered", kind=message.kind, attempt=message.attempts)
        elif pause_s is None:
            message_log.error(
                "HL7 message parked", reason=attempt.loggable, help="tbscreen deliveries hl7 list"
            )
        else:
            message_log.warning("HL7 message postponed", reason=attempt.loggable, seconds=round(pause_s, 1))
        metrics.MESSAGES.labels(message.receiver, attempt.result.name.lower()).inc()

    def tell_trouble(self, attempt: MessageAttempt, pause_s: float | None) -> None:
        """Log that a receiver is in trouble, or back."""
        if pause_s is None:
            _log(attempt).info("receiver is back")
        else:
            _log(attempt).warning("receiver in trouble: messages paused", seconds=round(pause_s, 1))


def _log(attempt: MessageAttempt) -> structlog.stdlib.BoundLogger:
    message = attempt.row
    bound: structlog.stdlib.BoundLogger = log.bind(
        film=shorten_key(film_key(message.film_sop_instance_uid)),
        message=message.control_id,
        receiver=message.receiver,
    )
    return bound
