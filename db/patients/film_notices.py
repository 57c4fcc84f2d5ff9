"""Notices on the patient data of films: each film's patient is compared with its study's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.states import FilmState
from db.tables import Instance, Study
from db.worklist import studies
from db.worklist.studies import read_study_patient
from domain.codes import Notice, Refusal
from domain.patient_identity import Patient, find_differences, read_patient


def write_notices(session: Session, study: Study) -> None:
    """Compare each current film of a locked study with the study's patient, and write the notices."""
    for film in list_films(session, study.id):
        write_notice(film, study, read_patient(film.header))


def write_notice(film: Instance, study: Study, patient: Patient) -> None:
    """Compare a film's patient with its study's, and write or remove the notice; other notices stay."""
    notices = set(studies.split_values(film.notices)) - {Notice.PATIENT_MISMATCH.value}
    if find_differences(patient, read_study_patient(study)):
        notices.add(Notice.PATIENT_MISMATCH.value)
    film.notices = studies.join_values(notices) or None


def follow_correction(session: Session, study: Study, film: Instance, patient: Patient) -> None:
    """Show the patient of a corrected film as its study's, unless another film of the study differs."""
    others = [other for other in list_films(session, study.id) if other.id != film.id]
    if not any(find_differences(read_patient(other.header), patient) for other in others):
        for name, value in asdict(patient).items():
            if value:
                setattr(study, name, value)
        studies.write_keys(study)
    write_notices(session, study)


def list_films(session: Session, study_id: int) -> Sequence[Instance]:
    """Return the current films of a study, oldest first; objects that tbscreen itself made are left out."""
    return session.scalars(
        select(Instance)
        .where(Instance.study_id == study_id, Instance.current)
        .where((Instance.state != FilmState.REFUSED) | (Instance.refusal != Refusal.OWN_OUTPUT.value))
        .order_by(Instance.id)
    ).all()
