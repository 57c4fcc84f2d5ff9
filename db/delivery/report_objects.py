"""The DICOM objects that tbscreen made, stored as the bytes that are sent."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from sqlalchemy import Table, bindparam, func, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, joinedload

from db.clock import now
from db.database import is_sqlite
from db.entries import make_entry
from db.states import DeliveryState
from db.tables import Delivery, Instance, ReportObject, Screening
from domain.codes import ReportKind

OBJECTS: Final = cast(Table, ReportObject.__table__)

# Statements of each film are made once: making one costs as much as running it.
_STORE: Final = {
    kind.__name__.endswith("sqlite"): kind.insert(OBJECTS)
    .on_conflict_do_nothing(index_elements=["sop_instance_uid"])
    .returning(OBJECTS.c.sop_instance_uid)
    for kind in (sqlite, postgresql)
}
"""INSERT of an object unless it is stored, for SQLite (True) and PostgreSQL (False)."""
_KNOWN: Final = select(ReportObject.sop_instance_uid).where(
    ReportObject.sop_instance_uid.in_(bindparam("uids", expanding=True))
)
_FILMS: Final = (
    select(ReportObject.sop_instance_uid, Instance.sop_instance_uid)
    .outerjoin(Screening, Screening.id == ReportObject.screening_id)
    .join(Instance, Instance.id == func.coalesce(Screening.instance_id, ReportObject.instance_id))
    .where(ReportObject.sop_instance_uid.in_(bindparam("uids", expanding=True)))
)
_REFUSED: Final = select(ReportObject.instance_id).where(
    ReportObject.instance_id.in_(bindparam("films", expanding=True))
)
_BUILT: Final = select(ReportObject).where(
    ReportObject.screening_id.in_(bindparam("screenings", expanding=True))
)
_DELIVER: Final = insert(cast(Table, Delivery.__table__))


@dataclass(frozen=True)
class BuiltReport:
    """One DICOM object, ready to be stored and sent."""

    sop_instance_uid: str
    sop_class_uid: str
    kind: str
    part10: bytes


def store(
    session: Session,
    report: BuiltReport,
    peers: Sequence[str],
    *,
    screening_id: int | None = None,
    instance_id: int | None = None,
) -> None:
    """Store an object and make one delivery for each peer.

    A second call changes nothing: object and deliveries are kept as they are.

    Args:
        session: for writing.
        report: the object.
        peers: names of the peers that it is sent to.
        screening_id: the screening that it was made from; or
        instance_id: the refused film that it was made from.
    """
    moment = now()
    values = {**vars(report), "screening_id": screening_id, "instance_id": instance_id, "created_at": moment}
    known: set[str] = set()
    if session.execute(_STORE[is_sqlite(session)], values).first() is None:  # stored before
        sent = select(Delivery.peer).where(Delivery.sop_instance_uid == report.sop_instance_uid)
        known = set(session.scalars(sent))
    pending = {
        "sop_instance_uid": report.sop_instance_uid,
        "state": DeliveryState.PENDING.value,
        "due_at": moment,
        "created_at": moment,
    }
    wanted = [{**pending, "peer": peer} for peer in dict.fromkeys(peers) if peer not in known]
    if wanted:
        session.execute(_DELIVER, wanted)


def find_built(session: Session, screening_ids: Collection[int]) -> dict[int, dict[str, BuiltReport]]:
    """Return the objects that are stored of screenings, by screening and kind."""
    built: dict[int, dict[str, BuiltReport]] = {}
    for row in session.scalars(_BUILT, {"screenings": list(screening_ids)}):
        if row.screening_id is not None:
            built.setdefault(row.screening_id, {})[row.kind] = make_entry(BuiltReport, row)
    return built


@dataclass(frozen=True)
class StoredObject:
    """An object with its film. Holds patient data: show it, never log it."""

    sop_instance_uid: str
    sop_class_uid: str
    kind: str
    created_at: datetime
    study_instance_uid: str
    accession_number: str | None
    patient_id: str | None
    film_sop_instance_uid: str
    part10: bytes


def find_object(session: Session, sop_instance_uid: str) -> StoredObject | None:
    """Return the object with this UID, or None."""
    stored = session.get(ReportObject, sop_instance_uid)
    if stored is None:
        return None
    film = select(Instance).options(joinedload(Instance.study))
    if stored.screening_id is None:
        film = film.where(Instance.id == stored.instance_id)
    else:
        film = film.join(Screening, Screening.instance_id == Instance.id).where(
            Screening.id == stored.screening_id
        )
    instance = session.scalars(film).one()
    return make_entry(StoredObject, stored, instance.study, film_sop_instance_uid=instance.sop_instance_uid)


def find_known(session: Session, sop_instance_uids: Collection[str]) -> set[str]:
    """Return those of these UIDs that objects have."""
    return set(session.scalars(_KNOWN, {"uids": list(sop_instance_uids)})) if sop_instance_uids else set()


def list_candidates(session: Session, instance_id: int, limit: int) -> list[bytes]:
    """Return the objects that a received film may be: those under its UID or of its study, newest first."""
    film = session.get_one(Instance, instance_id)
    of_study = (
        select(ReportObject.sop_instance_uid)
        .outerjoin(Screening, Screening.id == ReportObject.screening_id)
        .join(Instance, Instance.id == func.coalesce(Screening.instance_id, ReportObject.instance_id))
        .where(Instance.study_id == film.study_id)
    )
    query = (
        select(ReportObject.part10)
        .where(
            or_(
                ReportObject.sop_instance_uid == film.sop_instance_uid,
                ReportObject.sop_instance_uid.in_(of_study),
            )
        )
        .order_by(
            (ReportObject.sop_instance_uid == film.sop_instance_uid).desc(), ReportObject.created_at.desc()
        )
        .limit(limit)
    )
    return list(session.scalars(query))


def find_films(session: Session, sop_instance_uids: Collection[str]) -> dict[str, str]:
    """Return the SOP Instance UIDs of the objects' films, by those of the objects."""
    rows = session.execute(_FILMS, {"uids": list(sop_instance_uids)})
    return dict(rows.tuples().all())


def find_predecessors(session: Session, films: Sequence[Instance]) -> dict[int, bytes | None]:
    """Return the newest earlier SR of each film that has one (`find_predecessor`), by the film's row."""
    known = set(session.scalars(_REFUSED, {"films": [film.id for film in films]})) if films else set()
    return {
        film.id: find_predecessor(session, film) for film in films if film.revision > 1 or film.id in known
    }


def find_predecessor(session: Session, instance: Instance) -> bytes | None:
    """Return the newest SR on the same film, a report or a refusal, that a new one supersedes.

    It belongs to an earlier revision, or to this one before it was processed again.
    """
    if instance.revision == 1:
        refusals = select(ReportObject.part10).where(
            ReportObject.instance_id == instance.id,
            ReportObject.kind.in_([ReportKind.SR, ReportKind.REFUSAL]),
        )
        newest = refusals.order_by(ReportObject.created_at.desc(), ReportObject.sop_instance_uid.desc())
        return session.scalar(newest.limit(1))
    revisions = dict(
        session.execute(
            select(Instance.id, Instance.revision).where(
                Instance.sop_instance_uid == instance.sop_instance_uid,
                Instance.line == instance.line,
                Instance.revision <= instance.revision,
            )
        )
        .tuples()
        .all()
    )
    screenings = dict(
        session.execute(
            select(Screening.id, Screening.instance_id).where(Screening.instance_id.in_(revisions))
        )
        .tuples()
        .all()
    )
    candidates = session.execute(
        select(
            ReportObject.sop_instance_uid,
            ReportObject.screening_id,
            ReportObject.instance_id,
            ReportObject.created_at,
        ).where(
            ReportObject.kind.in_([ReportKind.SR, ReportKind.REFUSAL]),
            or_(ReportObject.screening_id.in_(screenings), ReportObject.instance_id.in_(revisions)),
        )
    ).all()
    earlier = []
    for row in candidates:
        film = row.instance_id if row.screening_id is None else screenings[row.screening_id]
        # The report of this revision is not its own predecessor when it is built once more.
        if film != instance.id or row.screening_id is None:
            earlier.append((revisions[film], row.created_at, row.sop_instance_uid))
    if not earlier:
        return None
    return session.get_one(ReportObject, max(earlier)[2]).part10
