"""The storage SCU (PS3.4 B): sends objects to a peer, and tells transient from permanent failures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydicom.uid import UID
from pynetdicom.association import Association

from db.delivery.deliveries import DueDelivery
from dicom_gateway.association import statuses
from dicom_gateway.association.peer_association import (
    NoAssociationError,
    NothingAcceptedError,
    open_association,
)
from dicom_gateway.audit.audit_trail import AuditTrail
from dicom_gateway.delivery.delivery_attempt import AUDITED_AS, DeliveryAttempt, classify
from dicom_gateway.delivery.sent_objects import offer, read_for_peer
from dicom_gateway.settings import CourierSettings, PeerSettings
from sending.send_result import SendResult


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
        yield DeliveryAttempt(deliveries[0], SendResult.TRANSIENT, str(error), in_trouble=True)
        return
    try:
        for delivery in deliveries:
            sending = None if audit is None else audit.record_sending(peer, delivery.part10)
            attempt = _send_object(association, delivery)
            if audit is not None and sending is not None:
                audit.record_sent(sending, AUDITED_AS[attempt.result], attempt.reason)
            yield attempt
            if attempt.in_trouble:
                return
    finally:
        if association.is_established:
            association.release()


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
        return DeliveryAttempt(delivery, SendResult.TRANSIENT, reason, in_trouble=gone)
    status = answer.Status if "Status" in answer else None
    result, reason = classify(status)
    is_full = status is None or statuses.is_out_of_resources(status)
    return DeliveryAttempt(delivery, result, reason, in_trouble=is_full)
