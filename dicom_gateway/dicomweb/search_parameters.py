"""The parameters of a Search transaction (PS3.18 10.6.1), as the query that answers C-FIND, too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pydicom.config import IGNORE
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from db.worklist.wildcards import compile_patterns
from db.worklist.worklist_filter import WorklistFilter
from dicom_gateway.dicomweb.held_objects import MODALITIES
from dicom_gateway.query.attribute_matching import Matching
from dicom_gateway.query.query_identifier import Query, read_query
from dicom_gateway.query.query_narrowing import narrow_studies
from dicom_gateway.query.worklist_attributes import (
    IMAGE,
    LOCATION,
    PRIVATE_CREATOR,
    PRIVATE_GROUP,
    SERIES,
    SERIES_UID,
    STUDY,
    STUDY_UID,
    Attribute,
    read_header,
)
from dicom_gateway.query.worklist_search import Plan, split_instances, split_series
from domain.errors import PermanentError

STUDY_LEVEL: Final = "STUDY"
SERIES_LEVEL: Final = "SERIES"
IMAGE_LEVEL: Final = "IMAGE"

PIXELS: Final = tuple(
    Attribute(keyword, Matching.UNIVERSAL, read_header(tag), header=True)
    for keyword, tag in (
        ("NumberOfFrames", "00280008"),
        ("Rows", "00280010"),
        ("Columns", "00280011"),
        ("BitsAllocated", "00280100"),
    )
)
"""Attributes of an instance that answers hold (PS3.18 Table 10.6.3-5) and C-FIND does not."""

PARAMETERS: Final = frozenset(
    {
        "includefield",
        "fuzzymatching",
        "emptyvaluematching",
        "multiplevaluematching",
        "limit",
        "offset",
        "accept",
    }
)
"""Parameters that are no attributes (PS3.18 8.3.4)."""

TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
NAME: Final = re.compile(r"[A-Za-z0-9.]{1,64}")
LISTED: Final = frozenset({"UI", "CS"})
"""VRs whose values hold no comma, which then separates values as a backslash does."""
MOST_DIGITS: Final = 9


class ParameterError(PermanentError):
    """A parameter has no meaning. Permanent. The text does not quote its value."""


@dataclass(frozen=True)
class Search:
    """A search: the plan of its query, and the part of the matches that is wanted."""

    plan: Plan
    offset: int
    limit: int | None
    """None where the request names none."""
    remarks: Sequence[str] = ()
    """Texts for Warning headers (RFC 7234 5.5): parameters without effect."""


def read_search(
    level: str, study: str, series: str, parameters: Iterable[tuple[str, str]], default_limit: int
) -> Search:
    """Return the search that a request asks for.

    Every answer holds all attributes of its level, so that `includefield` has nothing to add.

    Args:
        level: `STUDY`, `SERIES` or `IMAGE`.
        study: Study Instance UID of the target; empty without one.
        series: Series Instance UID of the target; empty without one.
        parameters: names and values of the query, decoded.
        default_limit: most matches in an answer.

    Raises:
        ParameterError: for a number that is none.
        IdentifierError: for a value that its attribute cannot have.
    """
    attributes = _list_attributes(level, study, series)
    known = {attribute.tag: attribute for attribute in attributes}
    values: dict[int, str] = {}
    numbers = {"limit": "", "offset": ""}
    remarks = []
    for name, value in parameters:
        if name in numbers:
            numbers[name] = value
        elif name == "fuzzymatching" and value.lower() == "true":
            remarks.append(
                "The fuzzymatching parameter is not supported. Only literal matching has been performed."
            )
        elif name not in PARAMETERS:
            tag = _read_tag(name)
            if tag in known:
                values[tag] = value
            else:
                shown = name if NAME.fullmatch(name) else "of an unknown name"
                remarks.append(f"The parameter {shown} is not supported and was ignored.")
    query = read_query(_write_identifier(attributes, values), attributes, LOCATION)
    limit = _read_number("limit", numbers["limit"])
    return Search(
        _plan(query, level, study, series),
        _read_number("offset", numbers["offset"]) or 0,
        default_limit if limit is None else min(limit, default_limit),
        remarks[:8],
    )


def _list_attributes(level: str, study: str, series: str) -> tuple[Attribute, ...]:
    """Return the attributes of a level, with those of levels that the target does not name."""
    above = (STUDY_UID,) if study else STUDY
    if level == STUDY_LEVEL:
        return STUDY
    if level == SERIES_LEVEL:
        return (*above, *SERIES)
    return (*above, *((SERIES_UID,) if series else SERIES), *IMAGE, *PIXELS)


def _plan(query: Query, level: str, study: str, series: str) -> Plan:
    filters = _widen(query, narrow_studies(query))
    if study:
        filters = WorklistFilter(study_instance_uids=(study,))
    if level == STUDY_LEVEL:
        return Plan(query, filters, level=level)
    if level == SERIES_LEVEL:
        return Plan(query, filters, split_series, level)
    return Plan(query, filters, lambda record: split_instances(record, series or None), level)


def _widen(query: Query, filters: WorklistFilter) -> WorklistFilter:
    """Return the filter without modalities where ours may match: the database has those of films alone."""
    key = query.find("ModalitiesInStudy")
    if key is None or not key.compared:
        return filters
    matches = compile_patterns([value for value in key.values if value])
    return replace(filters, modalities=()) if any(map(matches, MODALITIES.values())) else filters


def _read_tag(name: str) -> int:
    """Return the tag of an attribute's name; -1 for what is none. A private block counts as the first."""
    if TAG.fullmatch(name):
        return int(name, 16)
    tag = tag_for_keyword(name)
    return -1 if tag is None else int(tag)


def _write_identifier(attributes: Sequence[Attribute], values: dict[int, str]) -> Dataset:
    identifier = Dataset()
    identifier.add_new(PRIVATE_GROUP << 16 | 0x10, "LO", PRIVATE_CREATOR)
    for attribute in attributes:
        value = values.get(attribute.tag, "")
        separator = r"[\\,]" if attribute.value_representation in LISTED else r"\\"
        parts = re.split(separator, value)
        # Texts of any length: the attribute's own VR is checked by the matching.
        identifier.add(DataElement(BaseTag(attribute.tag), "UC", parts, validation_mode=IGNORE))
    return identifier


def _read_number(name: str, text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch(f"[0-9]{{1,{MOST_DIGITS}}}", text):
        raise ParameterError(f"{name} is a number of at most {MOST_DIGITS} digits")
    return int(text)
