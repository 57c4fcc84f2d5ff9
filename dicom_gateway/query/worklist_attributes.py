"""The DICOM attributes of a study on the worklist: a table for each kind of query.

Answers, matching, conformance statement and documentation all follow these tables.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset

from db.worklist.study_entries import FilmEntry, StudyEntry
from dicom_gateway.query.attribute_matching import Matching

PRIVATE_GROUP: Final = 0x0077
PRIVATE_CREATOR: Final = "TBSCREEN WORKLIST 1.0"
"""Private creator that reserves the private elements (PS3.5 7.8.1)."""


@dataclass(frozen=True)
class StudyRecord:
    """A study, series or instance that is matched and answered."""

    study: StudyEntry
    films: Sequence[FilmEntry]
    """All films of the study, those of a series, or a single film."""
    headers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """DICOM JSON headers by SOP Instance UID; empty where no key needs them."""
    labels: tuple[str, str] = ("", "")
    """Worklist Label and Procedure Step Label."""
    archive: str = ""
    """AE title of the PACS that keeps the films, from the settings; empty where they name none."""
    keepers: Sequence[str] = ()
    """AE titles of the peers that are known to keep the films."""
    held: Collection[str] = ()
    """SOP Instance UIDs of those that can be retrieved here, which is by WADO-RS alone."""


Read = Callable[[Any], Any]
"""Returns a text, several texts, or items of a sequence; None leaves the attribute out."""


@dataclass(frozen=True)
class Attribute:
    """A supported attribute.

    Attributes:
        keyword: keyword of PS3.6, or our own name of a private element.
        matching: kind of matching.
        read: reads the values from a record.
        required: True when the standard requires an SCP to support it.
        items: attributes of a sequence's items.
        vr: VR of a private element; empty for others.
        element: lower byte of a private element's number; 0 for others.
        header: True when `read` needs the film's header.
    """

    keyword: str
    matching: Matching
    read: Read
    required: bool = False
    items: tuple[Attribute, ...] = ()
    vr: str = ""
    element: int = 0
    header: bool = False

    @property
    def tag(self) -> int:
        """Tag; of a private element, the one in block 10."""
        if self.element:
            return PRIVATE_GROUP << 16 | 0x1000 | self.element
        tag = tag_for_keyword(self.keyword)
        assert tag is not None
        return tag

    @property
    def value_representation(self) -> str:
        """Value representation (PS3.5 6.2)."""
        return self.vr or dictionary_VR(self.tag)


def read_header(tag: str) -> Read:
    """Return a function that reads an attribute from the header of a record's first film."""

    def read(record: StudyRecord) -> list[str]:
        for film in record.films:
            element = record.headers.get(film.sop_instance_uid, {}).get(tag, {})
            if values := element.get("Value"):
                return [_to_text(value) for value in values if value is not None]
        return []

    return read


def _to_text(value: Any) -> str:
    if isinstance(value, dict):  # a person name
        groups = [str(value.get(name, "")) for name in ("Alphabetic", "Ideographic", "Phonetic")]
        return "=".join(groups).rstrip("=")
    return str(value)


def _text(read: Callable[[StudyEntry], str | None]) -> Read:
    return lambda record: read(record.study) or ""


def _count_series(record: StudyRecord) -> str:
    return str(len({film.series_instance_uid for film in record.films}))


def format_percent(probability: float | None) -> str:
    """Return a probability as a percentage with two decimals (VR DS); empty for None."""
    return "" if probability is None else f"{100 * probability:.2f}"


def find_model(study: StudyEntry) -> str:
    """Return the bundle that scored the study's most suspicious film, which sets its priority."""
    scored = [film for film in study.films if film.model is not None and film.priority == study.priority]
    worst = max(scored, key=lambda film: film.probability or 0.0, default=None)
    return "" if worst is None else worst.model or ""


PRIVATE: Final = (
    Attribute("Finding", Matching.WILDCARD, _text(lambda study: study.finding), vr="CS", element=0x01),
    Attribute(
        "Probability",
        Matching.UNIVERSAL,
        _text(lambda study: format_percent(study.probability)),
        vr="DS",
        element=0x02,
    ),
    Attribute("Priority", Matching.WILDCARD, _text(lambda study: study.priority), vr="CS", element=0x03),
    Attribute("State", Matching.WILDCARD, _text(lambda study: study.state), vr="CS", element=0x04),
    Attribute("Model", Matching.WILDCARD, _text(find_model), vr="LO", element=0x05),
    Attribute("Refusal", Matching.WILDCARD, _text(lambda study: study.refusal), vr="LO", element=0x06),
    Attribute("Read", Matching.WILDCARD, _text(lambda study: study.verdict), vr="CS", element=0x07),
    Attribute(
        "Received",
        Matching.RANGE,
        _text(lambda study: f"{study.received_at:%Y%m%d%H%M%S.%f}+0000"),
        vr="DT",
        element=0x08,
    ),
    Attribute("Notices", Matching.WILDCARD, lambda record: list(record.study.notices), vr="CS", element=0x09),
    Attribute(
        "TBScore",
        Matching.UNIVERSAL,
        _text(lambda study: None if study.tb_score is None else str(study.tb_score)),
        vr="IS",
        element=0x0A,
    ),
)
"""Private attributes of a study; values of CS elements are in upper case, as the VR requires."""

PATIENT_ID: Final = Attribute(
    "PatientID", Matching.WILDCARD, _text(lambda study: study.patient_id), required=True
)

PATIENT: Final = (
    Attribute("PatientName", Matching.WILDCARD, _text(lambda study: study.patient_name), required=True),
    PATIENT_ID,
    Attribute("PatientBirthDate", Matching.RANGE, _text(lambda study: study.patient_birth_date)),
    Attribute("PatientSex", Matching.WILDCARD, _text(lambda study: study.patient_sex)),
)

STUDY_UID: Final = Attribute(
    "StudyInstanceUID", Matching.LIST, _text(lambda study: study.study_instance_uid), required=True
)

STUDY: Final = (
    Attribute("StudyDate", Matching.RANGE, _text(lambda study: study.study_date), required=True),
    Attribute("StudyTime", Matching.RANGE, _text(lambda study: study.study_time), required=True),
    Attribute(
        "AccessionNumber", Matching.WILDCARD, _text(lambda study: study.accession_number), required=True
    ),
    *PATIENT,
    Attribute("StudyID", Matching.WILDCARD, read_header("00200010"), required=True, header=True),
    STUDY_UID,
    Attribute("ModalitiesInStudy", Matching.WILDCARD, lambda record: list(record.study.modalities)),
    Attribute("StudyDescription", Matching.WILDCARD, _text(lambda study: study.description)),
    Attribute("ReferringPhysicianName", Matching.WILDCARD, read_header("00080090"), header=True),
    Attribute("StationName", Matching.WILDCARD, lambda record: list(record.study.stations)),
    Attribute("NumberOfStudyRelatedSeries", Matching.UNIVERSAL, _count_series),
    Attribute("NumberOfStudyRelatedInstances", Matching.UNIVERSAL, lambda record: str(len(record.films))),
    *PRIVATE,
)
"""STUDY level (PS3.4 C.6.2.1.2, C.6.1.1.3)."""

LOCATION: Final = frozenset({0x00080054, 0x00080056})
"""Retrieve AE Title and Instance Availability, which each answer holds as far as they are known and which are
never compared (PS3.4 C.4.1.1.3.2)."""


def locate(record: StudyRecord, level: str) -> Dataset:
    """Return level and place of an answer's films.

    Retrieve AE Title names the PACS of the settings, or peers known to keep the study. Without either,
    Instance Availability says UNAVAILABLE: by DIMSE the gateway lets nobody retrieve.
    """
    place = Dataset()
    place.QueryRetrieveLevel = level
    titles = [record.archive] if record.archive else list(record.keepers)
    if titles:
        place.RetrieveAETitle = titles
    else:
        place.InstanceAvailability = "UNAVAILABLE"
    return place


SERIES_UID: Final = Attribute(
    "SeriesInstanceUID",
    Matching.LIST,
    lambda record: record.films[0].series_instance_uid or "",
    required=True,
)

SERIES: Final = (
    Attribute("Modality", Matching.WILDCARD, lambda record: record.films[0].modality or "", required=True),
    Attribute("SeriesNumber", Matching.SINGLE, read_header("00200011"), required=True, header=True),
    SERIES_UID,
    Attribute("SeriesDescription", Matching.WILDCARD, read_header("0008103E"), header=True),
    Attribute("BodyPartExamined", Matching.WILDCARD, lambda record: record.films[0].body_part or ""),
    Attribute("NumberOfSeriesRelatedInstances", Matching.UNIVERSAL, lambda record: str(len(record.films))),
)
"""SERIES level (PS3.4 C.6.1.1.4)."""

IMAGE: Final = (
    Attribute("InstanceNumber", Matching.SINGLE, read_header("00200013"), required=True, header=True),
    Attribute(
        "SOPInstanceUID", Matching.LIST, lambda record: record.films[0].sop_instance_uid, required=True
    ),
    Attribute("SOPClassUID", Matching.LIST, lambda record: record.films[0].sop_class_uid),
    Attribute("ViewPosition", Matching.WILDCARD, lambda record: record.films[0].view_position or ""),
)
"""IMAGE level (PS3.4 C.6.1.1.5)."""
