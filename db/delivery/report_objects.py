"""The DICOM objects that tbscreen made, as the bytes that are sent."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from db.clock import now
from db.states import DeliveryState
from db.tables import Delivery, Instance, ReportObject, Screening
from domain.codes import ReportKind


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

    Harmless when done twice: object and deliveries keep what the first time wrote.

    Args:
        session: for writing.
        report: the object.
        peers: who gets it.
        screening_id: what it was made of; or
        instance_id: the refused film that it was made of.
    """
    if session.get(ReportObject, report.sop_instance_uid) is None:
        session.add(
            ReportObject(
                sop_instance_uid=report.sop_instance_uid,
                screening_id=screening_id,
                instance_id=instance_id,
                sop_class_uid=report.sop_class_uid,
                kind=report.kind,
                created_at=now(),
                part10=report.part10,
            )
        )
        session.flush()
    known = set(
        session.scalars(select(Delivery.peer).where(Delivery.sop_instance_uid == report.sop_instance_uid))
    )
    for peer in peers:
        if peer not in known:
            session.add(
                Delivery(
                    sop_instance_uid=report.sop_instance_uid,
                    peer=peer,
                    state=DeliveryState.PENDING.value,
                    due_at=now(),
                    created_at=now(),
                )
            )


@dataclass(frozen=True)
class StoredObject:
    """An object, and the film that it is about. Holds patient data: show it, never log it."""

    sop_instance_uid: str
    sop_class_uid: str
    kind: str
    created_at: datetime
    study_instance_uid: str
    accession_number: str | None
    film_sop_instance_uid: str
    part10: bytes


def find_object(session: Session, sop_instance_uid: str) -> StoredObject | None:
    """Return one object."""
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
    return StoredObject(
        stored.sop_instance_uid,
        stored.sop_class_uid,
        stored.kind,
        stored.created_at,
        instance.study.study_instance_uid,
        instance.study.accession_number,
        instance.sop_instance_uid,
        stored.part10,
    )


def find_films(session: Session, sop_instance_uids: Collection[str]) -> dict[str, str]:
    """Return, by the SOP Instance UIDs of objects, those of the films that they are about."""
    rows = session.execute(
        select(ReportObject.sop_instance_uid, Instance.sop_instance_uid)
        .outerjoin(Screening, Screening.id == ReportObject.screening_id)
        .join(Instance, Instance.id == func.coalesce(Screening.instance_id, ReportObject.instance_id))
        .where(ReportObject.sop_instance_uid.in_(list(sop_instance_uids)))
    )
    return dict(rows.tuples().all())


def find_predecessor(session: Session, instance: Instance) -> bytes | None:
    """Return the newest SR on the same film, be it a report or a refusal, that a new one supersedes.

    That is what was said of an earlier revision, or of this one before it was tried again.
    """
    revisions = dict(
        session.execute(
            select(Instance.id, Instance.revision).where(
                Instance.sop_instance_uid == instance.sop_instance_uid,
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
        # A report of this very revision is not its own predecessor: it is built once more.
        if film != instance.id or row.screening_id is None:
            earlier.append((revisions[film], row.created_at, row.sop_instance_uid))
    if not earlier:
        return None
    return session.get_one(ReportObject, max(earlier)[2]).part10
