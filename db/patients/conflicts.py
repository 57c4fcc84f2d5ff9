"""Conflicts: films of different patients or studies under one SOP Instance UID, until a person decides.

Both films stand meanwhile, each in its own study with its own result, and both carry a notice.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, literal_column, select
from sqlalchemy.orm import Session

from db.clock import now
from db.entries import make_entry
from db.states import ConflictState
from db.tables import Conflict, Instance, Screening, Study
from db.worklist import studies
from domain.codes import Notice
from domain.patient_identity import Patient, read_patient


@dataclass(frozen=True)
class ConflictingFilm:
    """One side of a conflict. Holds patient data: show it, never log it."""

    instance_id: int
    study_instance_uid: str
    patient: Patient
    state: str
    refusal: str | None
    finding: str | None
    priority: str | None
    probability: float | None
    calling_ae_title: str
    received_at: datetime


@dataclass(frozen=True)
class ConflictEntry:
    """One conflict with its films. Holds patient data: show it, never log it."""

    id: int
    sop_instance_uid: str
    differences: Sequence[str]
    proposed: bool
    """True for an archive's merge: the same pixels for another patient."""
    state: str
    opened_at: datetime
    decision: str | None
    resolved_at: datetime | None
    resolved_by: str | None
    reason: str | None
    standing: ConflictingFilm | None
    """The film that was there; None where no film of its line stands any more."""
    newcomer: ConflictingFilm | None
    """The film that came."""


def open_conflict(
    session: Session, standing: Instance, newcomer: Instance, differences: Sequence[str]
) -> None:
    """Record that a film of another patient or study came under the UID of a film that stands."""
    session.add(
        Conflict(
            sop_instance_uid=newcomer.sop_instance_uid,
            standing_line=standing.line,
            line=newcomer.line,
            differences=studies.join_values(differences),
            state=ConflictState.OPEN.value,
            opened_at=now(),
        )
    )
    for film in (standing, newcomer):
        mark(film, {Notice.CONFLICT})


def propose_merge(session: Session, film: Instance, *, from_archive: bool) -> None:
    """Propose a merge where an archive sent the pixels of the standing film for another patient or study."""
    for conflict in list_open(session, film.sop_instance_uid):
        if film.line != conflict.line:
            continue
        standing = find_head(session, film.sop_instance_uid, conflict.standing_line)
        conflict.proposed = (
            from_archive
            and standing is not None
            and film.pixel_digest is not None
            and standing.pixel_digest == film.pixel_digest
        )
        notice = Notice.PROPOSED_MERGE if conflict.proposed else Notice.CONFLICT
        for side in (standing, film):
            if side is not None:
                mark(side, {notice}, {Notice.CONFLICT, Notice.PROPOSED_MERGE})
                studies.refresh(session, side.study_id)


def carry_notice(session: Session, film: Instance) -> None:
    """Mark a revision of a film in an open conflict; its pixels are compared when it is prepared."""
    for conflict in list_open(session, film.sop_instance_uid):
        if film.line in (conflict.line, conflict.standing_line):
            conflict.proposed = False
            mark(film, {Notice.CONFLICT})


def mark(film: Instance, added: Collection[Notice], removed: Collection[Notice] = ()) -> None:
    """Add and remove notices of a film."""
    notices = set(studies.split_values(film.notices)) - {notice.value for notice in removed}
    film.notices = studies.join_values(notices | {notice.value for notice in added}) or None


def list_open(session: Session, sop_instance_uid: str) -> Sequence[Conflict]:
    """Return the open conflicts under a SOP Instance UID."""
    return session.scalars(
        select(Conflict)
        .where(Conflict.sop_instance_uid == sop_instance_uid, Conflict.state == ConflictState.OPEN.value)
        .order_by(Conflict.id)
    ).all()


def find_head(session: Session, sop_instance_uid: str, line: int) -> Instance | None:
    """Return the current film of a line."""
    return session.scalar(
        select(Instance).where(
            Instance.sop_instance_uid == sop_instance_uid, Instance.line == line, Instance.current
        )
    )


def find_next_line(session: Session, sop_instance_uid: str) -> int:
    """Return the number of the next line under a SOP Instance UID."""
    lines = (
        select(func.max(Instance.line)).where(Instance.sop_instance_uid == sop_instance_uid),
        select(func.max(Conflict.line)).where(Conflict.sop_instance_uid == sop_instance_uid),
    )
    return 1 + max(session.scalar(query) or 0 for query in lines)


def is_open() -> ColumnElement[bool]:
    """Return the condition of open conflicts: a literal, by which SQLite finds the partial index."""
    return Conflict.state == literal_column(f"'{ConflictState.OPEN.value}'")


def count_open(session: Session) -> dict[str, int]:
    """Return the number of open conflicts by notice: `conflict` and `proposed_merge`."""
    rows = session.execute(
        select(Conflict.proposed, func.count()).where(is_open()).group_by(Conflict.proposed)
    )
    counted = {bool(proposed): count for proposed, count in rows}
    return {
        Notice.CONFLICT.value: counted.get(False, 0),
        Notice.PROPOSED_MERGE.value: counted.get(True, 0),
    }


def list_conflicts(
    session: Session, *, resolved: bool = False, proposed: bool | None = None, limit: int = 100
) -> list[ConflictEntry]:
    """Return conflicts with their films: open ones, oldest first, or resolved ones, newest first."""
    query = select(Conflict).limit(limit)
    if proposed is not None:
        query = query.where(Conflict.proposed.is_(proposed))
    if resolved:
        query = query.where(Conflict.state != ConflictState.OPEN.value).order_by(Conflict.id.desc())
    else:
        query = query.where(is_open()).order_by(Conflict.id)
    return [describe(session, conflict) for conflict in session.scalars(query)]


def describe(session: Session, conflict: Conflict) -> ConflictEntry:
    """Return a conflict with its films."""
    sides = (
        _describe_film(session, find_head(session, conflict.sop_instance_uid, line))
        for line in (conflict.standing_line, conflict.line)
    )
    standing, newcomer = sides
    return make_entry(
        ConflictEntry,
        conflict,
        differences=studies.split_values(conflict.differences),
        standing=standing,
        newcomer=newcomer,
    )


def _describe_film(session: Session, film: Instance | None) -> ConflictingFilm | None:
    if film is None:
        return None
    study = session.get_one(Study, film.study_id)
    screening: Screening | None = film.screening
    return make_entry(
        ConflictingFilm,
        film,
        instance_id=film.id,
        study_instance_uid=study.study_instance_uid,
        patient=read_patient(film.header),
        finding=None if screening is None else screening.finding,
        priority=None if screening is None else screening.priority,
        probability=None if screening is None else screening.probability,
    )
