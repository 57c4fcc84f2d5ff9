"""A film's header from the database, cleaned for use as the evidence of a report.

highdicom requires well-formed values, and some films have others. The report is therefore built from a header
with malformed values left empty; then the patient and study attributes are restored exactly as sent.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection
from typing import Any, Final

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.valuerep import DA, TM

from dicom_gateway.source_uids import name_uid

PATIENT_AND_STUDY: Final = (
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "IssuerOfPatientIDQualifiersSequence",
    "TypeOfPatientID",
    "OtherPatientIDs",
    "OtherPatientIDsSequence",
    "PatientBirthDate",
    "PatientBirthTime",
    "PatientSex",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    "PatientComments",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    "PatientSpeciesDescription",
    "PatientSpeciesCodeSequence",
    "PatientBreedDescription",
    "PatientBreedCodeSequence",
    "ResponsiblePerson",
    "ResponsiblePersonRole",
    "ResponsibleOrganization",
    "EthnicGroup",
    "Occupation",
    "AdditionalPatientHistory",
    "StudyInstanceUID",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "StudyDescription",
    "AccessionNumber",
    "IssuerOfAccessionNumberSequence",
    "ReferringPhysicianName",
    "TimezoneOffsetFromUTC",
)
"""Copied attributes of the Patient, General Study and Patient Study modules (PS3.3 C.7.1.1, C.7.2.1,
C.7.2.2). Type 2 attributes that the film lacks are empty in the report."""

TYPE_2: Final = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
)

UIDS: Final = ("StudyInstanceUID", "SeriesInstanceUID")
"""UIDs of the film that a report names even if they break the rules."""

AGE: Final = re.compile(r"[0-9]{3}[DWMY]")
"""VR AS (PS3.5 6.2)."""

DROPPED_MODEL_KEYS: Final = ("BulkDataURI",)


def read_source(model: dict[str, Any], keywords: Collection[str] | None = None) -> Dataset:
    """Return the header of `db.tables.Instance.header` (DICOM JSON model, PS3.18 F.2) as a dataset.

    Args:
        model: the header.
        keywords: of the elements that are wanted; None for all.
    """
    source = Dataset()
    if keywords is not None:
        wanted = [_find_key(keyword) for keyword in keywords]
        model = {key: model[key] for key in wanted if key in model}
    for tag, element in model.items():
        if any(key in element for key in DROPPED_MODEL_KEYS):
            continue
        try:
            source.update(Dataset.from_json({tag: element}))
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            continue  # the report leaves out a malformed value; the film's row keeps it
    return source


def make_evidence(source: Dataset) -> Dataset:
    """Return a header that highdicom accepts as evidence: all type 2 attributes, malformed ones empty."""
    evidence = Dataset()
    for keyword in ("SOPClassUID", "SOPInstanceUID", "Rows", "Columns"):
        if source.get(keyword):
            setattr(evidence, keyword, source[keyword].value)
    for keyword in UIDS:
        named = name_uid(source, keyword)
        if named is not None:
            setattr(evidence, keyword, named.uid)
    for keyword in TYPE_2:
        value = source.get(keyword) if has_its_vr(source, keyword) else None
        setattr(evidence, keyword, value if value and _is_well_formed(keyword, value) else "")
    evidence.setdefault("StudyInstanceUID", evidence.SOPInstanceUID)
    evidence.setdefault("SeriesInstanceUID", evidence.SOPInstanceUID)
    return evidence


@functools.cache
def _find_key(keyword: str) -> str:
    """Return an element's key in the DICOM JSON model."""
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    return f"{tag:08X}"


def list_uid_faults(header: dict[str, Any]) -> list[str]:
    """Return what a report says of UIDs of a film that break the rules, as sentences.

    Args:
        header: DICOM JSON model of the film's header.
    """
    source = read_source(header, UIDS)
    named = [name_uid(source, keyword) for keyword in UIDS]
    return [uid.fault for uid in named if uid is not None and uid.fault]


def restore_as_sent(report: Dataset, source: Dataset) -> None:
    """Copy the film's patient and study attributes to the report exactly as sent.

    The report keeps its own Study Instance UID; attributes of another value representation than theirs, and a
    Patient's Age that is none (`62` for `062Y`), are left out.
    """
    for keyword in PATIENT_AND_STUDY:
        if keyword == "PatientAge" and not AGE.fullmatch(str(source.get(keyword) or "000Y")):
            continue
        if keyword not in UIDS and has_its_vr(source, keyword):
            report[keyword] = source[keyword]


def has_its_vr(source: Dataset, keyword: str) -> bool:
    """Return True for an element with the value representation of PS3.6: others cannot be written as it."""
    return keyword in source and dictionary_VR(keyword) == source[keyword].VR


def _is_well_formed(keyword: str, value: Any) -> bool:
    vr = dictionary_VR(keyword)
    try:
        if vr == "DA":
            DA(str(value))
        elif vr == "TM":
            TM(str(value))
        elif keyword == "PatientSex":
            return str(value) in ("M", "F", "O")
        elif vr == "PN":
            return False  # highdicom's warnings quote names; `restore_as_sent` adds them
        elif vr in ("LO", "SH"):
            return "\\" not in str(value)
    except ValueError:
        return False
    return True
