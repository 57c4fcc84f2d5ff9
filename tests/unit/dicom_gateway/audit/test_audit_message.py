"""Audit messages against the structure of PS3.15 A.5.1."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, fromstring

import pytest

from dicom_gateway.audit.audit_message import (
    Action,
    AuditEvent,
    AuditSource,
    EventId,
    EventOutcome,
    EventType,
    Participant,
    Role,
    build_message,
    describe_alert,
    describe_patient,
    describe_query,
    describe_study,
)
from tests.servers.audit_schema import check

SOURCE = AuditSource("host.example.org", "Hospital <1>")
MOMENT = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
SENDER = Participant("CR1", "192.0.2.7", Role.SOURCE, True)
GATEWAY = Participant("TBSCREEN", "host", Role.DESTINATION, False, "4711")
CR = "1.2.840.10008.5.1.4.1.1.1"


def build(event: AuditEvent) -> Element:
    line = build_message(event, SOURCE, MOMENT)
    assert b"\n" not in line
    message = fromstring(line)
    check(message)
    return message


EVENTS = {
    "transferred": AuditEvent(
        EventId.INSTANCES_TRANSFERRED,
        Action.CREATE,
        (SENDER, GATEWAY),
        (describe_study("1.2.3", {CR: ["1.2.3.4", "1.2.3.5"]}), describe_patient("4711")),
    ),
    "begun": AuditEvent(
        EventId.BEGIN_TRANSFERRING, Action.EXECUTE, (SENDER, GATEWAY), (describe_study("1.2.3", {}),)
    ),
    "query": AuditEvent(
        EventId.QUERY,
        Action.EXECUTE,
        (SENDER, GATEWAY),
        (describe_query("1.2.3", "1.2.840.10008.1.2", b"\0\1"),),
    ),
    "alert": AuditEvent(
        EventId.SECURITY_ALERT,
        Action.EXECUTE,
        (Participant("", "2001:db8::1", None, True), GATEWAY),
        (describe_alert("2001:db8::1", "association rejected"),),
        EventType.NODE_AUTHENTICATION,
        EventOutcome.SERIOUS_FAILURE,
        "rejected\nfor good",
    ),
    "start": AuditEvent(
        EventId.APPLICATION_ACTIVITY,
        Action.EXECUTE,
        (Participant("TBSCREEN", "host", Role.APPLICATION, False, "1"),),
        event_type=EventType.START,
    ),
}


@pytest.mark.parametrize("name", EVENTS)
def test_each_message_has_the_schema_s_structure(name: str) -> None:
    event = EVENTS[name]
    message = build(event)
    code = message.find("EventIdentification/EventID")
    assert code is not None
    assert (code.attrib["csd-code"], code.attrib["originalText"]) == event.event_id.value


def test_a_transfer_tells_study_instances_and_patient_and_who() -> None:
    message = build(EVENTS["transferred"])
    study, patient = message.findall("ParticipantObjectIdentification")
    assert study.attrib["ParticipantObjectID"] == "1.2.3"
    assert [instance.attrib["UID"] for instance in study.iter("Instance")] == ["1.2.3.4", "1.2.3.5"]
    assert patient.attrib == {
        "ParticipantObjectID": "4711",
        "ParticipantObjectTypeCode": "1",
        "ParticipantObjectTypeCodeRole": "1",
    }
    sender, gateway = message.findall("ActiveParticipant")
    assert (sender.attrib["UserID"], sender.attrib["NetworkAccessPointTypeCode"]) == ("CR1", "2")
    assert (gateway.attrib["UserID"], gateway.attrib["AlternativeUserID"]) == ("4711", "AETITLES=TBSCREEN")
    assert gateway.attrib["NetworkAccessPointTypeCode"] == "1"


def test_a_query_is_kept_as_it_was_encoded() -> None:
    (query,) = build(EVENTS["query"]).iter("ParticipantObjectQuery")
    assert base64.b64decode(query.text or "") == b"\0\1"


@pytest.mark.parametrize("hostile", ['"><x/>', "a\x00b", "line\nline\r", "\ud800", "<![CDATA["])
def test_hostile_text_stays_text(hostile: str) -> None:
    event = AuditEvent(EventId.INSTANCES_TRANSFERRED, Action.READ, (SENDER,), (describe_patient(hostile),))
    message = build(event)
    (patient,) = message.findall("ParticipantObjectIdentification")
    assert patient.attrib["ParticipantObjectID"] == hostile.replace("\x00", "").replace("\ud800", "")
