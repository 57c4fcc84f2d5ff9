"""The DICOM SR of one screening: TID 1500 Imaging Measurement Report (PS3.16), made by highdicom.

Says what a model found, never that a patient has a disease: the evaluation is of radiographic features,
the document is UNVERIFIED, and its series and text say "AI result, not verified by a physician".
"""

from __future__ import annotations

import copy
import io
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from highdicom import SOPClass, sr
from highdicom.coding_schemes import CodingSchemeIdentificationItem
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import Comprehensive3DSRStorage, ExplicitVRLittleEndian

from db.codes import Finding
from db.outbox import BuiltReport, ReportableScreening
from dicom_gateway.dataset_header import read_text
from dicom_gateway.identifiers import derive_uid
from dicom_gateway.settings import CourierSettings
from dicom_gateway.source_header import PATIENT_AND_STUDY, make_evidence, read_source, restore_as_sent

KIND: Final = "sr"

MANUFACTURER: Final = "tbscreen"
MODEL_NAME: Final = "tbscreen"
NOT_VERIFIED: Final = "AI result, not verified by a physician"
NOT_A_DEVICE: Final = "Research software, not a medical device."
SERIES_NUMBER: Final = 9001

PRIVATE_SCHEME: Final = "99TBSCREEN"
FEATURES_OF_TB: Final = sr.CodedConcept(
    "TBCXR", PRIVATE_SCHEME, "Radiographic features suggestive of pulmonary tuberculosis"
)
PRIVATE_CODES: Final = CodingSchemeIdentificationItem(
    designator=PRIVATE_SCHEME, name="tbscreen codes", responsible_organization="tbscreen"
)
"""Names the private scheme (0008,0110) in the reports that use it."""
PULMONARY_TB: Final = sr.CodedConcept("154283005", "SCT", "Pulmonary tuberculosis")
LUNG: Final = sr.CodedConcept("39607008", "SCT", "Lung")
VALUES: Final = {
    Finding.PRESENT: sr.CodedConcept("52101004", "SCT", "Present"),
    Finding.ABSENT: sr.CodedConcept("272519000", "SCT", "Absent"),
    Finding.UNDETERMINED: sr.CodedConcept("373068000", "SCT", "Undetermined"),
}
"""CID 240 Present-Absent-Undetermined."""
CERTAINTY: Final = sr.CodedConcept("111012", "DCM", "Certainty of Finding")
THRESHOLD: Final = sr.CodedConcept("122411", "DCM", "Threshold Value")
COMMENT: Final = sr.CodedConcept("121106", "DCM", "Comment")
ARTIFICIAL_INTELLIGENCE: Final = sr.CodedConcept("123110", "DCM", "Artificial Intelligence")
SOURCE: Final = sr.CodedConcept("260753009", "SCT", "Source")
PIXELS: Final = sr.CodedConcept("{pixels}", "UCUM", "Pixels")
PERCENT: Final = sr.CodedConcept("%", "UCUM", "Percent")
MODALITIES: Final = {
    "CR": sr.CodedConcept("CR", "DCM", "Computed Radiography"),
    "DX": sr.CodedConcept("DX", "DCM", "Digital Radiography"),
    "RG": sr.CodedConcept("RG", "DCM", "Radiographic imaging"),
}
SR_CLASSES: Final = {"comprehensive_3d": sr.Comprehensive3DSR, "comprehensive": sr.ComprehensiveSR}


def build_report(
    screening: ReportableScreening, settings: CourierSettings, software_version: str
) -> BuiltReport:
    """Build the SR of one screening.

    Its SOP Instance UID derives from source instance, dataset, bundle, operating point and kind, so the
    same result is the same object however often it is built.

    Args:
        screening: the film's header, the result and the bundle's manifest.
        settings: the site's codes and SOP class.
        software_version: tbscreen's.

    Returns:
        The object as DICOM Part 10 bytes, Explicit VR Little Endian.
    """
    source = read_source(screening.header)
    evidence = make_evidence(source)
    identity = (
        screening.sop_instance_uid,
        screening.dataset_sha256,
        screening.bundle_digest,
        screening.operating_point,
        KIND,
    )
    moment = _localize(screening.finished_at, source)
    predecessor = None if screening.predecessor is None else [dcmread(io.BytesIO(screening.predecessor))]
    report = SR_CLASSES[settings.sr_sop_class](
        evidence=[evidence],
        content=_build_content(screening, source, identity, settings, software_version),
        series_instance_uid=derive_uid(*identity, "series"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=derive_uid(*identity),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MODEL_NAME,
        software_versions=software_version,
        device_serial_number=settings.ae_title,
        is_complete=True,
        is_final=False,
        is_verified=False,
        series_description=_describe_series(screening),
        content_date=moment.date(),
        content_time=moment.time(),
        previous_versions=predecessor,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        coding_schemes=[PRIVATE_CODES] if settings.finding_code == "tbscreen" else None,
    )
    report.InstanceCreationDate, report.InstanceCreationTime = report.ContentDate, report.ContentTime
    restore_as_sent(report, source)
    return BuiltReport(
        sop_instance_uid=str(report.SOPInstanceUID),
        sop_class_uid=str(report.SOPClassUID),
        kind=KIND,
        part10=_encode(report, source),
    )


def load_report_tables() -> None:
    """Make highdicom read its tables of attributes now, and not while the first report waits."""
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


def _build_content(
    screening: ReportableScreening,
    source: Dataset,
    identity: tuple[str, ...],
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
        procedure_reported=_find_procedure(source, settings),
        imaging_measurements=[_build_measurement_group(screening, identity, settings)],
        title=codes.DCM.ImagingMeasurementReport,
    )
    items = content[0].ContentSequence
    # TID 1500: the image library comes before the measurements.
    items.insert(len(items) - 1, _build_image_library(screening, source))
    return content


def _build_measurement_group(
    screening: ReportableScreening, identity: tuple[str, ...], settings: CourierSettings
) -> sr.MeasurementsAndQualitativeEvaluations:
    manifest = screening.manifest
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=derive_uid(*identity, "tracking"), identifier="Tuberculosis screening"
        ),
        finding_sites=[sr.FindingSite(anatomic_location=LUNG)],
        algorithm_id=sr.AlgorithmIdentification(
            name=manifest["name"],
            version=manifest["version"],
            manufacturer=MANUFACTURER,
            family=ARTIFICIAL_INTELLIGENCE,
            parameters=[
                f"weights SHA-256: {manifest['files']['model.weights.h5']}",
                f"normalization: {manifest['normalization']['version']}",
                f"operating point: {screening.operating_point}",
            ],
        ),
        measurements=[
            sr.Measurement(name=CERTAINTY, value=_percent(screening.probability), unit=PERCENT),
            sr.Measurement(name=THRESHOLD, value=_percent(screening.calibrated_threshold), unit=PERCENT),
        ],
        qualitative_evaluations=[
            sr.QualitativeEvaluation(
                name=FEATURES_OF_TB if settings.finding_code == "tbscreen" else PULMONARY_TB,
                value=VALUES[Finding(screening.finding)],
            )
        ],
        source_images=[
            sr.SourceImageForMeasurementGroup(
                referenced_sop_class_uid=screening.sop_class_uid,
                referenced_sop_instance_uid=screening.sop_instance_uid,
            )
        ],
    )
    group[0].ContentSequence.append(
        sr.TextContentItem(
            name=COMMENT,
            value=explain(screening),
            relationship_type=sr.RelationshipTypeValues.CONTAINS,
        )
    )
    return group


def _build_image_library(screening: ReportableScreening, source: Dataset) -> sr.ContainerContentItem:
    """TID 1600 with the source film. Only descriptors whose values the film gives."""
    acquired = sr.RelationshipTypeValues.HAS_ACQ_CONTEXT
    contains = sr.RelationshipTypeValues.CONTAINS
    descriptors: list[Any] = []
    modality = MODALITIES.get(read_text(source, "Modality", 16) or "")
    if modality is not None:
        descriptors.append(sr.CodeContentItem(codes.DCM.Modality, modality, relationship_type=acquired))
    for keyword, name in (("Rows", codes.DCM.PixelDataRows), ("Columns", codes.DCM.PixelDataColumns)):
        size = source.get(keyword)
        if isinstance(size, int):
            descriptors.append(sr.NumContentItem(name, size, PIXELS, relationship_type=acquired))
    image = sr.ImageContentItem(
        name=SOURCE,
        referenced_sop_class_uid=screening.sop_class_uid,
        referenced_sop_instance_uid=screening.sop_instance_uid,
        relationship_type=contains,
    )
    if descriptors:
        image.ContentSequence = sr.ContentSequence(descriptors)
    group = sr.ContainerContentItem(codes.DCM.ImageLibraryGroup, relationship_type=contains)
    group.ContentSequence = sr.ContentSequence([image])
    library = sr.ContainerContentItem(codes.DCM.ImageLibrary, relationship_type=contains)
    library.ContentSequence = sr.ContentSequence([group])
    return library


def explain(screening: ReportableScreening) -> str:
    """Return what a reader of the report must know beside its numbers."""
    manifest = screening.manifest
    sentences = [f"{NOT_VERIFIED}.", NOT_A_DEVICE]
    if not manifest["trained"]:
        sentences.append("Untrained model: its score means nothing.")
    prevalence = manifest["calibration"].get("prevalence")
    if prevalence is None:
        sentences.append("The score is not calibrated.")
    else:
        sentences.append(f"The percentage is calibrated for a prevalence of {prevalence:.1%}.")
    if screening.doubts:
        sentences.append("Could not be verified: " + ", ".join(screening.doubts).replace("_", " ") + ".")
    if screening.revision > 1:
        sentences.append("Supersedes the report of an earlier version of this image.")
    return " ".join(sentences)


def _describe_series(screening: ReportableScreening) -> str:
    return NOT_VERIFIED if screening.manifest["trained"] else f"{NOT_VERIFIED} (untrained model)"


def _find_procedure(source: Dataset, settings: CourierSettings) -> sr.CodedConcept:
    if settings.procedure_reported == "source":
        for item in source.get("ProcedureCodeSequence") or []:
            value = read_text(item, "CodeValue", 16)
            scheme = read_text(item, "CodingSchemeDesignator", 16)
            meaning = read_text(item, "CodeMeaning", 64)
            if value and scheme and meaning:
                return sr.CodedConcept(value, scheme, meaning)
    return sr.CodedConcept(*settings.procedure_code)


def _percent(fraction: float) -> float:
    return round(fraction * 100.0, 2)


def _localize(moment: datetime, source: Dataset) -> datetime:
    """Return `moment` in the film's own time zone where it names one (0008,0201), else in the host's."""
    offset = read_text(source, "TimezoneOffsetFromUTC", 5)
    try:
        if offset:
            sign = -1 if offset[0] == "-" else 1
            return moment.astimezone(
                timezone(sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[3:5])))
            )
    except ValueError:
        pass  # malformed: as good as none
    return moment.astimezone()


def _encode(report: Dataset, source: Dataset) -> bytes:
    """Write the report in the film's own character set if that carries its text, else in UTF-8."""
    charset = source.get("SpecificCharacterSet")
    # All character sets of DICOM write ASCII alike: nothing to be tried out for most of the world's films.
    plain = all(str(report.get(keyword, "")).isascii() for keyword in PATIENT_AND_STUDY)
    for candidate in ([charset] if charset else [None]) + ["ISO_IR 192"]:
        # A copy for each attempt: a name keeps the bytes of its first encoding, replacement characters too.
        attempt = report if plain else copy.deepcopy(report)
        if candidate is None:
            attempt.pop("SpecificCharacterSet", None)
        else:
            attempt.SpecificCharacterSet = candidate
        buffer = io.BytesIO()
        try:
            attempt.save_as(buffer)
            if plain or _same_text(dcmread(io.BytesIO(buffer.getvalue())), report):
                return buffer.getvalue()
        except (ValueError, LookupError, UnicodeError):
            if candidate == "ISO_IR 192":
                raise
    return buffer.getvalue()


def _same_text(read: Dataset, written: Dataset) -> bool:
    keywords = ("PatientName", "PatientID", "ReferringPhysicianName", "StudyDescription")
    return all(str(read.get(keyword, "")) == str(written.get(keyword, "")) for keyword in keywords)
