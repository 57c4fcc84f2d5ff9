"""A check of films that a version without notices and conflicts received."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from db.patients import film_notices
from db.patients.reconciliations import find_patient
from db.states import FilmState
from db.tables import Conflict, Instance, Study
from db.worklist import studies
from domain.codes import Notice
from domain.patient_identity import is_same_patient


@dataclass(frozen=True)
class HiddenResult:
    """A screened film that a film of another patient or study replaced. Holds patient data: never log it."""

    instance_id: int
    sop_instance_uid: str
    study_instance_uid: str
    patient_id: str | None
    patient_name: str | None
    priority: str | None
    replaced_by: int
    """`instance_id` of the film that stands in its place."""


def check_studies(session: Session, after: int, limit: int) -> tuple[int | None, int]:
    """Write the notices of the next studies with several films.

    Args:
        session: one that writes.
        after: the last row of `studies` that was checked; 0 to begin.
        limit: most studies.

    Returns:
        The last row that was checked, None at the end; and the number of studies with a film of another
        patient.
    """
    ids = session.scalars(
        select(Instance.study_id)
        .where(Instance.study_id > after, Instance.current)
        .group_by(Instance.study_id)
        .having(func.count() > 1)
        .order_by(Instance.study_id)
        .limit(limit)
    ).all()
    named = 0
    for study_id in ids:
        study = session.get_one(Study, study_id, with_for_update=True)
        film_notices.write_notices(session, study)
        studies.refresh_locked(session, study)
        named += Notice.PATIENT_MISMATCH.value in studies.split_values(study.notices)
    return (ids[-1] if ids else None), named


def list_hidden(session: Session, limit: int) -> Sequence[HiddenResult]:
    """Return screened films that a film of another patient or study replaced, oldest first.

    Films of which a person decided so are left out.
    """
    head = aliased(Instance)
    decided = select(Conflict.id).where(Conflict.sop_instance_uid == Instance.sop_instance_uid).exists()
    pairs = session.execute(
        select(Instance, head)
        .join(head, head.sop_instance_uid == Instance.sop_instance_uid)
        .where(~Instance.current, head.current, Instance.state == FilmState.SCREENED.value, ~decided)
        .order_by(Instance.id)
        .execution_options(yield_per=100)
    )
    hidden = []
    for film, standing in pairs:
        patient = find_patient(session, film)
        if film.study_id == standing.study_id and is_same_patient(patient, find_patient(session, standing)):
            continue
        hidden.append(
            HiddenResult(
                film.id,
                film.sop_instance_uid,
                film.study.study_instance_uid,
                patient.patient_id,
                patient.patient_name,
                None if film.screening is None else film.screening.priority,
                standing.id,
            )
        )
        if len(hidden) == limit:
            break
    return hidden
