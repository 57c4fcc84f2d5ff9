"""Reception of films: one row for the same bytes, a revision or a conflict for others."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import Table, bindparam, exists, func, insert, literal, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.clock import now
from db.database import is_sqlite
from db.films import films, revisions
from db.patients import conflicts, film_lines, film_notices, reconciliations
from db.states import FilmState
from db.tables import Instance, Study
from db.worklist import studies

INSTANCES: Final = cast(Table, Instance.__table__)
_ADD: Final = insert(INSTANCES).returning(INSTANCES.c.id)
_KNOWN: Final = select(literal(1)).where(
    or_(
        exists().where(Study.study_instance_uid == bindparam("study")),
        exists().where(Instance.sop_instance_uid == bindparam("film")),
    )
)

OVERDUE: Final = timedelta(minutes=5)
"""A film that has been due for longer may be taken over by another gateway."""

ATTEMPTS: Final = 20
"""Films under one UID that may come at the same time for different studies."""

UIDS_PER_QUERY: Final = 500


@dataclass(frozen=True)
class ReceivedFilm:
    """An instance as its gateway received it into the spool."""

    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    dataset_sha256: str
    series_instance_uid: str | None
    calling_ae_title: str
    gateway: str
    spool_path: str
    byte_size: int
    requested_at: datetime
    study: studies.StudyHeader
    modality: str | None = None
    body_part: str | None = None
    view_position: str | None = None
    age_years: int | None = None
    station_name: str | None = None
    institution_name: str | None = None
    urgent: bool = False
    """True when it is processed before others."""
    header: dict[str, Any] = field(default_factory=dict)
    """DICOM JSON model (PS3.18 F.2) of the dataset without pixels."""


@dataclass(frozen=True)
class Reception:
    """The outcome of a reception: the row of the film, and what to do with its file."""

    instance_id: int
    revision: int
    new: bool
    """False when the same bytes were received before."""
    file_wanted: bool
    """False when another gateway holds the file, or the film is done and its file deleted."""
    conflict: bool = False
    """True for a film of another patient or study than the film that stands under its SOP Instance UID."""


def find_revision(
    session: Session, sop_instance_uid: str, dataset_sha256: str, gateway: str
) -> Reception | None:
    """Return the reception of exactly these bytes, as `gateway` has to treat it, or None if they are new."""
    instance = session.scalar(
        select(Instance).where(
            Instance.sop_instance_uid == sop_instance_uid,
            Instance.dataset_sha256 == dataset_sha256,
        )
    )
    return None if instance is None else _see_as(instance, gateway)


def find_missing(
    session: Session, sop_instance_uids: Sequence[str], study_instance_uid: str, senders: Collection[str]
) -> set[str]:
    """Return those of these films that are not here.

    A film of another study under such a UID is not the film that the peer lists, unless the peer sent it.

    Args:
        session: for reading.
        sop_instance_uids: the films that a peer lists.
        study_instance_uid: the study in which the peer lists them.
        senders: AE titles of the peer.
    """
    received: set[str] = set()
    for start in range(0, len(sop_instance_uids), UIDS_PER_QUERY):
        part = sop_instance_uids[start : start + UIDS_PER_QUERY]
        received.update(
            session.scalars(
                select(Instance.sop_instance_uid)
                .join(Study, Study.id == Instance.study_id)
                .where(
                    Instance.sop_instance_uid.in_(part),
                    or_(
                        Study.study_instance_uid == study_instance_uid, Instance.calling_ae_title.in_(senders)
                    ),
                )
            )
        )
    return set(sop_instance_uids) - received


def count_waiting(session: Session, gateway: str, most: int) -> int:
    """Return the number of a gateway's films that wait to be screened, at most `most`."""
    waiting = (
        select(Instance.id)
        .where(Instance.gateway == gateway, Instance.state.in_([FilmState.RECEIVED, FilmState.QUEUED]))
        .limit(most)
    )
    return session.scalar(select(func.count()).select_from(waiting.subquery())) or 0


def _see_as(instance: Instance, gateway: str) -> Reception:
    """Return the reception of a known film as `gateway` has to treat it."""
    file_wanted = instance.spool_path is not None and instance.gateway == gateway
    return Reception(instance.id, instance.revision, new=False, file_wanted=file_wanted)


def record_reception(session: Session, film: ReceivedFilm, attempts: int = ATTEMPTS) -> Reception:
    """Write the one row of a received film.

    The same bytes have one row. Other bytes under the same SOP Instance UID, for the same patient and study,
    are a correction: a new revision, which replaces the previous one on the worklist as soon as it has a
    result (`revisions.settle`). For another patient or study they are a conflict: both films stand.

    Args:
        session: one that writes.
        film: the film.
        attempts: how often a film that came at the same time under the same UID may go first.
    """
    header = reconciliations.follow(session, film.sop_instance_uid, film.study)
    first = _record_first(session, film, header)
    if first is not None:
        return first
    study = studies.open_study(session, header)
    earlier = session.scalars(
        select(Instance)
        .where(Instance.sop_instance_uid == film.sop_instance_uid)
        .order_by(Instance.revision.desc())
        .execution_options(populate_existing=True)
    ).all()
    for revision in earlier:
        if revision.dataset_sha256 == film.dataset_sha256:
            return _take_over(session, _see_as(revision, film.gateway), film)
    line = film_lines.find_line(session, earlier, study, header.patient)
    standing = None if line.standing is None else films.lock_film(session, line.standing.id)
    instance = Instance(
        **_list_values(film),
        study_id=study.id,
        revision=earlier[0].revision + 1 if earlier else 1,
        line=line.number,
        current=not any(before.current for before in line.revisions),
    )
    try:
        with session.begin_nested():
            film_notices.write_notice(instance, study, header.patient)
            session.add(instance)
            session.flush()
    except IntegrityError:
        # Another process stored a film under this UID between the query and the insert: the same film, or for
        # another study, which has a lock of its own.
        if not attempts:
            raise
        return record_reception(session, film, attempts - 1)
    if standing is not None:
        conflicts.open_conflict(session, standing, instance, line.differences)
    elif line.revisions:
        conflicts.carry_notice(session, instance)
        revisions.settle(session, instance)
    for before in earlier:
        if before.study_id != study.id:
            studies.refresh(session, before.study_id)
    studies.refresh_locked(session, study)
    return Reception(
        instance.id, instance.revision, new=True, file_wanted=True, conflict=standing is not None
    )


def _record_first(session: Session, film: ReceivedFilm, header: studies.StudyHeader) -> Reception | None:
    """Write the first film of a new study, as most are; None where the study or the film's UID is known.

    It has no earlier film to be compared with, so that it takes a third of the statements.
    """
    named = {"study": header.study_instance_uid, "film": film.sop_instance_uid}
    if session.execute(_KNOWN, named).first() is not None:
        return None
    try:
        with nullcontext() if is_sqlite(session) else session.begin_nested():
            values = {
                **_list_values(film),
                "study_id": studies.add_study(session, header, film),
                "revision": 1,
                "line": 0,
                "current": True,
            }
            added = session.execute(_ADD, values)
    except IntegrityError:  # another process was first
        return None
    return Reception(added.scalar_one(), 1, new=True, file_wanted=True)


def _list_values(film: ReceivedFilm) -> dict[str, Any]:
    """Return the columns of a received film, apart from its place among others."""
    moment = now()
    return {
        **{name: value for name, value in vars(film).items() if name != "study"},
        "state": FilmState.RECEIVED,
        "doubts": [],
        "due_at": moment,
        "received_at": moment,
        "state_changed_at": moment,
    }


def _take_over(session: Session, known: Reception, film: ReceivedFilm) -> Reception:
    """Take over a film that is sent again, if the gateway that holds it is long overdue with it.

    That gateway may be gone for good. If it is only busy, nothing is lost: it has not leased the film, and
    sweeps its own file as one that no row names.
    """
    if known.file_wanted:
        return known
    instance = films.lock_film(session, known.instance_id)
    if (
        instance is None
        or instance.gateway == film.gateway
        or instance.state not in (FilmState.RECEIVED, FilmState.QUEUED)
        or instance.due_at > now() - OVERDUE
    ):
        return known
    instance.gateway, instance.spool_path = film.gateway, film.spool_path
    instance.byte_size = film.byte_size
    instance.due_at = now()
    return replace(known, file_wanted=True)
