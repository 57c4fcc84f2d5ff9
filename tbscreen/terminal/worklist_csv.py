"""The worklist as comma-separated values that a spreadsheet shows and does not run."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from typing import Any, Final, TextIO

from db.worklist.study_entries import StudyEntry
from domain.spreadsheet_cells import guard_cell

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
    "notices": lambda study: ", ".join(study.notices),
    "study_instance_uid": lambda study: study.study_instance_uid,
    "tb_score": lambda study: study.tb_score,
    "differing_verdicts": lambda study: " ".join(study.differing_verdicts),
}


def write_csv(studies: Iterable[StudyEntry], output: TextIO) -> None:
    """Write a header and one line for each study, most urgent first."""
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(COLUMNS)
    for study in studies:
        writer.writerow([guard_cell(value(study)) for value in COLUMNS.values()])
