"""A study on the worklist as a Unified Procedure Step (PS3.3 C.30, PS3.4 CC): the task to read it.

Input Readiness is INCOMPLETE until the study is screened or refused. A step is SCHEDULED until the study is
read, then COMPLETED. Its priority is the study's, or LOW without a result, so that answers are in order of
priority. The result is in Scheduled Processing Parameters Sequence (0074,1210) as content items.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from db.states import FilmState
from dicom_gateway.identifiers import derive_uid
from dicom_gateway.query.attribute_matching import Matching
from dicom_gateway.query.request_attributes import (
    CODE_ITEMS,
    IDENTITY,
    REQUEST_ITEMS,
    VISIT,
    Code,
    of_patient,
    read_no_items,
)
from dicom_gateway.query.worklist_attributes import (
    PATIENT,
    STUDY_UID,
    Attribute,
    StudyRecord,
    find_model,
    format_percent,
)
from domain.bundle.tb_score import format_tb_score
from domain.codes import Priority
from domain.notices import NOT_VERIFIED

UPS_PUSH: Final = "1.2.840.10008.5.1.4.34.6.1"
"""SOP Class UID of every Unified Procedure Step, in each of the UPS services (PS3.4 CC.3.1.1)."""


@dataclass(frozen=True)
class Parameter:
    """A processing parameter: a content item (PS3.3 10.2.1) with a number and its unit, or with a text."""

    concept: Code
    text: str | None = None
    number: str | None = None


@dataclass(frozen=True)
class Input:
    """The films of one series (PS3.3 10.7, Referenced Instances and Access)."""

    study_instance_uid: str
    series_instance_uid: str
    instances: Sequence[tuple[str, str]]
    """SOP Class UID and SOP Instance UID of each film."""
    retrieve_from: Sequence[str] = ()
    """AE titles of the systems that keep the films."""


CERTAINTY: Final = Code("111012", "DCM", "Certainty of Finding")
ALGORITHM: Final = Code("111001", "DCM", "Algorithm Name")
FINDING: Final = Code("TBCXR", "99TBSCREEN", "Radiographic features suggestive of pulmonary tuberculosis")
REFUSAL: Final = Code("REFUSAL", "99TBSCREEN", "Why no film was screened")
PERCENT: Final = Code("%", "UCUM", "percent")
INTERPRETATION: Final = Code("110005", "DCM", "Interpretation")


def list_parameters(record: StudyRecord) -> list[Parameter]:
    """Return the result: finding, calibrated score in percent and model, or the refusal."""
    study = record.study
    if study.probability is None:
        return [] if study.refusal is None else [Parameter(REFUSAL, text=study.refusal)]
    return [
        Parameter(FINDING, text=(study.finding or "").capitalize()),
        Parameter(CERTAINTY, number=format_percent(study.probability)),
        Parameter(ALGORITHM, text=find_model(study)),
    ]


def list_inputs(record: StudyRecord) -> list[Input]:
    """Return the study's films by series."""
    series: dict[str, list[tuple[str, str]]] = {}
    for film in record.films:
        series.setdefault(film.series_instance_uid or "", []).append(
            (film.sop_class_uid, film.sop_instance_uid)
        )
    keepers = (record.archive,) if record.archive else tuple(record.study.senders)
    return [Input(record.study.study_instance_uid, uid, films, keepers) for uid, films in series.items()]


def name_state(record: StudyRecord) -> str:
    """Return Procedure Step State (0074,1000)."""
    return "COMPLETED" if record.study.is_read else "SCHEDULED"


def name_readiness(record: StudyRecord) -> str:
    """Return Input Readiness State (0040,4041)."""
    return "INCOMPLETE" if record.study.state == FilmState.RECEIVED else "READY"


def write_comment(record: StudyRecord) -> str:
    """Return Comments on the Scheduled Procedure Step (0040,0400)."""
    study = record.study
    notices = "".join(f"; {notice.replace('_', ' ')}" for notice in study.notices)
    if study.probability is None:
        return (f"Not screened: {study.refusal}" if study.refusal else "Not screened yet") + notices
    shown = "" if study.tb_score is None else f", TB score {format_tb_score(study.tb_score)}"
    return f"{NOT_VERIFIED}: {study.finding}{shown}{notices}"


_PARAMETER_ITEMS: Final = (
    Attribute(
        "ValueType",
        Matching.WILDCARD,
        lambda parameter: "NUMERIC" if parameter.number is not None else "TEXT",
    ),
    Attribute(
        "ConceptNameCodeSequence", Matching.SEQUENCE, lambda parameter: [parameter.concept], items=CODE_ITEMS
    ),
    Attribute("TextValue", Matching.WILDCARD, lambda parameter: parameter.text),
    Attribute("NumericValue", Matching.UNIVERSAL, lambda parameter: parameter.number),
    Attribute(
        "MeasurementUnitsCodeSequence",
        Matching.SEQUENCE,
        lambda parameter: None if parameter.number is None else [PERCENT],
        items=CODE_ITEMS,
    ),
)

_SOP_ITEMS: Final = (
    Attribute("ReferencedSOPClassUID", Matching.LIST, lambda instance: instance[0]),
    Attribute("ReferencedSOPInstanceUID", Matching.LIST, lambda instance: instance[1]),
)

_INPUT_ITEMS: Final = (
    Attribute("TypeOfInstances", Matching.WILDCARD, lambda series: "DICOM"),
    Attribute("StudyInstanceUID", Matching.LIST, lambda series: series.study_instance_uid),
    Attribute("SeriesInstanceUID", Matching.LIST, lambda series: series.series_instance_uid),
    Attribute("ReferencedSOPSequence", Matching.SEQUENCE, lambda series: series.instances, items=_SOP_ITEMS),
    Attribute(
        "DICOMRetrievalSequence",
        Matching.SEQUENCE,
        lambda series: [series] if series.retrieve_from else None,
        items=(Attribute("RetrieveAETitle", Matching.WILDCARD, lambda series: list(series.retrieve_from)),),
    ),
)

_PERFORMER_ITEMS: Final = (
    Attribute("HumanPerformerCodeSequence", Matching.SEQUENCE, read_no_items, items=CODE_ITEMS),
    Attribute("HumanPerformerName", Matching.WILDCARD, read_no_items),
    Attribute("HumanPerformerOrganization", Matching.WILDCARD, read_no_items),
)

PROCEDURE_STEP: Final = (
    Attribute("SOPClassUID", Matching.LIST, lambda record: UPS_PUSH, required=True),
    Attribute(
        "SOPInstanceUID",
        Matching.LIST,
        lambda record: derive_uid(record.study.study_instance_uid, "procedure step"),
        required=True,
    ),
    Attribute(
        "ScheduledProcedureStepPriority",
        Matching.WILDCARD,
        lambda record: record.study.priority or Priority.LOW.value,
        required=True,
    ),
    Attribute("WorklistLabel", Matching.WILDCARD, lambda record: record.labels[0], required=True),
    Attribute("ProcedureStepLabel", Matching.WILDCARD, lambda record: record.labels[1], required=True),
    Attribute("ProcedureStepState", Matching.WILDCARD, name_state, required=True),
    Attribute("InputReadinessState", Matching.WILDCARD, name_readiness, required=True),
    Attribute(
        "ScheduledProcedureStepStartDateTime",
        Matching.RANGE,
        lambda record: f"{record.study.received_at:%Y%m%d%H%M%S.%f}+0000",
        required=True,
    ),
    Attribute("ExpectedCompletionDateTime", Matching.RANGE, lambda record: ""),
    Attribute(
        "ScheduledWorkitemCodeSequence",
        Matching.SEQUENCE,
        lambda record: [INTERPRETATION],
        required=True,
        items=CODE_ITEMS,
    ),
    Attribute("CommentsOnTheScheduledProcedureStep", Matching.UNIVERSAL, write_comment),
    Attribute(
        "ScheduledProcessingParametersSequence",
        Matching.SEQUENCE,
        list_parameters,
        required=True,
        items=_PARAMETER_ITEMS,
    ),
    Attribute("InputInformationSequence", Matching.SEQUENCE, list_inputs, required=True, items=_INPUT_ITEMS),
    Attribute(
        "ScheduledStationNameCodeSequence", Matching.SEQUENCE, read_no_items, required=True, items=CODE_ITEMS
    ),
    Attribute(
        "ScheduledStationClassCodeSequence", Matching.SEQUENCE, read_no_items, required=True, items=CODE_ITEMS
    ),
    Attribute(
        "ScheduledStationGeographicLocationCodeSequence",
        Matching.SEQUENCE,
        read_no_items,
        required=True,
        items=CODE_ITEMS,
    ),
    Attribute(
        "ScheduledHumanPerformersSequence",
        Matching.SEQUENCE,
        read_no_items,
        required=True,
        items=_PERFORMER_ITEMS,
    ),
    STUDY_UID,
    *PATIENT,
    *map(of_patient, (*IDENTITY, *VISIT)),
    Attribute(
        "ReferencedRequestSequence",
        Matching.SEQUENCE,
        lambda record: [record],
        required=True,
        items=REQUEST_ITEMS,
    ),
    Attribute("ReplacedProcedureStepSequence", Matching.SEQUENCE, read_no_items, items=_SOP_ITEMS),
    Attribute("ProcedureStepProgressInformationSequence", Matching.SEQUENCE, read_no_items, required=True),
)
"""UPS Query (PS3.4 Table CC.2.5-3)."""
