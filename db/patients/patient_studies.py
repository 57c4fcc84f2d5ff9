"""Studies of patient IDs, however the headers write these: with spaces, or as an HL7 CX."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.tables import Study
from domain.patient_identity import fold_patient_id

LONGEST: Final = 30
"""Characters of a patient ID that its search key holds in any case."""


def list_studies(session: Session, patient_ids: Iterable[str]) -> list[Study]:
    """Return the studies that show one of the patient IDs, oldest first.

    Each patient ID is one search through all studies: no index knows it without spaces and components.

    Args:
        session: for reading.
        patient_ids: folded (`domain.patient_identity.fold_patient_id`).
    """
    plain = func.replace(Study.patient_id_key, " ", "").concat("^")
    found = {}
    for patient_id in set(patient_ids):
        beginning = f"{patient_id}^"[:LONGEST]
        for study in session.scalars(select(Study).where(func.substr(plain, 1, len(beginning)) == beginning)):
            if fold_patient_id(study.patient_id) == patient_id:
                found[study.id] = study
    return [found[number] for number in sorted(found)]
