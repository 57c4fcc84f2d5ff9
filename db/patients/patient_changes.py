"""Merge, move and split by an administrator: the films that are there, and those that arrive later.

Films that are there are shown anew at once; later films follow the same correction (`reconciliations`).
Results, reports that were sent, and headers stay as they are.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.bacteriology import results
from db.calibration_study import people
from db.clock import now
from db.patients import film_notices, patient_studies, reconciliations
from db.patients.reconciliations import ReconciliationEntry, ReconciliationError, ReconciliationKind
from db.tables import Instance, Read, Reconciliation, Study
from db.worklist import reads, studies
from db.worklist.studies import read_study_patient
from domain.patient_identity import Patient, find_differences, fold_patient_id

LONGEST: Final = {
    "patient_id": 64,
    "patient_id_issuer": 64,
    "patient_name": 324,
    "patient_birth_date": 8,
    "patient_sex": 16,
}
"""Longest values that a person may give, characters (PS3.5 6.2)."""


@dataclass(frozen=True)
class Change:
    """A correction with the studies that it changed."""

    entry: ReconciliationEntry
    study_instance_uids: Sequence[str]


@dataclass(frozen=True)
class Author:
    """The user who decides, and the reason."""

    user: str
    reason: str | None = None


def merge_patients(session: Session, prior: Patient, survivor: Patient, author: Author) -> Change:
    """Merge a patient into another: all studies of the prior patient ID become the survivor's.

    Args:
        session: one that writes.
        prior: Patient ID, and issuer where it matters, that is given up.
        survivor: Patient ID that stays; values that are not given come from its newest study.
        author: the administrator.

    Raises:
        ReconciliationError: when an ID is empty, both are the same, or the survivor was merged into the prior
            patient before.
    """
    check_patient(prior)
    check_patient(survivor)
    if not fold_patient_id(prior.patient_id) or not fold_patient_id(survivor.patient_id):
        raise ReconciliationError("a merge needs two patient IDs")
    if not find_differences(_identify(prior), _identify(survivor)):
        raise ReconciliationError("both patient IDs are the same")
    if not find_differences(_identify(reconciliations.follow_patient(session, survivor)), _identify(prior)):
        raise ReconciliationError(
            "the surviving patient was merged into the other before: end that merge first"
        )
    survivor = _complete(session, survivor)
    rule = _make(ReconciliationKind.MERGE, reconciliations.name_patient(prior), prior, survivor, author)
    entry = reconciliations.record(session, rule)
    return Change(entry, _derive_all(session, _list_studies(session, prior)))


def move_study(session: Session, study_instance_uid: str, patient: Patient, author: Author) -> Change:
    """Give a study to another patient.

    Raises:
        ReconciliationError: when the study is unknown or the patient has no ID.
    """
    check_patient(patient)
    study = lock_study(session, study_instance_uid)
    if not fold_patient_id(patient.patient_id):
        raise ReconciliationError("a move needs the patient ID of the new patient")
    entry = give_study(session, study, _complete(session, patient), author)
    return Change(entry, _derive_all(session, [study]))


def give_study(session: Session, study: Study, patient: Patient, author: Author) -> ReconciliationEntry:
    """Give a locked study to another patient; the caller derives its patient anew."""
    films = film_notices.list_films(session, study.id)
    if not films:
        raise ReconciliationError("the study has no film")
    subject = reconciliations.name_study(study.study_instance_uid)
    prior = reconciliations.find_unmoved(session, films[0])
    rule = _make(ReconciliationKind.MOVE, subject, prior, patient, author)
    rule.study_instance_uid = study.study_instance_uid
    return reconciliations.record(session, rule)


def split_study(
    session: Session,
    study_instance_uid: str,
    film_ids: Collection[int],
    author: Author,
    to_study_instance_uid: str | None = None,
    patient: Patient | None = None,
) -> Change:
    """Give films of a study to another study.

    Args:
        session: one that writes.
        study_instance_uid: the study.
        film_ids: rows of the films; their earlier revisions go with them.
        author: the administrator.
        to_study_instance_uid: the study that they belong to; by default a new one with a new UID.
        patient: the patient of a new study; by default that of the first film's header.

    Raises:
        ReconciliationError: when the study is unknown, a film is not one of its current films, or no film is
            given.
    """
    study = lock_study(session, study_instance_uid)
    films = [film for film in film_notices.list_films(session, study.id) if film.id in set(film_ids)]
    if not films or len(films) != len(set(film_ids)):
        raise ReconciliationError("a split needs films of this study, by their numbers")
    if to_study_instance_uid and not re.fullmatch(r"[0-9.]{1,64}", to_study_instance_uid):
        raise ReconciliationError("a Study Instance UID holds digits and dots, at most 64")
    to_uid = to_study_instance_uid or f"2.25.{uuid.uuid4().int}"
    if to_uid == study_instance_uid:
        raise ReconciliationError("the films are in this study already")
    first = reconciliations.read_header(films[0])
    header = replace(first, study_instance_uid=to_uid, **asdict(patient or first.patient))
    target = studies.open_study(session, header)
    entries = [give_film(session, film, study, target, author) for film in films]
    changed = [study_instance_uid, to_uid]
    for row in (target, study):
        film_notices.derive_patient(session, row)
    close_study(session, study, target)
    return Change(entries[0], changed)


def give_film(
    session: Session, film: Instance, study: Study, target: Study, author: Author
) -> ReconciliationEntry:
    """Give a film with its revisions to another study, and put that in force for later revisions.

    Both studies are locked; the caller derives their patients anew.
    """
    header = reconciliations.read_header(film)
    subject = reconciliations.name_film(film.sop_instance_uid, header.study_instance_uid)
    rule = _make(ReconciliationKind.SPLIT, subject, header.patient, read_study_patient(target), author)
    rule.study_instance_uid, rule.to_study_instance_uid = study.study_instance_uid, target.study_instance_uid
    rule.sop_instance_uid = film.sop_instance_uid
    entry = reconciliations.record(session, rule)
    session.execute(
        update(Instance)
        .where(
            Instance.sop_instance_uid == film.sop_instance_uid,
            Instance.line == film.line,
            Instance.study_id == study.id,
        )
        .values(study_id=target.id)
    )
    return entry


def end_reconciliation(session: Session, number: int, user: str) -> Change:
    """End a correction: later films follow it no more, and the studies are shown as their headers say.

    Films that a split gave to another study stay there; another split gives them back.

    Raises:
        ReconciliationError: when there is no such correction in force.
    """
    rule = session.get(Reconciliation, number, with_for_update=True)
    if rule is None or rule.ended_at is not None:
        raise ReconciliationError(
            f"there is no correction {number} in force: 'tbscreen patients list' shows all"
        )
    rule.ended_at, rule.ended_by = now(), user
    session.flush()
    uids = [uid for uid in (rule.study_instance_uid, rule.to_study_instance_uid) if uid]
    changed = list(session.scalars(select(Study).where(Study.study_instance_uid.in_(uids))))
    if rule.kind == ReconciliationKind.MERGE:
        survivor = Patient(rule.patient_id, rule.patient_id_issuer)
        changed += _list_studies(session, reconciliations.follow_patient(session, survivor))
    entry = reconciliations.describe(rule)
    return Change(entry, _derive_all(session, changed))


def check_patient(patient: Patient) -> None:
    """Check what a person typed.

    Raises:
        ReconciliationError: for a value that no DICOM header has.
    """
    for name, value in asdict(patient).items():
        if value and (len(value) > LONGEST[name] or not value.isprintable() or "\\" in value):
            words = name.replace("_", " ")
            raise ReconciliationError(f"{words}: at most {LONGEST[name]} characters, without backslashes")
    if patient.patient_birth_date and not re.fullmatch("[0-9]{8}", patient.patient_birth_date):
        raise ReconciliationError("a birth date is YYYYMMDD")


def lock_study(session: Session, study_instance_uid: str) -> Study:
    """Return a study, locked.

    Raises:
        ReconciliationError: when it is unknown.
    """
    study = session.scalar(
        select(Study).where(Study.study_instance_uid == study_instance_uid).with_for_update()
    )
    if study is None:
        raise ReconciliationError("there is no such study")
    return study


def close_study(session: Session, study: Study, into: Study) -> None:
    """Remove a study without a current film; its earlier films and its reads go to another study.

    Both are locked. The reads of both stand as if they were of one study. Bacteriology results that a person
    linked to it, and its place in a calibration study, go there, too.
    """
    if study.id == into.id or film_notices.list_films(session, study.id):
        return
    session.execute(update(Instance).where(Instance.study_id == study.id).values(study_id=into.id))
    both = Read.study_id.in_([study.id, into.id])
    session.execute(update(Read).where(both).values(current=False, standing_reader=None))
    session.execute(update(Read).where(Read.study_id == study.id).values(study_id=into.id))
    results.move_links(session, study.study_instance_uid, into.study_instance_uid)
    people.move_places(session, study.id, into.id)
    session.flush()
    session.expire_all()
    session.delete(study)
    reads.settle(session, into)


def _identify(patient: Patient) -> Patient:
    return Patient(patient.patient_id, patient.patient_id_issuer)


def _make(
    kind: ReconciliationKind, subject: str, prior: Patient, patient: Patient, author: Author
) -> Reconciliation:
    return Reconciliation(
        kind=kind.value,
        subject=subject,
        made_at=now(),
        made_by=author.user,
        reason=author.reason or None,
        prior_patient_id=prior.patient_id,
        prior_patient_id_issuer=prior.patient_id_issuer,
        **asdict(patient),
    )


def _complete(session: Session, patient: Patient) -> Patient:
    """Return a patient with the values that are not given, from the newest study of the same patient ID."""
    known = next(reversed(_list_studies(session, patient)), None)
    if known is None:
        return patient
    given = {name: value for name, value in asdict(patient).items() if value}
    return replace(read_study_patient(known), **given)


def _list_studies(session: Session, patient: Patient) -> list[Study]:
    """Return the studies of a patient ID, oldest first."""
    found = patient_studies.list_studies(session, [fold_patient_id(patient.patient_id)])
    wanted = _identify(patient)
    return [study for study in found if not find_differences(wanted, _identify(read_study_patient(study)))]


def _derive_all(session: Session, changed: Collection[Study]) -> list[str]:
    """Derive the patients of studies, locked in the order of their rows; return their UIDs."""
    uids = []
    for study_id in sorted({study.id for study in changed}):
        study = session.get_one(Study, study_id, with_for_update=True, populate_existing=True)
        film_notices.derive_patient(session, study)
        uids.append(study.study_instance_uid)
    return uids
