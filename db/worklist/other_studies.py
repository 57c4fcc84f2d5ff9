"""The other studies of a patient, for the study page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.tables import Study
from db.worklist import blinding
from db.worklist.search_keys import fold
from db.worklist.study_details import StudyDetails
from domain.patient_identity import Patient, find_differences, fold_patient_id

MOST: Final = 20
"""Most studies that are listed."""
MOST_COMPARED: Final = 200
"""Most studies of one ID that are looked at: an ID such as "UNKNOWN" may have any number."""


@dataclass(frozen=True)
class OtherStudy:
    """Another study with the same patient ID. Holds patient data."""

    key: int
    study_date: str | None
    patient_name: str | None
    """As this study has it; a patient ID that two people share shows by it."""
    verdict: str | None
    finding: str | None
    priority: str | None
    """Verdict, finding and priority are None while they are hidden from a reader who reads blinded."""


def list_other_studies(
    session: Session, study: StudyDetails, *, hidden_from: str | None = None
) -> Sequence[OtherStudy]:
    """Return the newest other studies of the patient, by study date, then by reception.

    The patient IDs must be equal without regard to case and spaces, and the issuers where both are given.

    Args:
        session: one that reads.
        study: the study that is shown.
        hidden_from: the user who asks, where that user reads blinded.

    Returns:
        At most `MOST` studies; none without a patient ID.
    """
    patient = Patient(study.patient_id, study.patient_id_issuer)
    if not fold_patient_id(patient.patient_id):
        return []
    found = session.scalars(
        select(Study)
        .where(Study.patient_id_key == fold(study.patient_id), Study.id != study.key)
        .order_by(func.coalesce(Study.study_date, "").desc(), Study.id.desc())
        .limit(MOST_COMPARED)
    )
    same = [
        row for row in found if not find_differences(patient, Patient(row.patient_id, row.patient_id_issuer))
    ][:MOST]
    shown = {row.id for row in same}
    if hidden_from is not None:
        shown = blinding.find_open(session, hidden_from, sorted(shown))
    return [
        OtherStudy(
            row.id,
            row.study_date,
            row.patient_name,
            *((row.verdict, row.finding, row.priority) if row.id in shown else (None, None, None)),
        )
        for row in same
    ]
