"""The decision on a conflict: both films stand, one of them, or one for the patient of the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.clock import now
from db.hl7 import hl7_outbox
from db.patients import conflicts, film_notices, patient_changes, reconciliations
from db.patients.conflicts import ConflictEntry
from db.patients.patient_changes import Author
from db.states import CONFLICT, ConflictState
from db.tables import Conflict, Instance, Study
from db.worklist import studies
from domain.codes import ConflictDecision, Notice
from domain.errors import PermanentError


class ConflictError(PermanentError):
    """The conflict cannot be decided as it was asked for; the text says why. Permanent."""


@dataclass(frozen=True)
class Resolution:
    """A decided conflict. Holds patient data: show it, never log it."""

    conflict: ConflictEntry
    decision: ConflictDecision
    study_instance_uids: Sequence[str]
    """The studies of both films before the decision."""
    patient_ids: Sequence[str]


def resolve(session: Session, number: int, decision: ConflictDecision, author: Author) -> Resolution:
    """Decide a conflict. Results and reports that were sent stay as they are.

    Args:
        session: one that writes.
        number: the conflict.
        decision: see `ConflictDecision`.
        author: the user who decides.

    Raises:
        ConflictError: when the conflict is unknown or decided, or when one of its films stands no more.
    """
    conflict = session.get(Conflict, number, with_for_update=True, populate_existing=True)
    if conflict is None:
        raise ConflictError(f"there is no conflict {number}: 'tbscreen patients conflicts' shows all")
    if conflict.state != ConflictState.OPEN:
        raise ConflictError(f"conflict {number} is decided already: {conflict.decision}")
    before = conflicts.describe(session, conflict)
    standing, newcomer = _lock_films(session, conflict)
    if decision is not ConflictDecision.BOTH and (standing is None or newcomer is None):
        raise ConflictError(f"a film of conflict {number} stands no more: decide 'both'")
    CONFLICT.move(
        session,
        conflict,
        ConflictState.RESOLVED,
        decision=decision.value,
        resolved_at=now(),
        resolved_by=author.user,
        reason=author.reason or None,
    )
    sides = [film for film in (standing, newcomer) if film is not None]
    for film in sides:
        _unmark(session, film)
        hl7_outbox.want(session, film.id)
    if standing is not None and newcomer is not None:
        _apply(session, decision, standing, newcomer, author)
    for study_id in {film.study_id for film in sides}:
        studies.refresh(session, study_id)
    films = [film for film in (before.standing, before.newcomer) if film is not None]
    return Resolution(
        before,
        decision,
        sorted({film.study_instance_uid for film in films}),
        sorted({film.patient.patient_id or "" for film in films}),
    )


def accept_proposed(session: Session, author: Author, limit: int) -> list[Resolution]:
    """Accept up to `limit` proposed merges, oldest first.

    One of which a film stands no more, since another conflict on it was decided, is left for a person.
    """
    proposed = session.scalars(
        select(Conflict.id)
        .where(Conflict.state == ConflictState.OPEN.value, Conflict.proposed)
        .order_by(Conflict.id)
    ).all()
    decidable = (number for number in proposed if _stands(session, session.get_one(Conflict, number)))
    return [resolve(session, number, ConflictDecision.MERGE, author) for number in islice(decidable, limit)]


def _stands(session: Session, conflict: Conflict) -> bool:
    """True when a film stands in both lines."""
    uid = conflict.sop_instance_uid
    lines = conflict.standing_line, conflict.line
    return all(conflicts.find_head(session, uid, line) is not None for line in lines)


def _lock_films(session: Session, conflict: Conflict) -> tuple[Instance | None, Instance | None]:
    """Return the films that stand in both lines, with their studies and then themselves locked."""
    uid, lines = conflict.sop_instance_uid, (conflict.standing_line, conflict.line)
    studies_of = [head.study_id for line in lines if (head := conflicts.find_head(session, uid, line))]
    session.execute(
        select(Study.id).where(Study.id.in_(studies_of)).order_by(Study.id).with_for_update()
    ).all()
    session.expire_all()
    standing, newcomer = (conflicts.find_head(session, uid, line) for line in lines)
    return standing, newcomer


def _apply(
    session: Session, decision: ConflictDecision, standing: Instance, newcomer: Instance, author: Author
) -> None:
    if decision is ConflictDecision.NEWER:
        _supersede(session, kept=newcomer, lost=standing)
    elif decision is ConflictDecision.OLDER:
        _supersede(session, kept=standing, lost=newcomer)
    elif decision is ConflictDecision.MERGE:
        _merge(session, standing, newcomer, author)


def _supersede(session: Session, kept: Instance, lost: Instance) -> None:
    lost.current = False
    session.flush()
    study, other = session.get_one(Study, kept.study_id), session.get_one(Study, lost.study_id)
    film_notices.derive_patient(session, study)
    if other.id != study.id:
        film_notices.derive_patient(session, other)
        patient_changes.close_study(session, other, study)


def _merge(session: Session, standing: Instance, newcomer: Instance, author: Author) -> None:
    """Keep the standing film with its result, for the patient and study of the newcomer."""
    study, target = session.get_one(Study, standing.study_id), session.get_one(Study, newcomer.study_id)
    patient = reconciliations.find_patient(session, newcomer)
    newcomer.current = False
    session.flush()
    if study.id == target.id:
        patient_changes.give_study(session, study, patient, author)
    else:
        patient_changes.give_film(session, standing, study, target, author)
    for row in {study.id: study, target.id: target}.values():
        film_notices.derive_patient(session, row)
    patient_changes.close_study(session, study, target)


def _unmark(session: Session, film: Instance) -> None:
    """Remove the notices of a film that is in no open conflict any more."""
    others = conflicts.list_open(session, film.sop_instance_uid)
    if not any(film.line in (other.line, other.standing_line) for other in others):
        conflicts.mark(film, (), (Notice.CONFLICT, Notice.PROPOSED_MERGE))
        session.flush()
