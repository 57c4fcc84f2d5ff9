"""The DICOM SR of one screening: TID 1500 Imaging Measurement Report (PS3.16), built with highdicom.

It states the finding of a model, not a disease of the patient: the evaluation is of radiographic features,
the document is UNVERIFIED, and its series and text say "AI result, not verified by a physician".
"""

from __future__ import annotations

from typing import Final

from highdicom import sr

from db.delivery.outbox import ReportableScreening
from db.delivery.report_objects import BuiltReport
from dicom_gateway.identifiers import derive_uid
from dicom_gateway.results.report_wording import MANUFACTURER, describe_series, explain
from dicom_gateway.results.sr_document import (
    PRIVATE_SCHEME,
    DocumentFacts,
    make_comment,
    make_document,
    refer_to_film,
)
from dicom_gateway.settings import CourierSettings
from domain.codes import Finding, ReportKind

SERIES_NUMBER: Final = 9001

FEATURES_OF_TB: Final = sr.CodedConcept(
    "TBCXR", PRIVATE_SCHEME, "Radiographic features suggestive of pulmonary tuberculosis"
)
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
ARTIFICIAL_INTELLIGENCE: Final = sr.CodedConcept("123110", "DCM", "Artificial Intelligence")
PERCENT: Final = sr.CodedConcept("%", "UCUM", "Percent")


def build_report(
    screening: ReportableScreening, settings: CourierSettings, software_version: str
) -> BuiltReport:
    """Build the SR of one screening.

    Its SOP Instance UID derives from source instance, dataset, bundle, operating point and kind, so that the
    same result always gives the same object.

    Args:
        screening: the film's header, the result and the bundle's manifest.
        settings: the site's codes and SOP class.
        software_version: version of tbscreen.

    Returns:
        The object as DICOM Part 10 bytes, Explicit VR Little Endian.
    """
    identity = derive_identity(screening, ReportKind.SR)
    facts = DocumentFacts(
        header=screening.header,
        sop_instance_uid=screening.sop_instance_uid,
        sop_class_uid=screening.sop_class_uid,
        identity=identity,
        kind=ReportKind.SR,
        series_number=SERIES_NUMBER,
        series_description=describe_series(screening),
        made_at=screening.finished_at,
        predecessor=screening.predecessor,
        uses_private_codes=settings.finding_code == "tbscreen",
    )
    group = _build_measurement_group(screening, identity, settings)
    return make_document(facts, group, settings, software_version)


def derive_identity(screening: ReportableScreening, kind: ReportKind) -> tuple[str, ...]:
    """Return the values from which the UIDs of a screening's object derive."""
    return (
        screening.sop_instance_uid,
        screening.dataset_sha256,
        screening.bundle_digest,
        screening.operating_point,
        kind.value,
    )


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
        source_images=refer_to_film(screening.sop_class_uid, screening.sop_instance_uid),
    )
    group[0].ContentSequence.append(make_comment(explain(screening)))
    return group


def _percent(fraction: float) -> float:
    return round(fraction * 100.0, 2)
