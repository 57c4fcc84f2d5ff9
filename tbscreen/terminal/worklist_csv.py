"""The worklist as comma-separated values that a spreadsheet shows and does not run."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from typing import Any, Final, TextIO

from db.worklist.study_entries import StudyEntry

COLUMNS: Final[dict[str, Callable[[StudyEntry], Any]]] = {
    "priority": lambda study: study.priority,
    "probability": lambda study: study.probability,
    "finding": lambda study: study.finding,
    "state": lambda study: study.state,
    "refusal": lambda study: study.refusal,
    "read": lambda study: "yes" if study.is_read else "no",
    "verdict": lambda study: study.verdict,
    "accession_number": lambda study: study.accession_number,
    "patient_id": lambda study: study.patient_id,
    "patient_name": lambda study: study.patient_name,
    "patient_birth_date": lambda study: study.patient_birth_date,
    "patient_sex": lambda study: study.patient_sex,
    "study_date": lambda study: study.study_date,
    "study_time": lambda study: study.study_time,
    "description": lambda study: study.description,
    "modalities": lambda study: " ".join(study.modalities),
    "stations": lambda study: ", ".join(study.stations),
    "senders": lambda study: ", ".join(study.senders),
    "received_at": lambda study: study.received_at.isoformat(timespec="seconds"),
    "films": lambda study: len(study.films),
    "study_instance_uid": lambda study: study.study_instance_uid,
}

_FORMULA_STARTS: Final = "=+-@\t\r\n＝＋－＠"


def write_csv(studies: Iterable[StudyEntry], output: TextIO) -> None:
    """Write a header and one line for each study, most urgent first.

    A value that a spreadsheet would take for a formula (it begins with `=`, `+`, `-`, `@`) gets an apostrophe
    before it: headers come from outside, and `=HYPERLINK(…)` is a possible patient name.
    """
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(COLUMNS)
    for study in studies:
        writer.writerow([_make_harmless(value(study)) for value in COLUMNS.values()])


def _make_harmless(value: Any) -> Any:
    if not isinstance(value, str):
        return "" if value is None else value
    text = "".join(one if one.isprintable() else "\ufffd" for one in value)
    dangerous = value[:1] in tuple(_FORMULA_STARTS) or value.lstrip()[:1] in tuple(_FORMULA_STARTS)
    return f"'{text}" if dangerous else text
