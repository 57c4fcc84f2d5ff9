"""Revisions: films under one SOP Instance UID for one patient and study, and the one of them that stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from db.patients import conflicts, film_notices, reconciliations
from db.states import FilmState
from db.tables import Instance, Study
from db.worklist import studies
from db.worklist.studies import WAITING
from domain.codes import FAILURES, Notice, Refusal

# Statements of each film are made once: making one costs as much as running it.
_LINE: Final = (
    select(Instance)
    .where(Instance.sop_instance_uid == bindparam("uid"), Instance.line == bindparam("number"))
    .order_by(Instance.revision.desc())
)
_SAME: Final = (
    select(Instance)
    .where(
        Instance.sop_instance_uid == bindparam("uid"),
        Instance.line == bindparam("number"),
        Instance.id != bindparam("self"),
        Instance.content_digest == bindparam("says"),
        Instance.state.in_([FilmState.QUEUED, FilmState.SCREENED]),
    )
    .order_by(Instance.revision)
    .limit(1)
)

_NEWER: Final = (
    select(Instance.id)
    .where(
        Instance.sop_instance_uid == bindparam("uid"),
        Instance.line == bindparam("number"),
        Instance.revision > bindparam("revision"),
        Instance.current,
        Instance.state_changed_at < bindparam("moment"),
    )
    .limit(1)
)


def settle(session: Session, film: Instance) -> Instance | None:
    """Decide which revision of a film's line stands, and derive the place of its study.

    The newest revision that was screened or refused for what it shows stands; without any, the newest that
    waits, else the newest that failed. So a result stands until a newer revision has one, and a technical
    failure displaces none: it is a notice of the film that stands.

    Args:
        session: one that writes, with the study of the film locked.
        film: one of the revisions.

    Returns:
        The revision that stands; None for a line of which a person decided that it stands no more.
    """
    revisions = session.scalars(_LINE, {"uid": film.sop_instance_uid, "number": film.line}).all()
    before = next((revision for revision in revisions if revision.current), None)
    if before is None:
        studies.refresh(session, film.study_id)
        return None
    standing = _choose(revisions)
    for revision in revisions:
        revision.current = revision is standing
        conflicts.mark(revision, (), (Notice.REVISION_FAILED,))
    if _has_failed(revisions, standing):
        conflicts.mark(standing, (Notice.REVISION_FAILED,))
    session.flush()
    if standing is not before:
        study = session.get_one(Study, standing.study_id)
        film_notices.follow_correction(
            session, study, standing, reconciliations.find_patient(session, standing)
        )
    for study_id in sorted({revision.study_id for revision in revisions}):
        studies.refresh(session, study_id)
    return standing


def is_overtaken(session: Session, film: Instance) -> bool:
    """True for a film that was screened after a newer revision, which stands, got its result or refusal."""
    if film.current:
        return False
    named = {
        "uid": film.sop_instance_uid,
        "number": film.line,
        "revision": film.revision,
        "moment": film.state_changed_at,
    }
    return session.scalar(_NEWER, named) is not None


def is_failure(film: Instance) -> bool:
    """True for a film that could not be screened for a technical reason."""
    return film.state == FilmState.REFUSED and film.refusal in FAILURES


def find_same(session: Session, film: Instance) -> Instance | None:
    """Return another revision that is the same film in another encoding, screened or waiting at a worker."""
    if film.content_digest is None:
        return None
    named = {"uid": film.sop_instance_uid, "number": film.line, "self": film.id, "says": film.content_digest}
    return session.scalar(_SAME, named)


def _choose(revisions: Sequence[Instance]) -> Instance:
    """Return the revision that stands, of all revisions, newest first."""
    return min(revisions, key=_rank)


def _rank(film: Instance) -> int:
    if film.state in WAITING:
        return 1
    if film.state == FilmState.SCREENED:
        return 0
    if film.refusal == Refusal.SAME_FILM:
        return 3
    return 2 if is_failure(film) or film.refusal == Refusal.OWN_OUTPUT else 0


def _has_failed(revisions: Sequence[Instance], standing: Instance) -> bool:
    """True when the newest revision after the one that stands, apart from those that wait, is a failure."""
    done = [film for film in revisions if film.state not in WAITING and film.revision > standing.revision]
    return bool(done) and is_failure(done[0]) and not is_failure(standing)
