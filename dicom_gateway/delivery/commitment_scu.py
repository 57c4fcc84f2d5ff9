"""The storage commitment SCU (PS3.4 J.3.2): requests commitment of objects, and awaits the report."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import build_context, evt
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext

from db.delivery.commitment_requests import AskedReport
from dicom_gateway.association import statuses
from dicom_gateway.association.peer_association import (
    NoAssociationError,
    NothingAcceptedError,
    open_association,
)
from dicom_gateway.association.presentation_contexts import (
    STORAGE_COMMITMENT,
    STORAGE_COMMITMENT_INSTANCE,
    VERIFICATION,
)
from dicom_gateway.association.pynetdicom_repairs.reactor_checkpoint import release
from dicom_gateway.delivery.commitment_events import CommitmentEvents
from dicom_gateway.settings import CourierSettings, PeerSettings

REQUEST_STORAGE_COMMITMENT: Final = 1
"""Action type of PS3.4 Table J.3-1."""

LOOK_EVERY_S: Final = 0.05
"""Pause between two checks of the association and of `ending`."""

TRANSIENT_STATUSES: Final = frozenset(
    {
        statuses.PROCESSING_FAILURE,
        statuses.DUPLICATE_TRANSACTION_UID,
        statuses.DUPLICATE_INVOCATION,
        statuses.RESOURCE_LIMITATION,
    }
)
"""The peer may accept the next request."""


class Taken(StrEnum):
    """Result of a commitment request."""

    TAKEN = "taken"
    """The peer accepted it and will report, or has reported."""
    NOT_ASKED = "not asked"
    """The peer is away or rejects the association; the request was not sent."""
    TRANSIENT = "transient"
    """Sent, and refused for the moment or not answered."""
    PERMANENT = "permanent"
    """The peer offers no storage commitment to this AE title."""


@dataclass(frozen=True)
class RequestOutcome:
    """Result of a request and, unless taken, the reason."""

    taken: Taken
    reason: str = ""


def ask(
    peer: PeerSettings,
    transaction_uid: str,
    reports: Sequence[AskedReport],
    settings: CourierSettings,
    events: CommitmentEvents,
    wait_s: float,
    ending: threading.Event,
) -> RequestOutcome:
    """Send one N-ACTION; keep the association open for the peer's report for up to `wait_s`.

    Args:
        peer: the peer.
        transaction_uid: Transaction UID of a request that the database already holds.
        reports: the reports whose commitment is requested.
        settings: calling AE title and network timeout.
        events: records the peer's report if it comes on this association.
        wait_s: seconds to wait for the report.
        ending: ends the wait when set.
    """
    reported = threading.Event()

    def receive(event: evt.Event) -> tuple[int, Dataset | None]:
        try:
            return events.receive(event, called=peer.name)
        finally:
            reported.set()

    try:
        association = open_association(
            peer,
            settings.ae_title,
            offer(),
            settings.network_timeout_s,
            # The association is idle while it waits for the report.
            idle_s=wait_s + settings.network_timeout_s,
            handlers=[(evt.EVT_N_EVENT_REPORT, receive)],
        )
    except NothingAcceptedError as error:
        return RequestOutcome(Taken.PERMANENT, f"{error}: set commitment = false for it")
    except NoAssociationError as error:
        return RequestOutcome(Taken.NOT_ASKED, str(error))
    try:
        outcome = _request(association, transaction_uid, reports)
        if outcome.taken is Taken.TAKEN:
            deadline = time.monotonic() + wait_s
            while association.is_established and not ending.is_set() and time.monotonic() < deadline:
                if reported.wait(LOOK_EVERY_S):
                    break
        return outcome
    finally:
        if association.is_established:
            release(association, settings.network_timeout_s)


def offer() -> list[PresentationContext]:
    """Return the presentation contexts of a commitment request."""
    return [
        build_context(STORAGE_COMMITMENT, [ExplicitVRLittleEndian, ImplicitVRLittleEndian]),
        build_context(VERIFICATION),
    ]


def judge(status: int | None) -> RequestOutcome:
    """Judge an N-ACTION status (PS3.7 10.1.4.1.10); None means that no answer came."""
    if status is None:
        return RequestOutcome(Taken.TRANSIENT, "the association ended before the peer took the request")
    if statuses.is_done(status):
        return RequestOutcome(Taken.TAKEN)
    taken = Taken.TRANSIENT if status in TRANSIENT_STATUSES else Taken.PERMANENT
    return RequestOutcome(taken, f"the peer answers the request with status 0x{status:04X}")


def _request(
    association: Association, transaction_uid: str, reports: Sequence[AskedReport]
) -> RequestOutcome:
    accepted = {str(context.abstract_syntax) for context in association.accepted_contexts}
    if STORAGE_COMMITMENT not in accepted:
        reason = "the peer does not do storage commitment: set commitment = false for it"
        return RequestOutcome(Taken.PERMANENT, reason)
    information = Dataset()
    information.TransactionUID = transaction_uid
    items = []
    for report in reports:
        item = Dataset()
        item.ReferencedSOPClassUID = report.sop_class_uid
        item.ReferencedSOPInstanceUID = report.sop_instance_uid
        items.append(item)
    information.ReferencedSOPSequence = DicomSequence(items)
    try:
        answer, _ = association.send_n_action(
            information, REQUEST_STORAGE_COMMITMENT, STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE
        )
    except (RuntimeError, ValueError) as error:
        return RequestOutcome(Taken.TRANSIENT, f"could not be asked ({type(error).__name__})")
    return judge(answer.Status if "Status" in answer else None)
