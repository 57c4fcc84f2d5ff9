"""The storage SCU (PS3.4 B): sends objects to a peer, and tells transient from permanent failures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydicom.uid import UID
from pynetdicom.association import Association

from db.delivery.deliveries import DueDelivery
from dicom_gateway.association import statuses
from dicom_gateway.association.peer_association import (
    NoAssociationError,
    NothingAcceptedError,
    open_association,
)
from dicom_gateway.audit import audit_message
from dicom_gateway.audit.audit_trail import AuditTrail
from dicom_gateway.delivery.sent_objects import offer, read_for_peer
from dicom_gateway.settings import CourierSettings, PeerSettings

TRANSIENT_STATUSES: Final = frozenset(
    {
        statuses.PROCESSING_FAILURE,
        statuses.DUPLICATE_INVOCATION,
        statuses.RESOURCE_LIMITATION,
        statuses.CANCELLED,
    }
)
"""The peer may take the same object later."""


class SendResult(StrEnum):
    """Result of sending one object."""

    DELIVERED = "delivered"
    TRANSIENT = "transient"
    PERMANENT = "permanent"


AUDITED_AS: Final = {
    SendResult.DELIVERED: audit_message.EventOutcome.SUCCESS,
    SendResult.TRANSIENT: audit_message.EventOutcome.MINOR_FAILURE,
    SendResult.PERMANENT: audit_message.EventOutcome.SERIOUS_FAILURE,
}


@dataclass(frozen=True)
class DeliveryAttempt:
    """One attempt to send an object: its result and, unless delivered, the reason."""

    delivery: DueDelivery
    result: SendResult
    reason: str = ""
    peer_in_trouble: bool = False
    """True when the cause is the peer, not the object: it is away, silent, full, or closed the association.
    The next object would fail as well."""


def send(
    peer: PeerSettings,
    deliveries: Sequence[DueDelivery],
    settings: CourierSettings,
    audit: AuditTrail | None = None,
) -> Iterator[DeliveryAttempt]:
    """Send objects over one association, in order, and yield each attempt as soon as its result is known.

    The first attempt that finds the peer in trouble is the last; the remaining deliveries are not tried.
    `audit` records each attempt.
    """
    contexts = offer(delivery.sop_class_uid for delivery in deliveries)
    try:
        association = open_association(peer, settings.ae_title, contexts, settings.network_timeout_s)
    except NothingAcceptedError as error:
        for delivery in deliveries:
            reason = f"{error}, not even {UID(delivery.sop_class_uid).name}; see courier.sr_sop_class"
            yield DeliveryAttempt(delivery, SendResult.PERMANENT, reason)
        return
    except NoAssociationError as error:
        yield DeliveryAttempt(deliveries[0], SendResult.TRANSIENT, str(error), peer_in_trouble=True)
        return
    try:
        for delivery in deliveries:
            if audit is not None:
                audit.record_sending(peer, delivery.part10)
            attempt = _send_object(association, delivery)
            if audit is not None:
                audit.record_sent(peer, delivery.part10, AUDITED_AS[attempt.result], attempt.reason)
            yield attempt
            if attempt.peer_in_trouble:
                return
    finally:
        if association.is_established:
            association.release()


def classify(status: int | None) -> tuple[SendResult, str]:
    """Judge a C-STORE status (PS3.4 Table B.2-1, PS3.7 C); None means that no answer came."""
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


def _send_object(association: Association, delivery: DueDelivery) -> DeliveryAttempt:
    try:
        dataset = read_for_peer(delivery.part10, association.accepted_contexts)
        if dataset is None:
            name = UID(delivery.sop_class_uid).name
            reason = f"the peer does not take {name}; see courier.sr_sop_class and peers.kinds"
            return DeliveryAttempt(delivery, SendResult.PERMANENT, reason)
        answer = association.send_c_store(dataset)
    except (RuntimeError, ValueError) as error:
        gone = not association.is_established
        reason = f"could not be sent ({type(error).__name__})"
        return DeliveryAttempt(delivery, SendResult.TRANSIENT, reason, peer_in_trouble=gone)
    status = answer.Status if "Status" in answer else None
    result, reason = classify(status)
    is_full = status is None or statuses.is_out_of_resources(status)
    return DeliveryAttempt(delivery, result, reason, peer_in_trouble=is_full)
