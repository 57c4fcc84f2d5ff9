"""The parts that all SR documents share: observer, image library, and the document around them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from highdicom import ContributingEquipment, SOPClass, sr
from highdicom.coding_schemes import CodingSchemeIdentificationItem
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import Comprehensive3DSRStorage, ExplicitVRLittleEndian

from db.delivery.report_objects import BuiltReport
from dicom_gateway.dataset_header import read_text
from dicom_gateway.identifiers import derive_uid
from dicom_gateway.results.report_encoding import encode, localize
from dicom_gateway.results.report_wording import MANUFACTURER, MODEL_NAME
from dicom_gateway.results.source_header import make_evidence, read_source, restore_as_sent
from dicom_gateway.settings import CourierSettings
from domain.codes import ReportKind

PRIVATE_SCHEME: Final = "99TBSCREEN"
PRIVATE_CODES: Final = CodingSchemeIdentificationItem(
    designator=PRIVATE_SCHEME, name="tbscreen codes", responsible_organization="tbscreen"
)
"""Coding Scheme Identification (0008,0110) of the private codes, for documents that use them."""
SOURCE: Final = sr.CodedConcept("260753009", "SCT", "Source")
COMMENT: Final = sr.CodedConcept("121106", "DCM", "Comment")
REMARKS: Final = sr.CodedConcept("48767-8", "LN", "Annotation comment")
PERCENT: Final = sr.CodedConcept("%", "UCUM", "Percent")
PIXELS: Final = sr.CodedConcept("{pixels}", "UCUM", "Pixels")
CONTRIBUTED_AT: Final = "%Y%m%d%H%M%S.%f"
"""Format of Contribution DateTime (0018,A002), in the time zone of the document."""
MODALITIES: Final = {
    "CR": sr.CodedConcept("CR", "DCM", "Computed Radiography"),
    "DX": sr.CodedConcept("DX", "DCM", "Digital Radiography"),
    "RG": sr.CodedConcept("RG", "DCM", "Radiographic imaging"),
}
MeasurementGroup = (
    sr.MeasurementsAndQualitativeEvaluations | sr.PlanarROIMeasurementsAndQualitativeEvaluations
)
SR_CLASSES: Final = {"comprehensive_3d": sr.Comprehensive3DSR, "comprehensive": sr.ComprehensiveSR}


@dataclass(frozen=True)
class DocumentFacts:
    """The subject of a document."""

    header: dict[str, Any]
    """Header of the film, as DICOM JSON model."""
    sop_instance_uid: str
    """SOP Instance UID of the film."""
    sop_class_uid: str
    """SOP Class UID of the film."""
    identity: tuple[str, ...]
    """The values from which the document's UIDs derive."""
    kind: ReportKind
    series_number: int
    series_description: str
    made_at: datetime
    predecessor: bytes | None
    """The document that this one supersedes; DICOM Part 10 bytes."""
    uses_private_codes: bool


def make_document(
    facts: DocumentFacts,
    groups: Sequence[MeasurementGroup],
    settings: CourierSettings,
    software_version: str,
    equipment: Sequence[ContributingEquipment] = (),
) -> BuiltReport:
    """Build a document of TID 1500 (PS3.16) around its groups.

    Args:
        facts: the film and the identity of the document.
        groups: measurements and evaluations of the film (TID 1501), then of its regions (TID 1410).
        settings: the site's codes and SOP class.
        software_version: version of tbscreen.
        equipment: items of Contributing Equipment Sequence (0018,A001).

    Returns:
        The object as DICOM Part 10 bytes, Explicit VR Little Endian; COMPLETE and UNVERIFIED.
    """
    source = read_source(facts.header)
    moment = localize(facts.made_at, source)
    predecessor = None if facts.predecessor is None else [dcmread(io.BytesIO(facts.predecessor))]
    document = SR_CLASSES[settings.sr_sop_class](
        evidence=[make_evidence(source)],
        content=_build_content(facts, groups, source, settings, software_version),
        series_instance_uid=derive_uid(*facts.identity, "series"),
        series_number=facts.series_number,
        sop_instance_uid=derive_uid(*facts.identity),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MODEL_NAME,
        software_versions=software_version,
        device_serial_number=settings.ae_title,
        is_complete=True,
        is_final=False,
        is_verified=False,
        series_description=facts.series_description,
        content_date=moment.date(),
        content_time=moment.time(),
        previous_versions=predecessor,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        coding_schemes=[PRIVATE_CODES] if facts.uses_private_codes else None,
        contributing_equipment=list(equipment),
    )
    document.InstanceCreationDate, document.InstanceCreationTime = document.ContentDate, document.ContentTime
    for item in document.ContributingEquipmentSequence:
        if "ContributionDateTime" in item:  # highdicom's own, in the host's time zone
            item.ContributionDateTime = f"{moment:{CONTRIBUTED_AT}}"
    restore_as_sent(document, source)
    return BuiltReport(
        sop_instance_uid=str(document.SOPInstanceUID),
        sop_class_uid=str(document.SOPClassUID),
        kind=facts.kind.value,
        part10=encode(document, source),
    )


def load_report_tables() -> None:
    """Load highdicom's attribute tables, so that the first report need not wait for them."""
    SOPClass(
        study_instance_uid="2.25.1",
        series_instance_uid="2.25.2",
        series_number=1,
        sop_instance_uid="2.25.3",
        sop_class_uid=Comprehensive3DSRStorage,
        instance_number=1,
        modality="SR",
        patient_birth_date="",
    )


def make_comment(text: str, name: sr.CodedConcept = COMMENT) -> sr.TextContentItem:
    """Return a comment for a group."""
    return sr.TextContentItem(name=name, value=text, relationship_type=sr.RelationshipTypeValues.CONTAINS)


def refer_to_film(sop_class_uid: str, sop_instance_uid: str) -> Sequence[sr.SourceImageForMeasurementGroup]:
    """Return the film as the source of a group."""
    return [
        sr.SourceImageForMeasurementGroup(
            referenced_sop_class_uid=sop_class_uid, referenced_sop_instance_uid=sop_instance_uid
        )
    ]


def _build_content(
    facts: DocumentFacts,
    groups: Sequence[MeasurementGroup],
    source: Dataset,
    settings: CourierSettings,
    software_version: str,
) -> sr.MeasurementReport:
    observer = sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=derive_uid("device", settings.ae_title, software_version),
            name=settings.ae_title,
            manufacturer_name=MANUFACTURER,
            model_name=MODEL_NAME,
        ),
    )
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=observer),
        procedure_reported=sr.CodedConcept(*find_procedure(source, settings)),
        imaging_measurements=list(groups),
        title=codes.DCM.ImagingMeasurementReport,
    )
    items = content[0].ContentSequence
    # TID 1500: the image library comes before the measurements.
    items.insert(len(items) - 1, _build_image_library(facts, source))
    return content


def _build_image_library(facts: DocumentFacts, source: Dataset) -> sr.ContainerContentItem:
    """Return the image library (TID 1600) with the source film and the descriptors that its header has."""
    acquired = sr.RelationshipTypeValues.HAS_ACQ_CONTEXT
    contains = sr.RelationshipTypeValues.CONTAINS
    descriptors: list[Any] = []
    modality = find_modality(source)
    if modality is not None:
        code = MODALITIES[modality]
        descriptors.append(sr.CodeContentItem(codes.DCM.Modality, code, relationship_type=acquired))
    for keyword, name in (("Rows", codes.DCM.PixelDataRows), ("Columns", codes.DCM.PixelDataColumns)):
        size = source.get(keyword)
        if isinstance(size, int):
            descriptors.append(sr.NumContentItem(name, size, PIXELS, relationship_type=acquired))
    image = sr.ImageContentItem(
        name=SOURCE,
        referenced_sop_class_uid=facts.sop_class_uid,
        referenced_sop_instance_uid=facts.sop_instance_uid,
        relationship_type=contains,
    )
    if descriptors:
        image.ContentSequence = sr.ContentSequence(descriptors)
    group = sr.ContainerContentItem(codes.DCM.ImageLibraryGroup, relationship_type=contains)
    group.ContentSequence = sr.ContentSequence([image])
    library = sr.ContainerContentItem(codes.DCM.ImageLibrary, relationship_type=contains)
    library.ContentSequence = sr.ContentSequence([group])
    return library


def find_modality(source: Dataset) -> str | None:
    """Return Modality (0008,0060) where the image library has a code for it, else None."""
    modality = read_text(source, "Modality", 16)
    return modality if modality in MODALITIES else None


def find_procedure(source: Dataset, settings: CourierSettings) -> tuple[str, str, str]:
    """Return value, scheme and meaning of the reported procedure's code."""
    if settings.procedure_reported == "source":
        for item in source.get("ProcedureCodeSequence") or []:
            value = read_text(item, "CodeValue", 16)
            scheme = read_text(item, "CodingSchemeDesignator", 16)
            meaning = read_text(item, "CodeMeaning", 64)
            if value and scheme and meaning:
                return value, scheme, meaning
    return settings.procedure_code
