"""The DICOM SR of one refusal: a TID 1500 document without measurements that states the reason.

It holds no finding, so that "not analysed" is not taken for "nothing found".
"""

from __future__ import annotations

from typing import Final

from highdicom import sr

from db.delivery.refusal_outbox import ReportableRefusal
from db.delivery.report_objects import BuiltReport
from dicom_gateway.identifiers import derive_uid
from dicom_gateway.results.report_wording import NOT_A_DEVICE
from dicom_gateway.results.source_header import list_uid_faults, read_source
from dicom_gateway.results.sr_document import (
    PRIVATE_SCHEME,
    DocumentFacts,
    make_comment,
    make_document,
    refer_to_film,
)
from dicom_gateway.results.structured_report import LUNG
from dicom_gateway.rules.own_object import names_tbscreen
from dicom_gateway.settings import CourierSettings
from dicom_gateway.source_uids import read_uid
from domain.codes import FAILURES, Refusal, ReportKind

SERIES_NUMBER: Final = 9003

STATUS: Final = sr.CodedConcept("111065", "DCM", "Summary of Analyses")
NOT_ATTEMPTED: Final = sr.CodedConcept("111225", "DCM", "Not Attempted")
FAILED: Final = sr.CodedConcept("111224", "DCM", "Failed")
"""CID 6042 Status of Results."""
REASON: Final = sr.CodedConcept("TBREFUSAL", PRIVATE_SCHEME, "Reason for not analysing")

REASONS: Final = {
    refusal: sr.CodedConcept(value, PRIVATE_SCHEME, meaning)
    for refusal, value, meaning in (
        (Refusal.NOT_CHEST, "NOT_CHEST", "Not a chest radiograph"),
        (Refusal.NOT_FRONTAL, "NOT_FRONTAL", "Not a frontal view"),
        (Refusal.UNDER_AGE, "UNDER_AGE", "Patient too young"),
        (Refusal.UNSUPPORTED_SOP_CLASS, "SOP_CLASS", "Kind of object not analysed"),
        (Refusal.UNSUPPORTED_TRANSFER_SYNTAX, "TRANSFER_SYNTAX", "Encoding of pixels not supported"),
        (Refusal.UNDECODABLE, "UNDECODABLE", "Pixels cannot be decoded"),
        (Refusal.MULTI_FRAME, "MULTI_FRAME", "More than one frame"),
        (Refusal.NOT_AN_XRAY, "NOT_AN_XRAY", "Not an X-ray image"),
        (Refusal.EXCLUDED_BY_RULE, "EXCLUDED", "Excluded by a rule of the site"),
        (Refusal.PROCESSING_FAILED, "FAILED", "Processing failed"),
    )
}
"""Coded reasons; code values (0008,0100) of at most 16 characters differ from the refusals' names."""


def may_be_reported(refusal: ReportableRefusal) -> bool:
    """False for objects that name tbscreen as their maker, and for films without a study to join.

    A report on an object of ours that a PACS changed and routed back could come back in its turn.
    """
    header = read_source(refusal.header)
    is_own = refusal.refusal is Refusal.OWN_OUTPUT or names_tbscreen(header)
    return not is_own and read_uid(header, "StudyInstanceUID") is not None


def build_refusal(
    refusal: ReportableRefusal, settings: CourierSettings, software_version: str
) -> BuiltReport:
    """Build the SR of one refusal.

    Its SOP Instance UID derives from source instance, dataset and reason, so that the same refusal always
    gives the same object.

    Args:
        refusal: the film's header and the refusal.
        settings: the site's codes and SOP class.
        software_version: version of tbscreen.

    Returns:
        The object as DICOM Part 10 bytes, Explicit VR Little Endian.
    """
    code = refusal.refusal
    identity = (refusal.sop_instance_uid, refusal.dataset_sha256, code.value, ReportKind.REFUSAL.value)
    facts = DocumentFacts(
        header=refusal.header,
        sop_instance_uid=refusal.sop_instance_uid,
        sop_class_uid=refusal.sop_class_uid,
        identity=identity,
        kind=ReportKind.REFUSAL,
        series_number=SERIES_NUMBER,
        series_description=f"AI: not analysed ({REASONS[code].meaning})",
        made_at=refusal.refused_at,
        predecessor=refusal.predecessor,
        uses_private_codes=True,
    )
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=derive_uid(*identity, "tracking"), identifier="Tuberculosis screening"
        ),
        finding_sites=[sr.FindingSite(anatomic_location=LUNG)],
        qualitative_evaluations=[
            sr.QualitativeEvaluation(name=STATUS, value=FAILED if code in FAILURES else NOT_ATTEMPTED),
            sr.QualitativeEvaluation(name=REASON, value=REASONS[code]),
        ],
        source_images=refer_to_film(refusal.sop_class_uid, refusal.sop_instance_uid),
    )
    group[0].ContentSequence.append(make_comment(_explain(refusal)))
    return make_document(facts, [group], settings, software_version)


def _explain(refusal: ReportableRefusal) -> str:
    sentences = ["This image was not analysed.", f"{REASONS[refusal.refusal].meaning}."]
    detail = f": {refusal.detail}" if refusal.detail else ""
    sentences.append(f"({refusal.refusal.value}{detail})")
    sentences.append("Nothing is said about tuberculosis.")
    if refusal.predecessor is not None:
        sentences.append("Supersedes an earlier report on this image.")
    return " ".join([*sentences, *list_uid_faults(refusal.header), NOT_A_DEVICE])
