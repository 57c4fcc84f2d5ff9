"""The audit trail (PS3.15 A.5.3): makes a record of each event, for a file, a repository or both."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pydicom.dataset import Dataset
from pydicom.filereader import read_partial
from pynetdicom import evt

from dicom_gateway.association.film_sender import FilmSender
from dicom_gateway.audit.audit_log import AuditLog
from dicom_gateway.audit.audit_message import (
    MOST_QUERY_BYTES,
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
    describe_search,
    describe_study,
)
from dicom_gateway.audit.audit_settings import AuditSettings
from dicom_gateway.dataset_header import read_text
from dicom_gateway.settings import PeerSettings

STUDY_INSTANCE_UID: Final = 0x0020000D
"""Last of an object's elements that a record names; the elements of a dataset are in order (PS3.5 7.1)."""


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

    def record_received(self, sender: FilmSender, header: Any, *, is_new: bool, revision: int) -> None:
        """Record a received film, on a connection of either side (DICOM Instances Transferred).

        Args:
            sender: its sender.
            header: the film's dataset without pixels.
            is_new: False when the same bytes were here already.
            revision: above 1 when the film corrects an earlier one.
        """
        action = Action.CREATE if is_new and revision == 1 else Action.UPDATE if is_new else Action.READ
        participants = (
            Participant(sender.ae_title, sender.address, Role.SOURCE, sender.is_caller),
            self._describe_us(Role.DESTINATION, not sender.is_caller, sender.own_ae_title),
        )
        self.record(
            AuditEvent(EventId.INSTANCES_TRANSFERRED, action, participants, _describe_instance(header))
        )

    def record_film_alert(self, sender: FilmSender, header: Any, alert: str) -> None:
        """Record a film under a UID that is not its own (Security Alert).

        Args:
            sender: its sender.
            header: the film's dataset without pixels.
            alert: what is wrong with it.
        """
        participants = (
            self._describe_us(None, False, sender.own_ae_title),
            Participant(sender.ae_title, sender.address, None, sender.is_caller),
        )
        objects = (
            describe_alert(sender.address or sender.ae_title or "unknown", alert),
            *_describe_instance(header),
        )
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

    def record_sending(self, peer: PeerSettings, part10: bytes) -> AuditEvent:
        """Record that an object is about to be sent to a peer (Begin Transferring DICOM Instances)."""
        objects = _describe_instance(_read_identity(part10))
        event = AuditEvent(EventId.BEGIN_TRANSFERRING, Action.EXECUTE, self._to_peer(peer), objects)
        self.record(event)
        return event

    def record_sent(self, sending: AuditEvent, outcome: EventOutcome, reason: str) -> None:
        """Record that an object was sent to a peer or refused by it (DICOM Instances Transferred).

        Args:
            sending: the record of `record_sending`.
            outcome: of the sending.
            reason: of a failure.
        """
        event = replace(
            sending,
            event_id=EventId.INSTANCES_TRANSFERRED,
            action=Action.READ,  # the peer may have had the object before
            outcome=outcome,
            description=reason,
        )
        self.record(event)

    def record_exported(
        self,
        receiver: str,
        host: str,
        patient_id: str,
        study_instance_uid: str,
        outcome: EventOutcome,
        reason: str,
    ) -> None:
        """Record that an HL7 message was sent to a receiver or refused by it (Data Export).

        Args:
            receiver: name of the receiver.
            host: its name or address on the network.
            patient_id: Patient ID of the message.
            study_instance_uid: study of the message.
            outcome: of the sending.
            reason: of a failure.
        """
        participants = (
            self._describe_us(Role.SOURCE, True),
            Participant(receiver, host, Role.DESTINATION, False),
        )
        objects = (describe_study(study_instance_uid, {}), describe_patient(patient_id))
        self.record(
            AuditEvent(
                EventId.EXPORT, Action.READ, participants, objects, outcome=outcome, description=reason
            )
        )

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
        peer, ours = (requestor, acceptor) if is_received else (acceptor, requestor)
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
            self._describe_us(our_role, not is_received, str(ours.ae_title or "").strip()),
        )
        self.record(AuditEvent(EventId.QUERY, Action.EXECUTE, participants, (query,)))

    def record_web_query(self, sender: FilmSender, request: bytes) -> None:
        """Record a search by QIDO-RS, sent or received (Query).

        Args:
            sender: the other side: it asks if it is the caller, else it is asked.
            request: path and query of the request, as sent.
        """
        asks = sender.is_caller
        theirs, ours = (Role.SOURCE, Role.DESTINATION) if asks else (Role.DESTINATION, Role.SOURCE)
        participants = (
            Participant(sender.ae_title, sender.address, theirs, asks),
            self._describe_us(ours, not asks, sender.own_ae_title),
        )
        self.record(
            AuditEvent(
                EventId.QUERY, Action.EXECUTE, participants, (describe_search(request[:MOST_QUERY_BYTES]),)
            )
        )

    def record_retrieved(
        self,
        sender: FilmSender,
        study_instance_uid: str,
        patient_id: str,
        instances: Mapping[str, Sequence[str]],
    ) -> None:
        """Record instances of a study, or their headers, sent by WADO-RS (DICOM Instances Transferred).

        Args:
            sender: the sender of the request.
            study_instance_uid: the study.
            patient_id: Patient ID; empty if unknown.
            instances: SOP Instance UIDs by SOP Class UID.
        """
        participants = (
            self._describe_us(Role.SOURCE, False, sender.own_ae_title),
            Participant(sender.ae_title, sender.address, Role.DESTINATION, True),
        )
        objects = (describe_study(study_instance_uid, instances), describe_patient(patient_id))
        self.record(AuditEvent(EventId.INSTANCES_TRANSFERRED, Action.READ, participants, objects))

    def _describe_us(self, role: Role | None, is_requestor: bool, ae_title: str | None = None) -> Participant:
        # A gateway that pulls uses the AE title of the courier.
        title = self._ae_title if ae_title is None else ae_title
        return Participant(title, socket.gethostname(), role, is_requestor, str(os.getpid()))

    def _to_peer(self, peer: PeerSettings) -> tuple[Participant, ...]:
        return (
            self._describe_us(Role.SOURCE, True),
            Participant(
                peer.ae_title or peer.name,
                peer.host or urlsplit(peer.url).hostname or "",
                Role.DESTINATION,
                False,
            ),
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
    return read_partial(BytesIO(part10), stop_when=lambda tag, _vr, _length: tag > STUDY_INSTANCE_UID)
