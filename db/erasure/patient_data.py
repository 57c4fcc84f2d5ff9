"""The data of a patient: found by patient ID with all that was merged into it, and erased."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.bacteriology import results
from db.bacteriology.results import Merged
from db.erasure.dependent_rows import AT_ONCE, delete_with_dependents
from db.patients import film_notices, reconciliations
from db.tables import (
    BacteriologyResult,
    Conflict,
    Delivery,
    Instance,
    Reconciliation,
    ReportObject,
    Screening,
    Study,
)
from db.worklist import studies
from domain.codes import OTHER_PATIENT_NOTICES
from domain.errors import PermanentError
from domain.languages.sentence import say

Value = TypeVar("Value", int, str)


class SeveralPatientsError(PermanentError):
    """A study of the patient has films of another patient: a person decides first. Permanent."""


@dataclass
class PatientData:
    """The rows of a patient, by their numbers; what refers to them goes with them."""

    patients: list[tuple[str, str | None]] = field(default_factory=list)
    """The patient ID with its issuer, folded, and those that were merged into it; None: any issuer."""
    studies: dict[int, str] = field(default_factory=dict)
    """Study Instance UID by number."""
    films: list[int] = field(default_factory=list)
    results: list[int] = field(default_factory=list)
    corrections: list[int] = field(default_factory=list)


def find(session: Session, patient_id: str, issuer: str | None = None) -> PatientData:
    """Find the data of a patient.

    Args:
        session: one that writes: the studies are locked.
        patient_id: the patient; case and spaces do not matter.
        issuer: the issuer of this patient ID; data of other issuers are another patient's.

    Raises:
        SeveralPatientsError: when films of the patient stand among another patient's; the text names the
            studies.
        PermanentError: when the patient ID is empty.
    """
    merged = results.find_merged(session, patient_id, issuer)
    owned = results.list_studies(session, merged)
    numbers = {study.id for study in owned}
    _check_alone(session, merged, numbers)
    session.scalars(select(Study).where(Study.id.in_(numbers)).with_for_update()).all()
    return PatientData(
        [(key, own or None) for key in sorted(merged) for own in sorted(merged[key])],
        {study.id: study.study_instance_uid for study in owned},
        _list(session, Instance.id, [Instance.study_id.in_(block) for block in split(numbers)]),
        sorted(results.list_of_patient(session, merged, owned)),
        [
            rule.id
            for rule in session.scalars(select(Reconciliation))
            if any(
                results.is_of(merged, named, of)
                for named, of in (
                    (rule.prior_patient_id, rule.prior_patient_id_issuer),
                    (rule.patient_id, rule.patient_id_issuer),
                )
            )
        ],
    )


def list_holders(session: Session, films: Collection[int]) -> list[str]:
    """Return the peers to which objects of these films were sent; tbscreen deletes nothing there."""
    conditions = []
    for block in split(films):
        of_results = select(Screening.id).where(Screening.instance_id.in_(block))
        conditions.append(ReportObject.instance_id.in_(block) | ReportObject.screening_id.in_(of_results))
    query = select(Delivery.peer).join(ReportObject).where(Delivery.delivered_at.is_not(None)).distinct()
    return sorted({peer for condition in conditions for peer in session.scalars(query.where(condition))})


def erase(session: Session, data: PatientData) -> Counter[str]:
    """Erase films, results and corrections; a study goes with its last film.

    Returns:
        The number of rows that went, by table.
    """
    conditions = [Instance.id.in_(block) for block in split(data.films)]
    uids = _list(session, Instance.sop_instance_uid, conditions)
    owners = set(_list(session, Instance.study_id, conditions))
    counts = delete_with_dependents(session, Instance.id, data.films)
    kept = set(_list(session, Instance.study_id, [Instance.study_id.in_(block) for block in split(owners)]))
    gone = owners - kept
    gone_uids = _list(session, Study.study_instance_uid, [Study.id.in_(block) for block in split(gone)])
    counts += delete_with_dependents(session, Study.id, gone)
    counts += delete_with_dependents(session, BacteriologyResult.id, data.results)
    counts += delete_with_dependents(session, Reconciliation.id, data.corrections)
    for column in (Reconciliation.study_instance_uid, Reconciliation.to_study_instance_uid):
        numbers = _list(session, Reconciliation.id, [column.in_(block) for block in split(gone_uids)])
        counts += delete_with_dependents(session, Reconciliation.id, numbers)
    for block in split(uids):
        standing = select(Instance.sop_instance_uid).where(
            Instance.sop_instance_uid == Conflict.sop_instance_uid
        )
        ended = Conflict.sop_instance_uid.in_(block) & ~standing.exists()
        counts["conflicts"] += session.execute(delete(Conflict).where(ended)).rowcount  # type: ignore[attr-defined]
    session.expire_all()
    for number in sorted(kept):
        film_notices.derive_patient(session, session.get_one(Study, number, with_for_update=True))
    return +counts


def split(values: Iterable[Value]) -> list[list[Value]]:
    """Return values in order, in blocks for one query each."""
    ordered = sorted(set(values))
    return [ordered[first : first + AT_ONCE] for first in range(0, len(ordered), AT_ONCE)]


def _check_alone(session: Session, merged: Merged, owned: Collection[int]) -> None:
    """Raise `SeveralPatientsError` for doubtful films of the patient, or in the patient's studies."""
    mixed = set()
    for film in session.scalars(select(Instance).where(Instance.notices.is_not(None), Instance.current)):
        if OTHER_PATIENT_NOTICES & set(studies.split_values(film.notices)):
            patient = reconciliations.find_patient(session, film)
            own = results.is_of(merged, patient.patient_id, patient.patient_id_issuer)
            if own or film.study_id in owned:
                mixed.add(film.study.study_instance_uid)
    if mixed:
        raise SeveralPatientsError(
            say(
                "films of different patients stand together in study {studies}: decide first which are whose "
                "('tbscreen patients conflicts', 'move', 'split'), then erase; nothing was erased",
                studies=", ".join(sorted(mixed)),
            )
        )


def _list(
    session: Session, column: InstrumentedAttribute[Value], conditions: Iterable[ColumnElement[bool]]
) -> list[Value]:
    return [
        value for condition in conditions for value in session.scalars(select(column).where(condition)).all()
    ]
