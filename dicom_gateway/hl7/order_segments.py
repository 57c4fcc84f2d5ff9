"""ORC and OBR: the order that a message answers (HL7 2.5.1, 4.5.1 and 4.5.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import hl7
from pydicom.dataset import Dataset

from dicom_gateway.dataset_header import read_items, read_text
from dicom_gateway.hl7.segments import Repetition, format_time, make_segment, read_dicom_time
from dicom_gateway.results.sr_document import PRIVATE_SCHEME

OBSERVATIONS_TO_FOLLOW: Final = "RE"
"""Order control (table 0119)."""

RADIOLOGY: Final = "RAD"
"""Diagnostic service section (table 0074)."""

SERVICE: Final = ("TBCAD", "Computer-aided detection of tuberculosis", PRIVATE_SCHEME)

OBSERVED: Final = (
    ("AcquisitionDateTime", None),
    ("AcquisitionDate", "AcquisitionTime"),
    ("ContentDate", "ContentTime"),
    ("StudyDate", "StudyTime"),
)
"""Attributes with the time of a film, the most exact first."""


@dataclass(frozen=True)
class Order:
    """The order of one message."""

    filler_number: str
    application: str
    """Namespace of the filler number."""
    accession_number: str | None
    status: str
    """Result status (table 0123)."""
    changed_at: datetime
    procedure_code: tuple[str, str, str]
    """Code value, scheme and meaning of the radiological procedure."""


def make_order_segments(order: Order, source: Dataset) -> tuple[hl7.Segment, hl7.Segment]:
    """Return ORC and OBR.

    Args:
        order: numbers and status.
        source: the film's header.
    """
    placer = find_placer_number(source) or order.accession_number or ""
    filler = (order.filler_number, order.application)
    value, scheme, meaning = order.procedure_code
    orc = make_segment("ORC", {1: OBSERVATIONS_TO_FOLLOW, 2: placer, 3: filler})
    obr = make_segment(
        "OBR",
        {
            1: "1",
            2: placer,
            3: filler,
            4: (*SERVICE, value, meaning, scheme),
            7: read_observation_time(source),
            18: order.accession_number or "",
            22: format_time(order.changed_at),
            24: RADIOLOGY,
            25: order.status,
        },
    )
    return orc, obr


def find_placer_number(source: Dataset) -> Repetition | None:
    """Return Placer Order Number / Imaging Service Request (0040,2016) with its issuer (0040,0026)."""
    for dataset in (source, *read_items(source, "RequestAttributesSequence")):
        number = read_text(dataset, "PlacerOrderNumberImagingServiceRequest", 64)
        if number:
            for item in read_items(dataset, "OrderPlacerIdentifierSequence"):
                return number, read_text(item, "LocalNamespaceEntityID", 20) or ""
            return number
    return None


def read_observation_time(source: Dataset) -> str:
    """Return the time of the film as data type TS; empty where its header has none."""
    general = read_text(source, "TimezoneOffsetFromUTC", 5)
    for date_keyword, time_keyword in OBSERVED:
        date, offset = read_text(source, date_keyword, 32) or "", general
        if time_keyword is None:
            # The zone of a DT itself goes before that of the whole film (PS3.3 C.12.1.1.8).
            own = re.search(r"[+-]\d{4}$", date)
            date, time, offset = date[:8], date[8:14], own.group() if own else general
        else:
            time = read_text(source, time_keyword, 16) or ""
        moment = read_dicom_time(date, time, offset)
        if moment:
            return moment
    return ""
