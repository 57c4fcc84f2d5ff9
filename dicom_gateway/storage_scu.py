"""Sends objects to a peer (PS3.4 B) and tells transient failures from permanent ones."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydicom import dcmread
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.association import Association

from db.deliveries import DueDelivery
from dicom_gateway.presentation_contexts import VERIFICATION
from dicom_gateway.settings import CourierSettings, PeerSettings

DUPLICATE_SOP_INSTANCE: Final = 0x0111
"""PS3.7 C.5.7: the peer has it already, and what it has is what we sent: the bytes are stored."""


class Result(StrEnum):
    """What became of one object."""

    DELIVERED = "delivered"
    TRANSIENT = "transient"
    PERMANENT = "permanent"


@dataclass(frozen=True)
class Outcome:
    """One object's result and, unless delivered, why not."""

    delivery: DueDelivery
    result: Result
    reason: str = ""


def send(
    peer: PeerSettings, deliveries: Sequence[DueDelivery], settings: CourierSettings
) -> Iterator[Outcome]:
    """Send objects over one association, in order, each with its outcome as soon as it is known."""
    ae = AE(ae_title=settings.ae_title)
    ae.connection_timeout = min(10.0, settings.network_timeout_s)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = settings.network_timeout_s
    for sop_class in dict.fromkeys(delivery.sop_class_uid for delivery in deliveries):
        ae.add_requested_context(sop_class, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    # Verification is proposed too, so that a peer that takes none of our SOP classes says so instead of
    # looking as if it were away: without one accepted context there is no association at all.
    ae.add_requested_context(VERIFICATION)
    try:
        association = ae.associate(peer.host, peer.port, ae_title=peer.ae_title)
    except OSError:
        for delivery in deliveries:
            yield Outcome(delivery, Result.TRANSIENT, f"the host name {peer.host} is not known")
        return
    try:
        if not association.is_established:
            reason = "association rejected" if association.is_rejected else "no association: peer away"
            for delivery in deliveries:
                yield Outcome(delivery, Result.TRANSIENT, reason)
            return
        for delivery in deliveries:
            yield _send_one(association, delivery)
    finally:
        if association.is_established:
            association.release()


def classify(status: int | None) -> tuple[Result, str]:
    """Judge a C-STORE status (PS3.4 Table B.2-1, PS3.7 C); None means that no answer came."""
    if status is None:
        return Result.TRANSIENT, "the association ended before the peer answered"
    if status in (0x0000, DUPLICATE_SOP_INSTANCE) or 0xB000 <= status <= 0xBFFF:
        return Result.DELIVERED, ""
    reason = f"status 0x{status:04X}"
    if 0xA700 <= status <= 0xA7FF:
        return Result.TRANSIENT, f"{reason}: out of resources"
    if status in (0x0110, 0x0213, 0xFE00):
        return Result.TRANSIENT, reason
    return Result.PERMANENT, reason


def _send_one(association: Association, delivery: DueDelivery) -> Outcome:
    if not association.is_established:
        return Outcome(delivery, Result.TRANSIENT, "the association ended early")
    accepted = {str(context.abstract_syntax) for context in association.accepted_contexts}
    if delivery.sop_class_uid not in accepted:
        return Outcome(
            delivery,
            Result.PERMANENT,
            f"the peer does not take {UID(delivery.sop_class_uid).name}; see courier.sr_sop_class",
        )
    try:
        answer = association.send_c_store(dcmread(io.BytesIO(delivery.part10)))
    except (RuntimeError, ValueError) as error:
        return Outcome(delivery, Result.TRANSIENT, f"could not be sent ({type(error).__name__})")
    result, reason = classify(answer.Status if "Status" in answer else None)
    return Outcome(delivery, result, reason)
