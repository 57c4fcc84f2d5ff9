"""The history of one film, from its reception to the peers' commitments, read from the tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.delivery import delivery_events, report_objects
from db.tables import (
    Conflict,
    Delivery,
    Hl7Message,
    Instance,
    ReportObject,
    Screening,
    ShadowScreening,
)
from domain.film_key import film_key

SCANNED_AT_ONCE = 10_000
"""Rows per query of a search by film id; a film of yesterday is found by the first query."""


@dataclass(frozen=True)
class FilmEvent:
    """One event of a film. Holds no patient data."""

    at: datetime
    what: str
    details: Mapping[str, str | int | None] = field(default_factory=dict)


@dataclass(frozen=True)
class FilmHistory:
    """One revision of a film and its events."""

    film_key: str
    """SHA-256 of the SOP Instance UID, hexadecimal: its first digits are `film` in the logs."""
    sop_instance_uid: str
    revision: int
    state: str
    happenings: Sequence[FilmEvent]
    """Oldest first."""


def find_by_uid(session: Session, sop_instance_uid: str) -> str | None:
    """Return the SOP Instance UID of a film, given its own or that of a report on it; None for neither."""
    if session.scalar(select(Instance.id).where(Instance.sop_instance_uid == sop_instance_uid).limit(1)):
        report = session.get(ReportObject, sop_instance_uid)  # our report, sent back to us, is a film too
        if report is None:
            return sop_instance_uid
    return report_objects.find_films(session, [sop_instance_uid]).get(sop_instance_uid)


def find_by_id(session: Session, film_id: str) -> list[str]:
    """Return the SOP Instance UIDs of the films whose key begins with `film_id`; several if it is too short.

    Keys are not stored: they are computed from the UIDs, newest first and a batch at a time, until a batch
    has a match.

    Args:
        session: for reading.
        film_id: hexadecimal digits, as the logs show them.
    """
    before: int | None = None
    while True:
        query = select(Instance.id, Instance.sop_instance_uid).order_by(Instance.id.desc())
        if before is not None:
            query = query.where(Instance.id < before)
        rows = session.execute(query.limit(SCANNED_AT_ONCE)).all()
        found = {row.sop_instance_uid for row in rows if film_key(row.sop_instance_uid).startswith(film_id)}
        if found or not rows:
            return sorted(found)
        before = rows[-1].id


def tell(session: Session, sop_instance_uid: str) -> list[FilmHistory]:
    """Return the history of each revision of a film, oldest first."""
    films = session.scalars(
        select(Instance).where(Instance.sop_instance_uid == sop_instance_uid).order_by(Instance.revision)
    ).all()
    return [
        FilmHistory(
            film_key(film.sop_instance_uid),
            film.sop_instance_uid,
            film.revision,
            film.state,
            sorted(_list_happenings(session, film), key=lambda event: event.at),
        )
        for film in films
    ]


def _list_happenings(session: Session, film: Instance) -> Iterator[FilmEvent]:
    yield FilmEvent(film.requested_at, "offered", {"sender": film.calling_ae_title})
    yield FilmEvent(film.received_at, "received", {"gateway": film.gateway, "bytes": film.byte_size})
    if film.prepared_at is not None:
        yield FilmEvent(film.prepared_at, "prepared", {"attempts": film.preparation_attempts or None})
    if film.queued_at is not None:
        yield FilmEvent(film.queued_at, "queued", {"bundle": (film.bundle_digest or "")[:12] or None})
    if film.refusal is not None:
        why = {"refusal": film.refusal, "why": film.refusal_detail}
        yield FilmEvent(film.state_changed_at, "refused", why)
    yield from _list_conflicts(session, film)
    yield from _list_results(session, film)
    yield from _list_messages(session, film)
    made_of = ReportObject.instance_id == film.id
    if film.screening is not None:
        made_of |= ReportObject.screening_id == film.screening.id
    reports = select(ReportObject.sop_instance_uid, ReportObject.kind, ReportObject.created_at)
    for report in session.execute(reports.where(made_of)).all():
        yield FilmEvent(report.created_at, "report built", {"kind": report.kind})
        deliveries = select(Delivery).where(Delivery.sop_instance_uid == report.sop_instance_uid)
        for delivery in session.scalars(deliveries).all():
            yield from _list_delivery(session, delivery, report.kind)


def _list_messages(session: Session, film: Instance) -> Iterator[FilmEvent]:
    for message in session.scalars(select(Hl7Message).where(Hl7Message.instance_id == film.id)).all():
        details: dict[str, str | int | None] = {"kind": message.kind, "receiver": message.receiver}
        details |= {"message": message.id, "control_id": message.control_id}
        yield FilmEvent(message.created_at, "HL7 message made", details)
        if message.delivered_at is not None:
            yield FilmEvent(message.delivered_at, "HL7 message delivered", details)


def _list_conflicts(session: Session, film: Instance) -> Iterator[FilmEvent]:
    of_film = (Conflict.line == film.line) | (Conflict.standing_line == film.line)
    found = select(Conflict).where(Conflict.sop_instance_uid == film.sop_instance_uid, of_film)
    for conflict in session.scalars(found).all():
        yield FilmEvent(conflict.opened_at, "conflict", {"number": conflict.id})
        if conflict.resolved_at is not None:
            decided = {"number": conflict.id, "decision": conflict.decision, "by": conflict.resolved_by}
            yield FilmEvent(conflict.resolved_at, "conflict decided", decided)


def _list_results(session: Session, film: Instance) -> Iterator[FilmEvent]:
    screening: Screening | None = film.screening
    if screening is not None:
        by: dict[str, str | int | None] = {
            "worker": screening.worker,
            "bundle": screening.bundle_digest[:12],
        }
        if screening.runtime is not None:
            by |= {"runtime": f"{screening.runtime} {screening.precision}"}
        yield FilmEvent(screening.started_at, "prediction began", by)
        attempt = film.screening_attempts
        yield FilmEvent(screening.finished_at, "screened", {"finding": screening.finding, "attempt": attempt})
    shadows = select(ShadowScreening).where(ShadowScreening.instance_id == film.id)
    for shadow in session.scalars(shadows).all():
        by = {"worker": shadow.worker, "bundle": shadow.bundle_digest[:12]}
        ended = "" if shadow.finished_at is not None else ", without an end"
        yield FilmEvent(shadow.finished_at or shadow.started_at, f"scored in the shadow{ended}", by)


def _list_delivery(session: Session, delivery: Delivery, kind: str) -> Iterator[FilmEvent]:
    for event in delivery_events.list_events(session, delivery.id):
        details: dict[str, str | int | None] = {"kind": kind, "peer": delivery.peer}
        details |= {"delivery": delivery.id, "why": event.detail}
        yield FilmEvent(event.happened_at, event.event, details)
