"""Corrections of patients by administrators, and how films that arrive later follow them.

A merge replaces a patient ID by another. A move gives a study to another patient. A split gives a film to
another study. The film's header stays as it came; these corrections say how to read it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from db.clock import now
from db.entries import make_entry
from db.tables import Instance, Reconciliation
from db.worklist.studies import StudyHeader
from domain.errors import PermanentError
from domain.patient_identity import Patient, find_differences, fold_patient_id, read_patient

MOST_MERGES: Final = 32
"""Longest chain of merges that is followed."""

_IN_FORCE: Final = (
    select(Reconciliation)
    .where(Reconciliation.subject.in_(bindparam("subjects", expanding=True)))
    .where(Reconciliation.ended_at.is_(None))
    .order_by(Reconciliation.id.desc())
)


class ReconciliationKind(StrEnum):
    """The kinds of corrections."""

    MERGE = "merge"
    """Two patient IDs are one patient."""
    MOVE = "move"
    """A study is another patient's."""
    SPLIT = "split"
    """A film is another study's."""


class ReconciliationError(PermanentError):
    """The correction cannot be made as it was asked for; the text says why. Permanent."""


@dataclass(frozen=True)
class ReconciliationEntry:
    """One correction. Holds patient data: show it, never log it."""

    id: int
    kind: str
    made_at: datetime
    made_by: str
    reason: str | None
    ended_at: datetime | None
    ended_by: str | None
    prior_patient_id: str | None
    prior_patient_id_issuer: str | None
    study_instance_uid: str | None
    sop_instance_uid: str | None
    to_study_instance_uid: str | None
    patient_id: str | None
    patient_id_issuer: str | None
    patient_name: str | None


def name_patient(patient: Patient) -> str:
    """Return the subject of a merge: its prior patient ID."""
    return _name(ReconciliationKind.MERGE, fold_patient_id(patient.patient_id))


def name_study(study_instance_uid: str) -> str:
    """Return the subject of a move: its study."""
    return _name(ReconciliationKind.MOVE, study_instance_uid)


def name_film(sop_instance_uid: str, study_instance_uid: str) -> str:
    """Return the subject of a split: a film with the study that its header names."""
    return _name(ReconciliationKind.SPLIT, f"{sop_instance_uid} {study_instance_uid}")


def _name(kind: ReconciliationKind, text: str) -> str:
    return hashlib.sha256(f"{kind.value} {text}".encode("utf-8", "surrogatepass")).hexdigest()


def follow(session: Session, sop_instance_uid: str, header: StudyHeader) -> StudyHeader:
    """Return study and patient of a film, as the corrections in force say."""
    uid = header.study_instance_uid
    rules = _find(session, [name_film(sop_instance_uid, uid), name_study(uid), name_patient(header.patient)])
    if split := _find_split(header, rules):
        header = split
        rules = _find(session, [name_study(header.study_instance_uid), name_patient(header.patient)])
    for rule in rules:
        if rule.kind == ReconciliationKind.MOVE and _is_about(rule, header.patient):
            header = _replace_patient(header, rule)
            rules = _find(session, [name_patient(header.patient)])
            break
    for _ in range(MOST_MERGES):
        merge = next((rule for rule in rules if _is_merge(rule, header.patient)), None)
        if merge is None:
            break
        header = _replace_patient(header, merge)
        rules = _find(session, [name_patient(header.patient)])
    return header


def follow_patient(session: Session, patient: Patient) -> Patient:
    """Return the patient into which a patient was merged; itself, where it was not."""
    return follow(session, "", StudyHeader("", **asdict(patient))).patient


def is_any_merged(session: Session) -> bool:
    """True when a merge is in force, so that patients have to be followed."""
    merges = select(Reconciliation.id).where(
        Reconciliation.kind == ReconciliationKind.MERGE, Reconciliation.ended_at.is_(None)
    )
    return session.scalar(merges.limit(1)) is not None


def find_patient(session: Session, film: Instance) -> Patient:
    """Return the patient of a film, as the corrections in force say."""
    return follow(session, film.sop_instance_uid, read_header(film)).patient


def read_header(film: Instance) -> StudyHeader:
    """Return study and patient of a film as its header has them."""
    values = film.header.get("0020000D", {}).get("Value") or [film.sop_instance_uid]
    uid = "\\".join(str(value) for value in values)
    return StudyHeader(uid, **asdict(read_patient(film.header)))


def find_unmoved(session: Session, film: Instance) -> Patient:
    """Return the patient of a film before moves and merges: that of its split, else that of its header."""
    header = read_header(film)
    rules = _find(session, [name_film(film.sop_instance_uid, header.study_instance_uid)])
    return (_find_split(header, rules) or header).patient


def record(session: Session, rule: Reconciliation) -> ReconciliationEntry:
    """Put a correction in force; an earlier one of the same subject ends.

    Of a film or a patient ID it ends where it is about the same patient; a study has one move.
    """
    for earlier in _find(session, [rule.subject]):
        if earlier.kind == ReconciliationKind.MOVE or not find_differences(_prior(earlier), _prior(rule)):
            earlier.ended_at, earlier.ended_by = now(), rule.made_by
    session.add(rule)
    session.flush()
    return describe(rule)


def describe(rule: Reconciliation) -> ReconciliationEntry:
    """Return a correction as an entry."""
    return make_entry(ReconciliationEntry, rule)


def list_reconciliations(session: Session, limit: int = 100) -> Sequence[ReconciliationEntry]:
    """Return the corrections, newest first, ended ones included."""
    rows = session.scalars(select(Reconciliation).order_by(Reconciliation.id.desc()).limit(limit))
    return [describe(row) for row in rows]


def _find(session: Session, subjects: Sequence[str]) -> Sequence[Reconciliation]:
    return session.scalars(_IN_FORCE, {"subjects": subjects}).all()


def _find_split(header: StudyHeader, rules: Sequence[Reconciliation]) -> StudyHeader | None:
    """Return study and patient of a film that was split off; None for a film that was not."""
    for rule in rules:
        uid = rule.to_study_instance_uid
        # Films of other patients may have the same UIDs (`db.patients.conflicts`).
        if rule.kind == ReconciliationKind.SPLIT and uid and _is_about(rule, header.patient):
            return _replace_patient(replace(header, study_instance_uid=uid), rule)
    return None


def _prior(rule: Reconciliation) -> Patient:
    return Patient(rule.prior_patient_id, rule.prior_patient_id_issuer)


def _is_about(rule: Reconciliation, patient: Patient) -> bool:
    if not rule.prior_patient_id:
        return not patient.patient_id
    return not find_differences(_prior(rule), Patient(patient.patient_id, patient.patient_id_issuer))


def _is_merge(rule: Reconciliation, patient: Patient) -> bool:
    is_known = bool(fold_patient_id(patient.patient_id))
    return rule.kind == ReconciliationKind.MERGE and is_known and _is_about(rule, patient)


def _replace_patient(header: StudyHeader, rule: Reconciliation) -> StudyHeader:
    """Return the header with the patient of a correction; what the correction leaves open stays."""
    changed = {name: value for name, value in asdict(make_entry(Patient, rule)).items() if value}
    return replace(header, **changed)
