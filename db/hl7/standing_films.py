"""The result or refusal that stands for a film now, with the patient and study that it counts for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.delivery import outbox, refusal_outbox
from db.delivery.outbox import ReportableScreening
from db.delivery.refusal_outbox import ReportableRefusal
from db.patients import reconciliations
from db.states import FilmState
from db.tables import Instance
from domain.codes import Refusal
from domain.patient_identity import Patient

TECHNICAL: Final = frozenset({Refusal.UNDECODABLE, Refusal.PROCESSING_FAILED})
"""Refusals after which the result of an earlier revision still stands."""


@dataclass(frozen=True)
class StandingFilm:
    """A film as receivers are to know it. Holds patient data: never log it."""

    instance_id: int
    """The revision with the result or refusal; the newest revision where neither stands."""
    sop_instance_uid: str
    line: int
    """See `db.tables.Instance.line`."""
    study_id: int
    study_instance_uid: str
    accession_number: str | None
    patient: Patient
    """As the corrections in force say."""
    screening: ReportableScreening | None = None
    refusal: ReportableRefusal | None = None
    """Neither: the film stands no more, because a person decided so."""


def find_standing(session: Session, instance_id: int) -> StandingFilm | None:
    """Return a film with the result or refusal that stands for it.

    Args:
        session: for reading.
        instance_id: any revision of the film.

    Returns:
        None while its newest revision has neither result nor refusal: what was said before still holds.
    """
    film = session.get_one(Instance, instance_id)
    revisions = session.scalars(
        select(Instance)
        .where(Instance.sop_instance_uid == film.sop_instance_uid, Instance.line == film.line)
        .order_by(Instance.revision.desc())
    ).all()
    head = next((revision for revision in revisions if revision.current), None)
    if head is None:
        return _describe(session, revisions[0])
    if head.state not in (FilmState.SCREENED, FilmState.REFUSED):
        return None
    if head.state == FilmState.REFUSED and head.refusal in TECHNICAL:
        head = _find_screened(revisions, head) or head
    return _describe(session, head, is_standing=True)


def _find_screened(revisions: Sequence[Instance], head: Instance) -> Instance | None:
    """Return the newest screened revision before `head`, unless a refusal for another reason displaced it."""
    for revision in revisions:
        if revision.revision >= head.revision:
            continue
        if revision.state == FilmState.SCREENED:
            return revision
        if revision.state == FilmState.REFUSED and revision.refusal not in TECHNICAL:
            return None
    return None


def _describe(session: Session, film: Instance, *, is_standing: bool = False) -> StandingFilm:
    screening = refusal = None
    if is_standing and film.state == FilmState.SCREENED:
        assert film.screening is not None
        screening = outbox.describe(session, film.screening.id)
    elif is_standing and film.refusal in set(Refusal):
        refusal = refusal_outbox.describe(session, film)
    return StandingFilm(
        instance_id=film.id,
        sop_instance_uid=film.sop_instance_uid,
        line=film.line,
        study_id=film.study_id,
        study_instance_uid=film.study.study_instance_uid,
        accession_number=film.study.accession_number,
        patient=reconciliations.find_patient(session, film),
        screening=screening,
        refusal=refusal,
    )
