"""The DICOM SR of one screening: TID 1500 Imaging Measurement Report (PS3.16), built with highdicom.

It states the finding of a model, not a disease of the patient: the evaluation is of radiographic features,
the document is UNVERIFIED, and its series and text say "AI result, not verified by a physician".

The film's finding, certainty and threshold are in a group of TID 1501, whose certainty is inferred from the
analysed field; each region is a group of TID 1410. OHIF draws the outlines, and writes the comments and
measurements beside them; it shows no document with a group that has no coordinates.
"""

from __future__ import annotations

from typing import Final

from highdicom import sr

from db.delivery.outbox import ReportableScreening
from db.delivery.report_objects import BuiltReport
from db.films.screenings import Heat
from db.models.site_thresholds import THRESHOLD_FOR
from dicom_gateway.identifiers import derive_uid
from dicom_gateway.results.algorithm_equipment import derive_algorithm_uid, describe_algorithm
from dicom_gateway.results.finding_outlines import trace_outlines
from dicom_gateway.results.prepared_report import fill_report
from dicom_gateway.results.report_content import ReportContent
from dicom_gateway.results.report_identity import derive_identity
from dicom_gateway.results.report_wording import MANUFACTURER, describe_series, explain, list_lines
from dicom_gateway.results.sr_document import (
    PERCENT,
    PRIVATE_SCHEME,
    REMARKS,
    DocumentFacts,
    make_comment,
    make_document,
    refer_to_film,
)
from dicom_gateway.results.sr_regions import describe_anchor, describe_field, describe_regions
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


def build_report(
    screening: ReportableScreening,
    heat: Heat | None,
    settings: CourierSettings,
    software_version: str,
) -> BuiltReport:
    """Build the SR of one screening.

    Its SOP Instance UID derives from the result (`report_identity`), so that the same result always gives the
    same object.

    Args:
        screening: the film's header, the result and the bundle's manifest.
        heat: the heat map, from which the regions come; None for a bundle without one.
        settings: the site's codes and SOP class.
        software_version: version of tbscreen.

    Returns:
        The object as DICOM Part 10 bytes, Explicit VR Little Endian.
    """
    content = describe_report(screening, heat, settings)
    return fill_report(content, settings, software_version, build_document) or build_document(
        content, settings, software_version
    )


def describe_report(
    screening: ReportableScreening, heat: Heat | None, settings: CourierSettings
) -> ReportContent:
    """Return the content of the SR of one screening, as for `build_report`."""
    outlines, manifest = trace_outlines(screening, heat), screening.manifest
    return ReportContent(
        facts=DocumentFacts(
            header=screening.header,
            sop_instance_uid=screening.sop_instance_uid,
            sop_class_uid=screening.sop_class_uid,
            identity=derive_identity(screening, ReportKind.SR),
            kind=ReportKind.SR,
            series_number=SERIES_NUMBER,
            series_description=describe_series(screening),
            made_at=screening.finished_at,
            predecessor=screening.predecessor,
            uses_private_codes=settings.finding_code == "tbscreen" or bool(outlines.regions),
        ),
        finding=Finding(screening.finding),
        certainty=_percent(screening.probability),
        threshold=_percent(screening.calibrated_threshold),
        algorithm_uid=derive_algorithm_uid(screening.bundle_digest),
        model=manifest["name"],
        version=manifest["version"],
        parameters=(
            f"weights SHA-256: {manifest['files']['model.weights.h5']}",
            f"normalization: {manifest['normalization']['version']}",
            f"operating point: {screening.operating_point}"
            + (f", {why}" if (why := manifest.get(THRESHOLD_FOR)) else ""),
        ),
        lines=tuple(list_lines(screening)),
        remarks=explain(screening),
        field=outlines.field,
        regions=outlines.regions,
    )


def build_document(content: ReportContent, settings: CourierSettings, software_version: str) -> BuiltReport:
    """Build an SR by highdicom, element by element.

    Args:
        content: its values.
        settings: the site's codes and SOP class.
        software_version: version of tbscreen.
    """
    film = _build_measurement_group(content, settings)
    regions = describe_regions(content.regions, content.facts)
    equipment = [describe_algorithm(content.model, content.version, content.algorithm_uid)]
    return make_document(content.facts, [film, *regions], settings, software_version, equipment)


def _build_measurement_group(
    content: ReportContent, settings: CourierSettings
) -> sr.MeasurementsAndQualitativeEvaluations:
    facts, field = content.facts, content.field
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=derive_uid(*facts.identity, "tracking"), identifier="Tuberculosis screening"
        ),
        finding_sites=[sr.FindingSite(anatomic_location=LUNG)],
        algorithm_id=sr.AlgorithmIdentification(
            name=content.model,
            version=content.version,
            manufacturer=MANUFACTURER,
            family=ARTIFICIAL_INTELLIGENCE,
            parameters=list(content.parameters),
        ),
        measurements=[
            sr.Measurement(
                name=CERTAINTY,
                value=content.certainty,
                unit=PERCENT,
                referenced_coordinates=None if field is None else [describe_anchor(facts)],
            ),
            sr.Measurement(
                name=THRESHOLD,
                value=content.threshold,
                unit=PERCENT,
                referenced_coordinates=None if field is None else [describe_field(field, facts)],
            ),
        ],
        qualitative_evaluations=[
            sr.QualitativeEvaluation(
                name=FEATURES_OF_TB if settings.finding_code == "tbscreen" else PULMONARY_TB,
                value=VALUES[content.finding],
            )
        ],
        source_images=refer_to_film(facts.sop_class_uid, facts.sop_instance_uid),
    )
    # OHIF writes the comments on the film, then the measurements: five lines at most.
    texts = [make_comment(line) for line in content.lines]
    group[0].ContentSequence.extend([*texts, make_comment(content.remarks, REMARKS)])
    return group


def _percent(fraction: float) -> float:
    return round(fraction * 100.0, 2)
