"""SRs from prepared documents: highdicom builds a document once; after that, only values are set.

highdicom takes about fifty milliseconds for a document. Documents of one shape (`Shape`) differ in values
alone. For each shape, two documents are built of made-up values: one becomes the template, from which the
other must come out byte by byte. A prepared document does not cover reports that supersede another, and texts
that are not ASCII; these are left to highdicom.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
import structlog
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.valuerep import DS

from db.delivery.report_objects import BuiltReport
from dicom_gateway.identifiers import derive_uid
from dicom_gateway.results.algorithm_equipment import shorten
from dicom_gateway.results.encoded_template import (
    EncodedTemplate,
    TemplateError,
    encode_element,
    split_file,
)
from dicom_gateway.results.report_content import ReportContent
from dicom_gateway.results.report_encoding import encode, localize
from dicom_gateway.results.source_header import PATIENT_AND_STUDY, make_evidence, read_source, restore_as_sent
from dicom_gateway.results.sr_document import CONTRIBUTED_AT, DocumentFacts, find_modality, find_procedure
from dicom_gateway.settings import CourierSettings
from domain.codes import Finding, ReportKind
from domain.regions import Region

SHAPES: Final = 64
"""Prepared documents that are kept; each takes about 20 kB."""
KEYWORDS: Final = (
    *PATIENT_AND_STUDY,
    "SpecificCharacterSet",
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "Modality",
    "Rows",
    "Columns",
    "ProcedureCodeSequence",
)
"""Elements of a film's header that a report depends on."""
MADE_UP: Final = (
    {"Rows": 30011, "Columns": 30022, "certainty": 12.34, "threshold": 23.45, "peak": 61, "moment": 1900},
    {"Rows": 411, "Columns": 523, "certainty": 7.5, "threshold": 8.125, "peak": 71, "moment": 1931},
)
"""Values of the two documents of which a template is made, each of them once."""

Build = Callable[[ReportContent, CourierSettings, str], BuiltReport]
Values = dict[tuple[bytes, str], bytes]

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Shape:
    """The properties of documents that differ in values alone."""

    settings: CourierSettings
    software_version: str
    procedure: tuple[str, str, str]
    film_class: str
    kind: ReportKind
    series_number: int
    finding: Finding
    uses_private_codes: bool
    modality: str | None
    sizes: tuple[str, ...]
    """Those of Rows and Columns that the film has."""
    has_field: bool
    regions: int
    parameters: int
    lines: int


def fill_report(
    content: ReportContent, settings: CourierSettings, software_version: str, build: Build
) -> BuiltReport | None:
    """Return the SR of `content` as `build` builds it, from a prepared document.

    Args:
        content: the values.
        settings: the site's codes and SOP class.
        software_version: version of tbscreen.
        build: builds a document by highdicom.

    Returns:
        None for a document that no prepared one covers.
    """
    facts = content.facts
    source = read_source(facts.header, KEYWORDS)
    shape = _find_shape(content, source, settings, software_version)
    prepared = None if shape is None else _prepare(shape, build)
    if prepared is None:
        return None
    sop_class_uid, template = prepared
    try:
        part10 = template.fill(_encode_values(content, source), _encode_patient_and_study(source))
    except TemplateError:
        return None
    return BuiltReport(
        sop_instance_uid=derive_uid(*facts.identity),
        sop_class_uid=sop_class_uid,
        kind=facts.kind.value,
        part10=part10,
    )


def _find_shape(
    content: ReportContent, source: Dataset, settings: CourierSettings, software_version: str
) -> Shape | None:
    facts, procedure = content.facts, find_procedure(source, settings)
    texts = [*content.texts.values(), *procedure, facts.series_description, software_version]
    named = (source.get("SOPClassUID"), source.get("SOPInstanceUID"))
    if (
        facts.predecessor is not None
        or named != (facts.sop_class_uid, facts.sop_instance_uid)
        or not all(text and text.isascii() for text in texts)
    ):
        return None
    return Shape(
        settings=settings.model_copy(update={"procedure_reported": "site", "procedure_code": procedure}),
        software_version=software_version,
        procedure=procedure,
        film_class=facts.sop_class_uid,
        kind=facts.kind,
        series_number=facts.series_number,
        finding=content.finding,
        uses_private_codes=facts.uses_private_codes,
        modality=find_modality(source),
        sizes=tuple(size for size in ("Rows", "Columns") if isinstance(source.get(size), int)),
        has_field=content.field is not None,
        regions=len(content.regions),
        parameters=len(content.parameters),
        lines=len(content.lines),
    )


@functools.lru_cache(maxsize=SHAPES)
def _prepare(shape: Shape, build: Build) -> tuple[str, EncodedTemplate] | None:
    """Return SOP Class UID and template of a shape; None where it does not reproduce the second document."""
    try:
        (content, built), (other, other_built) = (
            (made_up, build(made_up, shape.settings, shape.software_version))
            for made_up in (_make_up(shape, number) for number in (0, 1))
        )
        template = EncodedTemplate(built.part10, _encode_made_up(content))
        source = read_source(other.facts.header, KEYWORDS)
        filled = template.fill(_encode_made_up(other), _encode_patient_and_study(source))
        if filled == other_built.part10:
            return built.sop_class_uid, template
        reason = "the second document differs"
    except (TemplateError, ValueError, TypeError, LookupError, AttributeError) as error:
        reason = type(error).__name__
    log.warning("no prepared report: highdicom builds each", reason=reason)
    return None


def _make_up(shape: Shape, number: int) -> ReportContent:
    """Return content of a shape in which each value stands once; `number` is 0 or 1."""
    made_up = MADE_UP[number]
    film = Dataset()
    film.SOPClassUID, film.SOPInstanceUID = shape.film_class, derive_uid("film", str(number))
    film.StudyInstanceUID, film.SeriesInstanceUID = (
        derive_uid(name, str(number)) for name in ("study", "series")
    )
    if shape.modality is not None:
        film.Modality = shape.modality
    for size in shape.sizes:
        setattr(film, size, made_up[size])
    outlines = [np.array([(0.5, 1.5), (2.5 + place, 3.5 + number)]) for place in range(shape.regions + 1)]
    text = "made up" + " again" * number
    return ReportContent(
        facts=DocumentFacts(
            header=film.to_json_dict(),
            sop_instance_uid=str(film.SOPInstanceUID),
            sop_class_uid=shape.film_class,
            identity=("made up", str(number)),
            kind=shape.kind,
            series_number=shape.series_number,
            series_description=f"series {text}",
            made_at=datetime(int(made_up["moment"]), 2, 3, 4, 5, 6, 789 + number, UTC),
            predecessor=None,
            uses_private_codes=shape.uses_private_codes,
        ),
        finding=shape.finding,
        certainty=float(made_up["certainty"]),
        threshold=float(made_up["threshold"]),
        algorithm_uid=derive_uid("algorithm", str(number)),
        model=f"model {text}",
        version=f"version {text}",
        parameters=tuple(f"parameter {place} {text}" for place in range(shape.parameters)),
        lines=tuple(f"line {place} {text}" for place in range(shape.lines)),
        remarks=f"remarks {text}",
        field=outlines[-1] if shape.has_field else None,
        regions=tuple(
            Region(outline, (made_up["peak"] + place) / 100) for place, outline in enumerate(outlines[:-1])
        ),
    )


def _encode_made_up(content: ReportContent) -> Values:
    return _encode_values(content, read_source(content.facts.header, KEYWORDS))


def _encode_values(content: ReportContent, source: Dataset) -> Values:
    """Return the values of a document by value representation and name, encoded as pydicom does."""
    facts, evidence = content.facts, make_evidence(source)
    moment = localize(facts.made_at, source)
    uids = {
        "report": derive_uid(*facts.identity),
        "report's series": derive_uid(*facts.identity, "series"),
        "tracking": derive_uid(*facts.identity, "tracking"),
        "film": facts.sop_instance_uid,
        "algorithm": content.algorithm_uid,
        "study": str(evidence.StudyInstanceUID),
        "series": str(evidence.SeriesInstanceUID),
    }
    numbers: dict[str, float] = {"certainty": content.certainty, "threshold": content.threshold}
    sizes = {size: source.get(size) for size in ("Rows", "Columns")}
    counts = {size: value for size, value in sizes.items() if isinstance(value, int)}
    values: Values = {
        (b"DA", "made on"): _pad(f"{moment:%Y%m%d}"),
        (b"TM", "made at"): _pad(f"{moment:%H%M%S.%f}" if moment.microsecond else f"{moment:%H%M%S}"),
        (b"DT", "contributed"): _pad(f"{moment:{CONTRIBUTED_AT}}"),
        (b"LO", "series description"): _pad(facts.series_description),
        (b"LO", "model"): _pad(shorten(content.model)),
        (b"LO", "version"): _pad(shorten(content.version)),
        **{(b"UT", name): _pad(text) for name, text in content.texts.items()},
        **{(b"FD", name): np.float64(number).tobytes() for name, number in numbers.items()},
    }
    graphics = {} if content.field is None else {"field": content.field}
    for number, region in enumerate(content.regions, start=1):
        uids[f"region {number}"] = derive_uid(*facts.identity, "region", str(number))
        graphics[f"region {number}"] = region.outline
        counts[f"region {number}"] = round(region.peak * 100)
    for name, uid in uids.items():
        values[b"UI", name] = _pad(uid, b"\0")
    for name, outline in graphics.items():
        values[b"FL", name] = outline.astype("<f4").tobytes()
    for name, value in {**numbers, **counts}.items():
        values[b"DS", name] = _pad(str(DS(value, auto_format=True)))
    return values


def _encode_patient_and_study(source: Dataset) -> dict[int, bytes]:
    """Return the elements that a report copies from its film, by tag, with the character set."""
    copied = Dataset()
    copied.preamble = bytes(128)
    copied.file_meta = FileMetaDataset()
    copied.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    restore_as_sent(copied, source)
    return {element.tag: encode_element(element) for element in split_file(encode(copied, source))[1]}


def _pad(text: str, filling: bytes = b" ") -> bytes:
    """Return ASCII text of an even length (PS3.5 7.1.1)."""
    encoded = text.encode("ascii")
    return encoded + filling if len(encoded) % 2 else encoded
