"""Audit messages as XML (PS3.15 A.5.1 schema, A.5.2 conventions, A.5.3 messages).

Participants are identified by AE title, patients by Patient ID alone, without name and birth date.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 forbids (2.2)."""

MOST_QUERY_BYTES: Final = 16 * 1024
"""Longest query in a record; longer ones are cut."""


class EventId(Enum):
    """Kinds of events (PS3.16 CID 400): code and meaning."""

    AUDIT_LOG_USED = ("110101", "Audit Log Used")
    APPLICATION_ACTIVITY = ("110100", "Application Activity")
    BEGIN_TRANSFERRING = ("110102", "Begin Transferring DICOM Instances")
    EXPORT = ("110106", "Export")
    INSTANCES_ACCESSED = ("110103", "DICOM Instances Accessed")
    INSTANCES_TRANSFERRED = ("110104", "DICOM Instances Transferred")
    PATIENT_RECORD = ("110110", "Patient Record")
    QUERY = ("110112", "Query")
    SECURITY_ALERT = ("110113", "Security Alert")
    USER_AUTHENTICATION = ("110114", "User Authentication")


class EventType(Enum):
    """EventTypeCode (PS3.16 CID 401)."""

    START = ("110120", "Application Start")
    STOP = ("110121", "Application Stop")
    LOGIN = ("110122", "Login")
    LOGOUT = ("110123", "Logout")
    NODE_AUTHENTICATION = ("110126", "Node Authentication")
    SECURITY_CONFIGURATION = ("110129", "Security Configuration")
    SOFTWARE_CONFIGURATION = ("110131", "Software Configuration")
    OBJECT_CHANGED = ("110135", "Object Security Attributes Changed")
    ROLES_CHANGED = ("110136", "Security Roles Changed")
    USER_CHANGED = ("110137", "User Security Attributes Changed")


class Role(Enum):
    """Role of a participant (PS3.16 CID 402)."""

    APPLICATION = ("110150", "Application")
    DESTINATION = ("110152", "Destination Role ID")
    SOURCE = ("110153", "Source Role ID")


class ObjectIdType(Enum):
    """Kind of an object's identifier (PS3.16 CID 404; the last in PS3.15 Table A.5.1-5)."""

    STUDY = ("110180", "Study Instance UID", "DCM")
    SOP_CLASS = ("110181", "SOP Class UID", "DCM")
    NODE = ("110182", "Node ID", "DCM")
    PATIENT = ("2", "Patient Number", "RFC-3881")
    SEARCH = ("10", "Search Criteria", "RFC-3881")
    URI = ("12", "URI", "RFC-3881")


class Action(StrEnum):
    """EventActionCode (PS3.15 Table A.5.2-1)."""

    CREATE = "C"
    READ = "R"
    UPDATE = "U"
    EXECUTE = "E"


class EventOutcome(StrEnum):
    """EventOutcomeIndicator (PS3.15 Table A.5.2-1)."""

    SUCCESS = "0"
    MINOR_FAILURE = "4"
    SERIOUS_FAILURE = "8"


@dataclass(frozen=True)
class Participant:
    """A process or a person that took part."""

    ae_title: str
    address: str
    """Network address; empty where unknown."""
    role: Role | None
    is_requestor: bool
    process_id: str = ""
    """Process ID of our own processes; empty for others."""
    user: str = ""
    """User name of a person; empty for a process."""


@dataclass(frozen=True)
class AuditSource:
    """The source of audit records."""

    source: str
    site: str = ""


@dataclass(frozen=True)
class AuditedObject:
    """A patient, study, query or node that an event is about."""

    id_type: ObjectIdType
    object_id: str
    type_code: str
    """1 is a person, 2 a system object."""
    role_code: str = ""
    """1 is a patient, 3 a report (PS3.15 A.5.1.2.2); empty leaves it out."""
    instances: Mapping[str, Sequence[str]] | None = None
    """SOP Instance UIDs by SOP Class UID."""
    query: bytes | None = None
    details: tuple[tuple[str, bytes], ...] = ()
    name: str = ""
    """Name of a system object; never that of a person."""


@dataclass(frozen=True)
class AuditEvent:
    """An event of the audit trail."""

    event_id: EventId
    action: Action
    participants: tuple[Participant, ...]
    objects: tuple[AuditedObject, ...] = ()
    event_type: EventType | None = None
    outcome: EventOutcome = EventOutcome.SUCCESS
    description: str = ""
    """Reason of a failure."""


def describe_study(study_instance_uid: str, instances: Mapping[str, Sequence[str]]) -> AuditedObject:
    """Return the object for a study and its instances by SOP class."""
    return AuditedObject(ObjectIdType.STUDY, study_instance_uid, "2", "3", instances=instances)


def describe_patient(patient_id: str) -> AuditedObject:
    """Return the object for a patient."""
    return AuditedObject(ObjectIdType.PATIENT, patient_id, "1", "1")


def describe_query(sop_class_uid: str, transfer_syntax_uid: str, identifier: bytes) -> AuditedObject:
    """Return the object for a C-FIND: its identifier as encoded, cut to `MOST_QUERY_BYTES`."""
    identifier = identifier[:MOST_QUERY_BYTES]
    details = (("TransferSyntax", transfer_syntax_uid.encode("ascii", "replace")),)
    return AuditedObject(ObjectIdType.SOP_CLASS, sop_class_uid, "2", "3", query=identifier, details=details)


def describe_search(criteria: bytes) -> AuditedObject:
    """Return the object for a search on the worklist page."""
    return AuditedObject(ObjectIdType.SEARCH, "worklist", "2", "24", query=criteria)


def describe_alert(node: str, alert: str) -> AuditedObject:
    """Return the object for a security alert: the node and a description."""
    return AuditedObject(ObjectIdType.NODE, node, "2", details=(("Alert Description", alert.encode()),))


def describe_audit_log(directory: str) -> AuditedObject:
    """Return the object for the audit log itself (PS3.15 A.5.3.2)."""
    return AuditedObject(ObjectIdType.URI, f"file://{directory}", "2", "13", name="Security Audit Log")


def build_message(event: AuditEvent, source: AuditSource, moment: datetime) -> bytes:
    """Return an event as one line of XML, UTF-8, without declaration.

    Args:
        event: the event.
        source: the system that records it.
        moment: time of the event, with its time zone.
    """
    message = Element("AuditMessage")
    _add_event(message, event, moment)
    for participant in event.participants:
        _add_participant(message, participant)
    attributes = {"AuditSourceID": source.source} | (
        {"AuditEnterpriseSiteID": source.site} if source.site else {}
    )
    identification = SubElement(message, "AuditSourceIdentification", _clean(attributes))
    SubElement(identification, "AuditSourceTypeCode", {"csd-code": "4"})  # application server process
    for audited in event.objects:
        _add_object(message, audited)
    content: bytes = tostring(message, encoding="utf-8")
    return content.replace(b"\n", b"&#10;").replace(b"\r", b"&#13;")


def _add_event(message: Element, event: AuditEvent, moment: datetime) -> None:
    attributes = {
        "EventActionCode": event.action.value,
        "EventDateTime": moment.isoformat(timespec="milliseconds"),
        "EventOutcomeIndicator": event.outcome.value,
    }
    identification = SubElement(message, "EventIdentification", attributes)
    _add_code(identification, "EventID", *event.event_id.value)
    if event.event_type is not None:
        _add_code(identification, "EventTypeCode", *event.event_type.value)
    if event.description:
        SubElement(identification, "EventOutcomeDescription").text = NOT_XML.sub("", event.description)


def _add_participant(message: Element, participant: Participant) -> None:
    title = participant.ae_title or "unknown"
    attributes = {"UserID": participant.user or participant.process_id or title}
    if not participant.user:
        attributes["AlternativeUserID"] = f"AETITLES={title}"
    attributes["UserIsRequestor"] = "true" if participant.is_requestor else "false"
    if participant.address:
        is_address = re.fullmatch(r"[0-9.]+|[0-9a-fA-F:.%]*:[0-9a-zA-Z:.%]*", participant.address)
        attributes["NetworkAccessPointID"] = participant.address
        attributes["NetworkAccessPointTypeCode"] = "2" if is_address else "1"
    element = SubElement(message, "ActiveParticipant", _clean(attributes))
    if participant.role is not None:
        _add_code(element, "RoleIDCode", *participant.role.value)


def _add_object(message: Element, audited: AuditedObject) -> None:
    attributes = {"ParticipantObjectID": audited.object_id, "ParticipantObjectTypeCode": audited.type_code}
    if audited.role_code:
        attributes["ParticipantObjectTypeCodeRole"] = audited.role_code
    element = SubElement(message, "ParticipantObjectIdentification", _clean(attributes))
    _add_code(element, "ParticipantObjectIDTypeCode", *audited.id_type.value)
    if audited.query is not None:
        SubElement(element, "ParticipantObjectQuery").text = b64encode(audited.query).decode("ascii")
    else:
        # Required by the schema; empty, without names of people, but for system objects that have one.
        SubElement(element, "ParticipantObjectName").text = audited.name or None
    for kind, value in audited.details:
        content = {"type": kind, "value": b64encode(value).decode("ascii")}
        SubElement(element, "ParticipantObjectDetail", content)
    if audited.instances:
        description = SubElement(element, "ParticipantObjectDescription")
        for sop_class, uids in audited.instances.items():
            counted = {"UID": sop_class, "NumberOfInstances": str(len(uids))}
            listed = SubElement(description, "SOPClass", _clean(counted))
            for uid in uids:
                SubElement(listed, "Instance", _clean({"UID": uid}))


def _add_code(parent: Element, name: str, code: str, meaning: str, scheme: str = "DCM") -> None:
    attributes = {"csd-code": code, "codeSystemName": scheme, "displayName": meaning, "originalText": meaning}
    SubElement(parent, name, attributes)


def _clean(attributes: dict[str, str]) -> dict[str, str]:
    return {name: NOT_XML.sub("", value) for name, value in attributes.items()}
