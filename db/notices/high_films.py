"""The film of a HIGH finding, as its notice may name it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from db.patients import reconciliations
from db.tables import Instance
from domain.patient_identity import Patient


@dataclass(frozen=True)
class HighFilm:
    """The film of a HIGH finding. Holds patient data: never log it."""

    sop_instance_uid: str
    station: str | None
    received_at: datetime
    study_instance_uid: str
    accession_number: str | None
    patient: Patient
    """As the corrections in force say."""

    def read(self, field: str) -> str:
        """Return a field of patient data, empty where there is none."""
        if field in ("study_instance_uid", "accession_number"):
            return getattr(self, field) or ""
        return getattr(self.patient, field) or ""


def find_film(session: Session, instance_id: int) -> HighFilm | None:
    """Return the film of a HIGH finding; None if it was erased."""
    film = session.get(Instance, instance_id)
    if film is None:
        return None
    return HighFilm(
        film.sop_instance_uid,
        film.station_name,
        film.received_at,
        film.study.study_instance_uid,
        film.study.accession_number,
        reconciliations.find_patient(session, film),
    )
