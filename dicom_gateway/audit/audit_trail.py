"""The audit trail (PS3.15 A.5.3): makes a record of each event, for a file, a repository or both."""

from __future__ import annotations

import os
import socket
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.association import Association

from dicom_gateway.audit.audit_log import AuditLog
from dicom_gateway.audit.audit_message import (
    Action,
    AuditEvent,
    EventId,
    EventOutcome,
    EventType,
    Participant,
    Role,
    describe_alert,
    describe_patient,
    describe_query,
    describe_study,
)
from dicom_gateway.audit.audit_settings import AuditSettings
from dicom_gateway.dataset_header import read_text
from dicom_gateway.settings import PeerSettings

IDENTITY: Final = ("PatientID", "StudyInstanceUID", "SOPClassUID", "SOPInstanceUID")


class AuditTrail(AuditLog):
    """Records events of gateway and courier.

    Args:
        settings: settings of audit records.
        directory: folder of the files.
        process: kind of the recording process; names its file.
        ae_title: AE title of the recording process.
    """

    def __init__(self, settings: AuditSettings, directory: Path, process: str, ae_title: str) -> None:
        self._ae_title = ae_title
        super().__init__(settings, directory, process, self._describe_us(Role.APPLICATION, False))

    def record_received(self, event: evt.Event, header: Any, *, is_new: bool, revision: int) -> None:
        """Record a film received by C-STORE, on an association of either side (DICOM Instances Transferred).

        Args:
            event: the C-STORE request.
            header: the film's dataset without pixels.
            is_new: False when the same bytes were here already.
            revision: above 1 when the film corrects an earlier one.
        """
        association = event.assoc
        peer = association.requestor if association.is_acceptor else association.acceptor
        network = peer.address_info
        peer_title = str(peer.ae_title or "").strip()
        address = network.address if network is not None else ""
        action = Action.CREATE if is_new and revision == 1 else Action.UPDATE if is_new else Action.READ
        participants = (
            Participant(peer_title, address, Role.SOURCE, association.is_acceptor),
            self._describe_us(Role.DESTINATION, not association.is_acceptor, association),
        )
        self.record(
            AuditEvent(EventId.INSTANCES_TRANSFERRED, action, participants, _describe_instance(header))
        )

    def record_conflict(self, event: evt.Event, header: Any) -> None:
        """Record a film of another patient or study under a known SOP Instance UID (Security Alert).

        Args:
            event: the C-STORE request.
            header: the film's dataset without pixels.
        """
        association = event.assoc
        peer = association.requestor if association.is_acceptor else association.acceptor
        network = peer.address_info
        title = str(peer.ae_title or "").strip()
        address = network.address if network is not None else ""
        alert = "film of another patient or study under a known SOP Instance UID"
        participants = (
            self._describe_us(None, False, association),
            Participant(title, address, None, association.is_acceptor),
        )
        objects = (describe_alert(address or title or "unknown", alert), *_describe_instance(header))
        self.record(
            AuditEvent(
                EventId.SECURITY_ALERT,
                Action.EXECUTE,
                participants,
                objects,
                EventType.OBJECT_CHANGED,
                EventOutcome.MINOR_FAILURE,
                alert,
            )
        )

    def record_sending(self, peer: PeerSettings, part10: bytes) -> None:
        """Record that an object is about to be sent to a peer (Begin Transferring DICOM Instances)."""
        objects = _describe_instance(_read_identity(part10))
        self.record(AuditEvent(EventId.BEGIN_TRANSFERRING, Action.EXECUTE, self._to_peer(peer), objects))

    def record_sent(self, peer: PeerSettings, part10: bytes, outcome: EventOutcome, reason: str) -> None:
        """Record that an object was sent to a peer or refused by it (DICOM Instances Transferred)."""
        objects = _describe_instance(_read_identity(part10))
        event = AuditEvent(
            EventId.INSTANCES_TRANSFERRED,
            Action.READ,  # the peer may have had the object before
            self._to_peer(peer),
            objects,
            outcome=outcome,
            description=reason,
        )
        self.record(event)

    def record_alert(self, event: str, fields: dict[str, str], count: int) -> None:
        """Record a rejected caller (Security Alert, Node Authentication).

        Args:
            event: the kind of refusal.
            fields: `address`, `reason`, and `caller` where an AE title is known.
            count: number of occurrences.
        """
        address = fields.get("address", "")
        caller = fields.get("caller", "")
        alert = f"{event}: {fields.get('reason', '')} ({count} times)"
        participants = (
            self._describe_us(None, False),
            Participant(caller, address, None, True),
        )
        self.record(
            AuditEvent(
                EventId.SECURITY_ALERT,
                Action.EXECUTE,
                participants,
                (describe_alert(address or caller or "unknown", alert),),
                EventType.NODE_AUTHENTICATION,
                EventOutcome.SERIOUS_FAILURE,
                alert,
            )
        )

    def record_query(self, event: evt.Event) -> None:
        """Record a C-FIND request, sent or received (Query); other DIMSE messages are ignored."""
        message: Any = event.message
        if type(message).__name__ != "C_FIND_RQ":
            return
        association = event.assoc
        requestor, acceptor = association.requestor, association.acceptor
        is_received = association.is_acceptor
        peer = requestor if is_received else acceptor
        network = peer.address_info
        peer_title = str(peer.ae_title or "").strip()
        address = network.address if network is not None else ""
        our_role, peer_role = (
            (Role.DESTINATION, Role.SOURCE) if is_received else (Role.SOURCE, Role.DESTINATION)
        )
        sop_class = str(message.command_set.AffectedSOPClassUID)
        syntaxes = [
            str(context.transfer_syntax[0])
            for context in association.accepted_contexts
            if context.abstract_syntax == sop_class
        ]
        query = describe_query(sop_class, next(iter(syntaxes), ""), message.data_set.getvalue())
        participants = (
            Participant(peer_title, address, peer_role, is_received),
            self._describe_us(our_role, not is_received, association),
        )
        self.record(AuditEvent(EventId.QUERY, Action.EXECUTE, participants, (query,)))

    def _describe_us(
        self, role: Role | None, is_requestor: bool, association: Association | None = None
    ) -> Participant:
        title = self._ae_title
        if association is not None:  # a gateway that pulls uses the AE title of the courier
            own = association.acceptor if association.is_acceptor else association.requestor
            title = str(own.ae_title or "").strip()
        return Participant(title, socket.gethostname(), role, is_requestor, str(os.getpid()))

    def _to_peer(self, peer: PeerSettings) -> tuple[Participant, ...]:
        return (
            self._describe_us(Role.SOURCE, True),
            Participant(peer.ae_title, peer.host, Role.DESTINATION, False),
        )


def bind_query_audit(audit: AuditTrail | None, moment: Any) -> list[Any]:
    """Return the handlers that record each C-FIND request.

    Args:
        audit: records the requests; None returns no handlers.
        moment: pynetdicom's `EVT_DIMSE_SENT` or `EVT_DIMSE_RECV`.
    """
    return [] if audit is None else [(moment, audit.record_query)]


def _describe_instance(dataset: Dataset) -> tuple[Any, ...]:
    """Return the objects for an instance's study and patient; unreadable attributes are left empty."""
    instances = {_read(dataset, "SOPClassUID"): [_read(dataset, "SOPInstanceUID")]}
    study = describe_study(_read(dataset, "StudyInstanceUID"), instances)
    return study, describe_patient(_read(dataset, "PatientID"))


def _read(dataset: Dataset, keyword: str) -> str:
    return read_text(dataset, keyword, 64) or ""


def _read_identity(part10: bytes) -> Any:
    return dcmread(BytesIO(part10), stop_before_pixels=True, specific_tags=list(IDENTITY))
