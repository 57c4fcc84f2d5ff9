"""Attributes of patient identity, visit and request that a procedure step repeats from a film's header.

The readers take a study's record, of which they read the first film with the attribute, or an item of a
sequence (DICOM JSON model, PS3.18 F.2). The item tables follow PS3.4 CC.2.5.1.2: a "required if set"
attribute is left out where the header has no value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from db.entries import make_entry
from dicom_gateway.query.attribute_matching import Matching
from dicom_gateway.query.worklist_attributes import STUDY_UID, Attribute, Read, StudyRecord, read_header
from domain.patient_identity import Patient, find_differences, read_patient

REQUEST_ATTRIBUTES: Final = "00400275"
"""Request Attributes Sequence, which holds the request in an image's header (PS3.3 10.6)."""


@dataclass(frozen=True)
class Code:
    """A coded concept (PS3.3 8.8), with one of `value`, `long_value` and `urn`."""

    value: str | None
    scheme: str | None
    meaning: str
    scheme_version: str | None = None
    long_value: str | None = None
    urn: str | None = None


CODE_ITEMS: Final = (
    Attribute("CodeValue", Matching.WILDCARD, lambda code: code.value),
    Attribute("CodingSchemeDesignator", Matching.WILDCARD, lambda code: code.scheme),
    Attribute("CodingSchemeVersion", Matching.UNIVERSAL, lambda code: code.scheme_version),
    Attribute("CodeMeaning", Matching.WILDCARD, lambda code: code.meaning),
    Attribute("LongCodeValue", Matching.WILDCARD, lambda code: code.long_value),
    Attribute("URNCodeValue", Matching.WILDCARD, lambda code: code.urn),
)
"""PS3.4 Table CC.2.5-2a."""


def read_items(tag: str) -> Read:
    """Return a function that reads a sequence's items."""
    return lambda source: [item for item in _find(source, tag) if isinstance(item, Mapping)]


def read_codes(tag: str) -> Read:
    """Return a function that reads a code sequence's items."""
    items = read_items(tag)
    return lambda source: [
        Code(
            _first(item, "00080100"),
            _first(item, "00080102"),
            _first(item, "00080104") or "",
            _first(item, "00080103"),
            _first(item, "00080119"),
            _first(item, "00080120"),
        )
        for item in items(source)
    ]


def read_text(tag: str) -> Read:
    """Return a function that reads texts; an empty list without a value."""
    return lambda source: [str(value) for value in _find(source, tag)]


def read_if_set(tag: str) -> Read:
    """Return a function that reads texts; None without a value."""
    return lambda source: [str(value) for value in _find(source, tag)] or None


def of_patient(attribute: Attribute) -> Attribute:
    """Return an attribute that is read of the films alone whose header names the study's patient."""

    def read(record: StudyRecord) -> Any:
        shown, headers = make_entry(Patient, record.study), record.headers
        films = [
            film
            for film in record.films
            if not find_differences(read_patient(headers.get(film.sop_instance_uid, {})), shown)
        ]
        return attribute.read(replace(record, films=films))

    return replace(attribute, read=read)


def _read_issuer(record: StudyRecord) -> str:
    return record.study.patient_id_issuer or ""


def read_no_items(_: Any) -> list[Any]:
    """Return no items, for sequences that tbscreen leaves empty."""
    return []


def _find(source: StudyRecord | Mapping[str, Any], tag: str) -> list[Any]:
    """Return an attribute's values from an item, or from a film's header or the request in it."""
    if isinstance(source, Mapping):
        element = source.get(tag)
        values = element.get("Value") if isinstance(element, Mapping) else None
        return [value for value in values if value is not None] if isinstance(values, list) else []
    for film in source.films:
        header = source.headers.get(film.sop_instance_uid, {})
        requests = [item for item in _find(header, REQUEST_ATTRIBUTES) if isinstance(item, Mapping)]
        for item in (header, *requests):
            if values := _find(item, tag):
                return values
    return []


def _first(item: Mapping[str, Any], tag: str) -> str | None:
    values = _find(item, tag)
    return str(values[0]) if values else None


ISSUER_ITEMS: Final = (
    Attribute("LocalNamespaceEntityID", Matching.WILDCARD, read_if_set("00400031")),
    Attribute("UniversalEntityID", Matching.WILDCARD, read_if_set("00400032")),
    Attribute("UniversalEntityIDType", Matching.WILDCARD, read_if_set("00400033")),
)
"""HL7v2 hierarchic designator: PS3.4 Table CC.2.5-2d."""

_QUALIFIERS: Final = Attribute(
    "IssuerOfPatientIDQualifiersSequence",
    Matching.SEQUENCE,
    read_items("00100024"),
    required=True,
    header=True,
    items=(
        Attribute("UniversalEntityID", Matching.WILDCARD, read_text("00400032")),
        Attribute("UniversalEntityIDType", Matching.WILDCARD, read_if_set("00400033")),
        Attribute("IdentifierTypeCode", Matching.WILDCARD, read_text("00400035")),
        Attribute("AssigningFacilitySequence", Matching.SEQUENCE, read_items("00400036"), items=ISSUER_ITEMS),
        Attribute(
            "AssigningJurisdictionCodeSequence", Matching.SEQUENCE, read_codes("00400039"), items=CODE_ITEMS
        ),
        Attribute(
            "AssigningAgencyOrDepartmentCodeSequence",
            Matching.SEQUENCE,
            read_codes("0040003A"),
            items=CODE_ITEMS,
        ),
    ),
)

IDENTITY: Final = (
    Attribute("IssuerOfPatientID", Matching.WILDCARD, _read_issuer, required=True),
    _QUALIFIERS,
    Attribute(
        "OtherPatientIDsSequence",
        Matching.SEQUENCE,
        read_items("00101002"),
        required=True,
        header=True,
        items=(
            Attribute("PatientID", Matching.WILDCARD, read_text("00100020")),
            Attribute("IssuerOfPatientID", Matching.WILDCARD, read_text("00100021")),
            _QUALIFIERS,
            Attribute("TypeOfPatientID", Matching.WILDCARD, read_if_set("00100022")),
        ),
    ),
)
"""Issuers of the patient's IDs, and other IDs: PS3.4 Table CC.2.5-2e."""

VISIT: Final = (
    Attribute("AdmissionID", Matching.WILDCARD, read_header("00380010"), required=True, header=True),
    Attribute(
        "IssuerOfAdmissionIDSequence",
        Matching.SEQUENCE,
        read_items("00380014"),
        required=True,
        header=True,
        items=ISSUER_ITEMS,
    ),
    Attribute(
        "AdmittingDiagnosesDescription",
        Matching.WILDCARD,
        read_header("00081080"),
        required=True,
        header=True,
    ),
    Attribute(
        "AdmittingDiagnosesCodeSequence",
        Matching.SEQUENCE,
        read_codes("00081084"),
        required=True,
        header=True,
        items=CODE_ITEMS,
    ),
    Attribute("MedicalAlerts", Matching.WILDCARD, read_if_set("00102000"), required=True, header=True),
    Attribute("PregnancyStatus", Matching.UNIVERSAL, read_if_set("001021C0"), required=True, header=True),
    Attribute("SpecialNeeds", Matching.WILDCARD, read_if_set("00380050"), required=True, header=True),
)
"""The visit, and medical alerts of the patient."""


def _identify_order(keyword: str, tag: str) -> Attribute:
    return Attribute(keyword, Matching.SEQUENCE, read_items(tag), header=True, items=ISSUER_ITEMS)


REQUEST_ITEMS: Final = (
    STUDY_UID,
    Attribute("AccessionNumber", Matching.WILDCARD, lambda record: record.study.accession_number or ""),
    _identify_order("IssuerOfAccessionNumberSequence", "00080051"),
    Attribute(
        "PlacerOrderNumberImagingServiceRequest", Matching.WILDCARD, read_if_set("00402016"), header=True
    ),
    _identify_order("OrderPlacerIdentifierSequence", "00400026"),
    Attribute(
        "FillerOrderNumberImagingServiceRequest", Matching.WILDCARD, read_if_set("00402017"), header=True
    ),
    _identify_order("OrderFillerIdentifierSequence", "00400027"),
    Attribute("RequestedProcedureID", Matching.WILDCARD, read_text("00401001"), header=True),
    Attribute("RequestedProcedureDescription", Matching.WILDCARD, read_text("00321060"), header=True),
    Attribute(
        "RequestedProcedureCodeSequence",
        Matching.SEQUENCE,
        read_codes("00321064"),
        header=True,
        items=CODE_ITEMS,
    ),
    Attribute("RequestedProcedureComments", Matching.WILDCARD, read_if_set("00401400"), header=True),
    Attribute("RequestingService", Matching.WILDCARD, read_text("00321033"), header=True),
)
"""The request behind the study: items of Referenced Request Sequence."""
