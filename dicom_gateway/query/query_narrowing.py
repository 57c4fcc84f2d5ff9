"""The filter of the worklist query in the database, made from the keys of a C-FIND.

The filter passes all matching studies and may pass others: each study is then compared key by key. It reduces
the number of studies that are examined: UIDs, accession number, patient ID, the prefix of a name, dates,
modality, station, priority, state and read are index ranges.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from db.worklist.wildcards import compile_patterns
from db.worklist.worklist_filter import STUDY_STATES, InvalidFilterError, WorklistFilter
from dicom_gateway.query.attribute_matching import is_latin
from dicom_gateway.query.query_identifier import Query, QueryKey
from domain.codes import Finding, Notice, Priority, Refusal

NO_STUDY = WorklistFilter(study_instance_uids=("",))
"""A filter that passes no study."""


def narrow_studies(query: Query) -> WorklistFilter:
    """Return the filter of a STUDY level query."""
    filters = _narrow_identity(query.keys)
    filters |= _choose(
        query, "Priority", "priorities", {priority.value: priority.value for priority in Priority}
    )
    filters |= _choose(query, "State", "states", {state.upper(): state.value for state in STUDY_STATES})
    filters |= _choose(query, "Finding", "findings", {finding.upper(): finding.value for finding in Finding})
    filters |= _choose(query, "Refusal", "refusals", {refusal.upper(): refusal.value for refusal in Refusal})
    filters |= _choose(query, "Notices", "notices", {notice.upper(): notice.value for notice in Notice})
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
        filters["priorities"] = (*filters["priorities"], "")  # steps without a result are LOW, too
    states = _select_words(query.find("ProcedureStepState"), ("SCHEDULED", "COMPLETED"))
    if states is not None:
        filters |= {"states": ("",)} if not states else {}
        filters |= {"read": states == ["COMPLETED"]} if len(states) == 1 else {}
    readiness = _select_words(query.find("InputReadinessState"), ("INCOMPLETE", "READY"))
    if readiness is not None:
        ready = [state for state in STUDY_STATES if (state == "received") == ("INCOMPLETE" in readiness)]
        filters |= {"states": ready} if len(readiness) == 1 else {"states": ("",)} if not readiness else {}
    return _make(filters)


def _make(filters: dict[str, Any]) -> WorklistFilter:
    """Return the filter; values that no study can have, such as an impossible date, pass no study."""
    try:
        return WorklistFilter(**filters)
    except InvalidFilterError:
        return NO_STUDY


def _narrow_identity(keys: Iterable[QueryKey]) -> dict[str, Any]:
    filters: dict[str, Any] = {}
    for key in keys:
        narrow = _NARROWERS.get(key.attribute.keyword)
        if key.compared and narrow is not None:
            filters |= narrow(tuple(value for value in key.values if value))
    return filters


def _narrow_text(name: str) -> Callable[[Sequence[str]], dict[str, Any]]:
    def narrow(values: Sequence[str]) -> dict[str, Any]:
        if not any("*" in value or "?" in value for value in values):
            return {name: values}
        prefix = _read_prefix(values[0])
        return {"text": prefix} if len(values) == 1 and prefix else {}

    return narrow


def _narrow_name(values: Sequence[str]) -> dict[str, Any]:
    """Narrow by a name in Latin letters; the index holds the first component group alone."""
    if len(values) != 1 or "=" in values[0] or not is_latin(values[0]):
        return {}
    prefix = _read_prefix(values[0])
    return {"name_prefix": prefix} if prefix else {}


def _narrow_date(values: Sequence[str]) -> dict[str, Any]:
    if len(values) != 1:
        return {}
    first, hyphen, last = values[0].partition("-")
    days = {"study_date_from": first.strip(), "study_date_to": last.strip() if hyphen else first.strip()}
    return {name: day for name, day in days.items() if day}


def _narrow_patterns(name: str) -> Callable[[Sequence[str]], dict[str, Any]]:
    return lambda values: {name: values}


_NARROWERS: dict[str, Callable[[Sequence[str]], dict[str, Any]]] = {
    "StudyInstanceUID": lambda values: {"study_instance_uids": values},
    "AccessionNumber": _narrow_text("accession_numbers"),
    "PatientID": _narrow_text("patient_ids"),
    "PatientName": _narrow_name,
    "StudyDate": _narrow_date,
    "ModalitiesInStudy": _narrow_patterns("modalities"),
    "StationName": _narrow_patterns("stations"),
}


def _read_prefix(pattern: str) -> str:
    """Return the part of a pattern before its first wildcard."""
    return re.split(r"[*?]", pattern, maxsplit=1)[0].strip()


def _select_words(key: QueryKey | None, words: Iterable[str]) -> list[str] | None:
    """Return the words that match a key; None when the query does not compare it."""
    if key is None or not key.compared:
        return None
    matches = compile_patterns([value.upper() for value in key.values if value])
    return [word for word in words if matches(word)]


def _choose(query: Query, keyword: str, name: str, words: dict[str, str]) -> dict[str, Any]:
    found = _select_words(query.find(keyword), words)
    if found is None:
        return {}
    return {name: tuple(words[word] for word in found) or ("nothing",)}
