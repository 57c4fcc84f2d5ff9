"""Sends stored messages to a receiver over one connection, and judges its answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from db.hl7.hl7_messages import DueMessage
from dicom_gateway.audit.audit_trail import AuditTrail
from dicom_gateway.delivery.delivery_attempt import AUDITED_AS
from dicom_gateway.hl7.acknowledgement import (
    RECORD_LOCKED,
    NotAcknowledgedError,
    judge,
    read_acknowledgement,
)
from dicom_gateway.hl7.message_settings import ReceiverSettings
from dicom_gateway.hl7.mllp_connection import MllpConnection, NoAnswerError, open_connection
from dicom_gateway.hl7.observations import STUDY
from dicom_gateway.hl7.segments import find_observation, find_value, read_message
from sending.send_result import SendResult


@dataclass(frozen=True)
class MessageAttempt:
    """One attempt to send a message: its result and, unless delivered, the reason."""

    row: DueMessage
    result: SendResult
    reason: str = ""
    """It may quote patient data: show it, never log it."""
    acknowledgement: str | None = None
    """MSA-1; None without an answer."""
    in_trouble: bool = False
    """True when the next message would fail as well."""

    @property
    def loggable(self) -> str:
        """The reason without what the receiver wrote for people."""
        return self.acknowledgement or self.reason


def send(
    receiver: ReceiverSettings, messages: Sequence[DueMessage], audit: AuditTrail | None = None
) -> Iterator[MessageAttempt]:
    """Send messages in order, each after the answer to the one before; yield each attempt at once.

    The first attempt that finds the receiver in trouble is the last; the remaining messages are not tried.
    `audit` records each attempt that reached the receiver.
    """
    try:
        with open_connection(receiver) as connection:
            for message in messages:
                attempt = _exchange(connection, message)
                if audit is not None:
                    _record(audit, receiver, attempt)
                yield attempt
                if attempt.in_trouble:
                    return
    except NoAnswerError as error:
        yield MessageAttempt(messages[0], SendResult.TRANSIENT, str(error), in_trouble=True)


def _exchange(connection: MllpConnection, message: DueMessage) -> MessageAttempt:
    try:
        answer = read_acknowledgement(connection.exchange(message.content), message.control_id)
    except (NoAnswerError, NotAcknowledgedError) as error:
        return MessageAttempt(message, SendResult.TRANSIENT, str(error), in_trouble=True)
    result, reason = judge(answer)
    in_trouble = result is SendResult.TRANSIENT and answer.error_code != RECORD_LOCKED
    return MessageAttempt(message, result, reason, answer.code, in_trouble)


def _record(audit: AuditTrail, receiver: ReceiverSettings, attempt: MessageAttempt) -> None:
    content = read_message(attempt.row.content)
    audit.record_exported(
        receiver.name,
        receiver.host,
        find_value(content, "PID", 3),
        find_observation(content, STUDY[0]),
        AUDITED_AS[attempt.result],
        attempt.loggable if attempt.result is not SendResult.DELIVERED else "",
    )
