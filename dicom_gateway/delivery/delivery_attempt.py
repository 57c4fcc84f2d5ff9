"""One attempt to send an object to a peer, and the meaning of the peer's status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from db.delivery.deliveries import DueDelivery
from dicom_gateway.association import statuses
from dicom_gateway.audit import audit_message
from sending.send_result import SendResult

TRANSIENT_STATUSES: Final = frozenset(
    {
        statuses.PROCESSING_FAILURE,
        statuses.DUPLICATE_INVOCATION,
        statuses.RESOURCE_LIMITATION,
        statuses.CANCELLED,
    }
)
"""The peer may take the same object later."""


AUDITED_AS: Final = {
    SendResult.DELIVERED: audit_message.EventOutcome.SUCCESS,
    SendResult.TRANSIENT: audit_message.EventOutcome.MINOR_FAILURE,
    SendResult.PERMANENT: audit_message.EventOutcome.SERIOUS_FAILURE,
}


@dataclass(frozen=True)
class DeliveryAttempt:
    """One attempt to send an object: its result and, unless delivered, the reason."""

    row: DueDelivery
    result: SendResult
    reason: str = ""
    in_trouble: bool = False
    """True when the cause is the peer, not the object: it is away, silent, full, or closed the connection.
    The next object would fail as well."""


def classify(status: int | None) -> tuple[SendResult, str]:
    """Judge a C-STORE status (PS3.4 Table B.2-1, PS3.7 C) or a Failure Reason of a Store transaction.

    Args:
        status: as the peer gave it; None means that no answer came.
    """
    if status is None:
        return SendResult.TRANSIENT, "the association ended before the peer answered"
    if statuses.is_done(status) or status == statuses.DUPLICATE_SOP_INSTANCE:
        # A duplicate was sent here before: the peer has stored the bytes.
        return SendResult.DELIVERED, ""
    reason = f"status 0x{status:04X}"
    if meaning := statuses.STORE_FAILURES.get(status & 0xFF00 if status >= 0xA000 else status):
        reason = f"{reason}: {meaning}"
    if statuses.is_out_of_resources(status) or status in TRANSIENT_STATUSES:
        return SendResult.TRANSIENT, reason
    return SendResult.PERMANENT, reason
