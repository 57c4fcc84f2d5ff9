"""From the keys of a query to the filter of the one worklist query in db.

The filter lets through all that fits, and may let through more: what is answered is compared key by key. It
decides how much has to be looked at: UIDs, accession number, patient ID, the beginning of a name, dates,
modality, station, priority, state and read are index ranges.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from db.worklist.worklist_conditions import compile_patterns
from db.worklist.worklist_filter import STUDY_STATES, InvalidFilterError, WorklistFilter
from dicom_gateway.query.attribute_matching import is_latin
from dicom_gateway.query.query_identifier import Query, WantedKey
from domain.codes import Finding, Priority, Refusal

NOTHING = WorklistFilter(study_instance_uids=("",))
"""Lets no study through."""


def narrow_studies(query: Query) -> WorklistFilter:
    """Return the filter of a STUDY level query."""
    filters = _narrow_identity(query.keys)
    filters |= _choose(
        query, "Priority", "priorities", {priority.value: priority.value for priority in Priority}
    )
    filters |= _choose(query, "State", "states", {state.upper(): state.value for state in STUDY_STATES})
    filters |= _choose(query, "Finding", "findings", {finding.upper(): finding.value for finding in Finding})
    filters |= _choose(query, "Refusal", "refusals", {refusal.upper(): refusal.value for refusal in Refusal})
    return _make(filters)


def narrow_steps(query: Query) -> WorklistFilter:
    """Return the filter of a query for procedure steps."""
    filters = _narrow_identity(query.keys)
    request = query.find("ReferencedRequestSequence")
    if request is not None:
        filters = _narrow_identity(request.items) | filters
    filters |= _choose(
        query, "ScheduledProcedureStepPriority", "priorities", {priority: priority for priority in Priority}
    )
    if "LOW" in filters.get("priorities", ()):
        filters["priorities"] = (*filters["priorities"], "")  # no result is LOW too
    states = _fitting(query.find("ProcedureStepState"), ("SCHEDULED", "COMPLETED"))
    if states is not None:
        filters |= {"states": ("",)} if not states else {}
        filters |= {"read": states == ["COMPLETED"]} if len(states) == 1 else {}
    readiness = _fitting(query.find("InputReadinessState"), ("INCOMPLETE", "READY"))
    if readiness is not None:
        ready = [state for state in STUDY_STATES if (state == "received") == ("INCOMPLETE" in readiness)]
        filters |= {"states": ready} if len(readiness) == 1 else {"states": ("",)} if not readiness else {}
    return _make(filters)


def _make(filters: dict[str, Any]) -> WorklistFilter:
    """A word that no study can have, or a date that is in no calendar, fits nothing."""
    try:
        return WorklistFilter(**filters)
    except InvalidFilterError:
        return NOTHING


def _narrow_identity(keys: Iterable[WantedKey]) -> dict[str, Any]:
    filters: dict[str, Any] = {}
    for key in keys:
        narrow = _NARROWERS.get(key.attribute.keyword)
        if key.compared and narrow is not None:
            filters |= narrow(tuple(value for value in key.values if value))
    return filters


def _narrow_uids(values: Sequence[str]) -> dict[str, Any]:
    return {"study_instance_uids": values}


def _narrow_text(name: str) -> Callable[[Sequence[str]], dict[str, Any]]:
    def narrow(values: Sequence[str]) -> dict[str, Any]:
        if not any("*" in value or "?" in value for value in values):
            return {name: values}
        beginning = _begin(values[0])
        return {"text": beginning} if len(values) == 1 and beginning else {}

    return narrow


def _narrow_name(values: Sequence[str]) -> dict[str, Any]:
    """Only names in Latin letters are found by the index of the first group of components."""
    if len(values) != 1 or "=" in values[0] or not is_latin(values[0]):
        return {}
    beginning = _begin(values[0])
    return {"name_prefix": beginning} if beginning else {}


def _narrow_date(values: Sequence[str]) -> dict[str, Any]:
    if len(values) != 1:
        return {}
    first, hyphen, last = values[0].partition("-")
    days = {"study_date_from": first.strip(), "study_date_to": last.strip() if hyphen else first.strip()}
    return {name: day for name, day in days.items() if day}


def _narrow_patterns(name: str) -> Callable[[Sequence[str]], dict[str, Any]]:
    return lambda values: {name: values}


_NARROWERS: dict[str, Callable[[Sequence[str]], dict[str, Any]]] = {
    "StudyInstanceUID": _narrow_uids,
    "AccessionNumber": _narrow_text("accession_numbers"),
    "PatientID": _narrow_text("patient_ids"),
    "PatientName": _narrow_name,
    "StudyDate": _narrow_date,
    "ModalitiesInStudy": _narrow_patterns("modalities"),
    "StationName": _narrow_patterns("stations"),
}


def _begin(pattern: str) -> str:
    """Return what a pattern begins with, up to its first wildcard."""
    return re.split(r"[*?]", pattern, maxsplit=1)[0].strip()


def _fitting(key: WantedKey | None, words: Iterable[str]) -> list[str] | None:
    """Return those words that fit a key; None when it was not asked for."""
    if key is None or not key.compared:
        return None
    fits = compile_patterns([value.upper() for value in key.values if value])
    return [word for word in words if fits(word)]


def _choose(query: Query, keyword: str, name: str, words: dict[str, str]) -> dict[str, Any]:
    found = _fitting(query.find(keyword), words)
    if found is None:
        return {}
    return {name: tuple(words[word] for word in found) or ("nothing",)}
