"""The structure of PS3.15 A.5.1's schema (RELAX NG there, a table here), to hold audit messages against."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime
from xml.etree.ElementTree import Element

CODE = {"csd-code": r"\S+", "codeSystemName": r"\S+", "originalText": r".+"}
CODE_OPTIONAL = {"displayName": r".+"}
UID = r"[0-2](\.(0|[1-9][0-9]*))+"


@dataclass(frozen=True)
class Rule:
    """The content of an element: attributes with patterns, and children as a pattern of `Name;` in order."""

    required: dict[str, str]
    optional: dict[str, str]
    children: str = ""
    text: str = ""


RULES = {
    "AuditMessage": Rule(
        {},
        {},
        "EventIdentification;(ActiveParticipant;)+AuditSourceIdentification;(ParticipantObjectIdentification;)*",
    ),
    "EventIdentification": Rule(
        {"EventDateTime": r"\S+", "EventOutcomeIndicator": "0|4|8|12"},
        {"EventActionCode": "[CRUDE]"},
        "EventID;(EventTypeCode;)*(EventOutcomeDescription;)?",
    ),
    "EventID": Rule(CODE, CODE_OPTIONAL),
    "EventTypeCode": Rule(CODE, CODE_OPTIONAL),
    "EventOutcomeDescription": Rule({}, {}, text=".*"),
    "ActiveParticipant": Rule(
        {"UserID": ".+", "UserIsRequestor": "true|false"},
        {
            "AlternativeUserID": ".+",
            "UserName": ".+",
            "NetworkAccessPointID": r"\S+",
            "NetworkAccessPointTypeCode": "[1-5]",
        },
        "(RoleIDCode;)*(MediaIdentifier;)?",
    ),
    "RoleIDCode": Rule(CODE, CODE_OPTIONAL),
    "AuditSourceIdentification": Rule(
        {"AuditSourceID": r"\S+"}, {"AuditEnterpriseSiteID": ".+"}, "(AuditSourceTypeCode;)*"
    ),
    "AuditSourceTypeCode": Rule({"csd-code": r"\S+"}, {"codeSystemName": ".+", "originalText": ".+"}),
    "ParticipantObjectIdentification": Rule(
        {"ParticipantObjectID": ".*"},
        {
            "ParticipantObjectTypeCode": "[1-4]",
            "ParticipantObjectTypeCodeRole": "[1-9]|1[0-9]|2[0-6]",
            "ParticipantObjectDataLifeCycle": "[1-9]|1[0-5]",
            "ParticipantObjectSensitivity": ".+",
        },
        "ParticipantObjectIDTypeCode;(ParticipantObjectName;|ParticipantObjectQuery;)"
        "(ParticipantObjectDetail;)*(ParticipantObjectDescription;)*",
    ),
    "ParticipantObjectIDTypeCode": Rule(CODE, CODE_OPTIONAL),
    "ParticipantObjectName": Rule({}, {}, text=".*"),
    "ParticipantObjectQuery": Rule({}, {}, text="base64"),
    "ParticipantObjectDetail": Rule({"type": r"\S.*", "value": "base64"}, {}),
    "ParticipantObjectDescription": Rule({}, {}, "(MPPS;)*(Accession;)*(SOPClass;)*"),
    "SOPClass": Rule({"NumberOfInstances": r"\d+"}, {"UID": UID}, "(Instance;)*"),
    "Instance": Rule({"UID": UID}, {}),
}


def check(element: Element) -> None:
    """Fail where an element is not what the schema says."""
    rule = RULES[element.tag]
    known = rule.required | rule.optional
    assert rule.required.keys() <= element.attrib.keys(), (element.tag, element.attrib)
    for name, value in element.attrib.items():
        assert name in known, f"{element.tag}: no attribute {name}"
        _check_value(f"{element.tag}/@{name}", known[name], value)
    _check_value(element.tag, rule.text, element.text or "")
    children = "".join(f"{child.tag};" for child in element)
    assert re.fullmatch(rule.children, children), f"{element.tag}: {children}"
    if element.tag == "EventIdentification":
        assert datetime.fromisoformat(element.attrib["EventDateTime"]).tzinfo is not None
    for child in element:
        check(child)


def _check_value(where: str, pattern: str, value: str) -> None:
    if pattern == "base64":
        base64.b64decode(value, validate=True)
    else:
        assert re.fullmatch(pattern, value, re.DOTALL), f"{where}: {value!r}"
