"""The transactional outbox: screenings that wait to be reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import Table, bindparam, delete, func, select
from sqlalchemy.orm import Session, joinedload

from db.clock import now
from db.database import is_sqlite
from db.delivery import report_objects, unbuilt_reports
from db.entries import make_entry
from db.films import revisions
from db.models import site_thresholds
from db.tables import Instance, OutboxEntry, Rendition, Screening

ENTRIES: Final = cast(Table, OutboxEntry.__table__)

# Statements of each film are made once: making one costs as much as running it.
_DUE: Final = (
    select(OutboxEntry)
    .where(OutboxEntry.due_at <= bindparam("moment"))
    .order_by(OutboxEntry.due_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_IS_DUE: Final = select(OutboxEntry.id).where(OutboxEntry.due_at <= bindparam("moment")).limit(1)
_LOAD: Final = (
    select(Screening)
    .where(Screening.id.in_(bindparam("numbers", expanding=True)))
    .options(joinedload(Screening.instance).undefer(Instance.header), joinedload(Screening.model))
)
_CLOSE: Final = delete(ENTRIES).where(ENTRIES.c.id == bindparam("number"))


@dataclass(frozen=True)
class ReportableScreening:
    """A screening with all values of its report: the film's header, the result, the model."""

    outbox_id: int
    screening_id: int
    attempts: int
    header: dict[str, Any]
    sop_instance_uid: str
    sop_class_uid: str
    dataset_sha256: str
    revision: int
    doubts: Sequence[str]
    manifest: dict[str, Any]
    bundle_digest: str
    operating_point: str
    threshold: float
    score: float
    probability: float
    calibrated_threshold: float
    finding: str
    priority: str
    finished_at: datetime
    predecessor: bytes | None
    """The report or refusal that this one supersedes; DICOM Part 10 bytes."""
    calling_ae_title: str = ""
    station_name: str | None = None
    modality: str | None = None
    observations: Sequence[str] | None = None
    """Properties judged from the pixels and not from the header."""
    overtaken: bool = False
    """True where a newer revision of the film had its result first: nobody gets this one."""


def lease(session: Session, duration: timedelta, limit: int) -> list[ReportableScreening]:
    """Take up to `limit` screenings that are due to be reported, oldest first."""
    moment = now()
    entries = session.scalars(_DUE, {"moment": moment, "most": limit}).all()
    for entry in entries:
        entry.due_at = moment + duration
        entry.attempts += 1
    screenings = _load(session, [entry.screening_id for entry in entries])
    leased = _describe(session, entries, screenings)
    for screening in screenings.values():
        if not screening.instance.current:  # a worker of the version before gives a new result no place
            revisions.settle(session, screening.instance)
    return leased


def has_due(session: Session) -> bool:
    """True when a screening waits to be reported."""
    return session.scalar(_IS_DUE, {"moment": now()}) is not None


def count_failing(session: Session) -> int:
    """Return the number of screenings, parked ones apart, whose report could not be built yet."""
    failing = OutboxEntry.last_error.is_not(None) & OutboxEntry.parked_at.is_(None)
    return session.scalar(select(func.count()).select_from(OutboxEntry).where(failing)) or 0


def is_stored(session: Session, leased: ReportableScreening) -> bool:
    """True unless a leased screening was erased or reported meanwhile: SQLite gives its numbers again."""
    film = (
        select(Instance.sop_instance_uid, Instance.dataset_sha256)
        .join(Screening, Screening.instance_id == Instance.id)
        .join(OutboxEntry, OutboxEntry.screening_id == Screening.id)
        .where(OutboxEntry.id == leased.outbox_id, Screening.id == leased.screening_id)
    )
    return not is_sqlite(session) or session.execute(film).first() == (
        leased.sop_instance_uid,
        leased.dataset_sha256,
    )


def park(session: Session, outbox_id: int, error: str) -> None:
    """Give a screening up whose report cannot be built, until it is replayed."""
    unbuilt_reports.park(session, session.get(OutboxEntry, outbox_id), error)


def close(session: Session, outbox_id: int) -> None:
    """Remove a screening from the outbox after all its objects are stored."""
    session.execute(_CLOSE, {"number": outbox_id})


def find_rendition(session: Session, screening_id: int) -> bytes | None:
    """Return the film of a screening for display: a grey JPEG."""
    return session.scalar(
        select(Rendition.jpeg)
        .join(Screening, Screening.instance_id == Rendition.instance_id)
        .where(Screening.id == screening_id)
    )


def find_transforms(session: Session, screening_id: int) -> dict[str, Any] | None:
    """Return the grey transforms of the film of a screening as JSON, or None where they are not known."""
    return session.scalar(
        select(Rendition.transforms)
        .join(Screening, Screening.instance_id == Rendition.instance_id)
        .where(Screening.id == screening_id)
    )


def postpone(session: Session, outbox_id: int, delay: timedelta, error: str | None) -> None:
    """Make a screening due again after `delay`, and record the error that prevented its report, if any."""
    entry = session.get(OutboxEntry, outbox_id)
    if entry is not None:
        entry.due_at = now() + delay
        entry.last_error = error


def describe(session: Session, screening_id: int) -> ReportableScreening:
    """Return a screening as `lease` does, whether or not it waits in the outbox."""
    entry = OutboxEntry(id=0, screening_id=screening_id, attempts=0)
    (described,) = _describe(session, [entry], _load(session, [screening_id]))
    return described


def _load(session: Session, screening_ids: Sequence[int]) -> dict[int, Screening]:
    """Return screenings with their films and bundles, by one query."""
    if not screening_ids:
        return {}
    return {screening.id: screening for screening in session.scalars(_LOAD, {"numbers": screening_ids})}


def _describe(
    session: Session, entries: Sequence[OutboxEntry], screenings: Mapping[int, Screening]
) -> list[ReportableScreening]:
    films = [screenings[entry.screening_id].instance for entry in entries]
    predecessors = report_objects.find_predecessors(session, films)
    return [
        make_entry(
            ReportableScreening,
            entry,
            screenings[entry.screening_id],
            film,
            outbox_id=entry.id,
            manifest=site_thresholds.read_manifest(session, screenings[entry.screening_id]),
            predecessor=predecessors.get(film.id),
            overtaken=revisions.is_overtaken(session, film),
        )
        for entry, film in zip(entries, films, strict=True)
    ]
