"""Notices on the patient data of films: each film's patient is compared with its study's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.hl7 import hl7_outbox
from db.patients import reconciliations
from db.states import FilmState
from db.tables import Instance, Study
from db.worklist import studies
from db.worklist.studies import read_study_patient
from domain.codes import Notice, Refusal
from domain.patient_identity import Patient, find_differences


def write_notices(session: Session, study: Study) -> None:
    """Compare each current film of a locked study with the study's patient, and write the notices."""
    for film in list_films(session, study.id):
        write_notice(film, study, reconciliations.find_patient(session, film))


def write_notice(film: Instance, study: Study, patient: Patient) -> None:
    """Compare a film's patient with its study's, and write or remove the notice; other notices stay."""
    notices = set(studies.split_values(film.notices)) - {Notice.PATIENT_MISMATCH.value}
    if find_differences(patient, read_study_patient(study)):
        notices.add(Notice.PATIENT_MISMATCH.value)
    film.notices = studies.join_values(notices) or None


def follow_correction(session: Session, study: Study, film: Instance, patient: Patient) -> None:
    """Show the patient of a corrected film as its study's, unless another film of the study differs."""
    others = [other for other in list_films(session, study.id) if other.id != film.id]
    if not any(find_differences(reconciliations.find_patient(session, other), patient) for other in others):
        for name, value in asdict(patient).items():
            if value:
                setattr(study, name, value)
        studies.write_keys(session, study)
    write_notices(session, study)


def derive_patient(session: Session, study: Study) -> None:
    """Show the patient of a locked study's first film, and write the notices of its films.

    What the first film leaves open is filled from later films of the same patient. HL7 receivers are told of
    each film whose patient or study is another now.
    """
    films = list_films(session, study.id)
    if films:
        patients = [reconciliations.find_patient(session, film) for film in films]
        shown = patients[0]
        for patient in patients[1:]:
            if not find_differences(shown, patient):
                known = {name: value for name, value in asdict(shown).items() if value}
                shown = replace(patient, **known)
        for name, value in asdict(shown).items():
            setattr(study, name, value)
        studies.write_keys(session, study)
        for film, patient in zip(films, patients, strict=True):
            write_notice(film, study, patient)
            hl7_outbox.want(session, film.id)
    studies.refresh_locked(session, study)


def list_films(session: Session, study_id: int) -> Sequence[Instance]:
    """Return the current films of a study, oldest first; objects that tbscreen itself made are left out."""
    return session.scalars(
        select(Instance)
        .where(Instance.study_id == study_id, Instance.current)
        .where((Instance.state != FilmState.REFUSED) | (Instance.refusal != Refusal.OWN_OUTPUT.value))
        .order_by(Instance.id)
    ).all()
