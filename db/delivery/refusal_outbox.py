"""The outbox of refused films that wait to be reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, bindparam, delete, func, or_, select
from sqlalchemy.orm import Session, undefer

from db.clock import now
from db.database import is_sqlite
from db.delivery import report_objects, unbuilt_reports
from db.delivery.report_objects import BuiltReport
from db.entries import make_entry
from db.states import FilmState
from db.tables import Instance, RefusalOutboxEntry
from domain.codes import UNREPORTED, Refusal


@dataclass(frozen=True)
class ReportableRefusal:
    """A refused film with all values of its report."""

    instance_id: int
    attempts: int
    header: dict[str, Any]
    sop_instance_uid: str
    sop_class_uid: str
    dataset_sha256: str
    revision: int
    refusal: Refusal
    detail: str
    refused_at: datetime
    predecessor: bytes | None
    """The report or refusal that this one supersedes; DICOM Part 10 bytes."""
    calling_ae_title: str
    station_name: str | None
    modality: str | None


def want(session: Session, instance: Instance) -> None:
    """Add the refusal of a film to the outbox, in the transaction of the refusal.

    Objects that tbscreen itself made are left out, since their reports would come back and be refused in
    turn; so is the same film in another encoding, which has a report.
    """
    if instance.refusal in UNREPORTED:
        return
    entry = session.get(RefusalOutboxEntry, instance.id)
    if entry is None:
        session.add(RefusalOutboxEntry(instance_id=instance.id, due_at=now()))
    else:
        entry.due_at = now()
        entry.attempts = 0
        entry.parked_at = entry.last_error = None


def has_due(session: Session) -> bool:
    """True when a refusal is due that `lease` would take."""
    return session.scalar(_IS_DUE, {"moment": now()}) is not None


def count_failing(session: Session) -> int:
    """Return the number of refusals that wait because their report could not be built, parked ones apart."""
    failing = RefusalOutboxEntry.last_error.is_not(None) & RefusalOutboxEntry.parked_at.is_(None)
    return session.scalar(select(func.count()).select_from(RefusalOutboxEntry).where(failing)) or 0


def is_stored(session: Session, leased: ReportableRefusal) -> bool:
    """True unless the film of a leased refusal was erased: SQLite gives its number to the next one."""
    uid = select(Instance.sop_instance_uid).where(Instance.id == leased.instance_id)
    return not is_sqlite(session) or session.scalar(uid) == leased.sop_instance_uid


def park(session: Session, instance_id: int, error: str) -> None:
    """Give a refusal up whose report cannot be built, until it is replayed."""
    unbuilt_reports.park(session, session.get(RefusalOutboxEntry, instance_id), error)


def clear(session: Session) -> None:
    """Empty the outbox where no peer takes refusals."""
    session.execute(delete(RefusalOutboxEntry))


def lease(session: Session, duration: timedelta, limit: int) -> list[ReportableRefusal]:
    """Take up to `limit` refusals that are due to be reported, oldest first.

    Refusals of films that are due again are removed. A refusal with a code of a newer version is left to a
    courier of that version.
    """
    moment = now()
    rows = session.execute(
        select(RefusalOutboxEntry, Instance)
        .join(Instance, Instance.id == RefusalOutboxEntry.instance_id)
        .where(RefusalOutboxEntry.due_at <= moment, _is_known())
        .order_by(RefusalOutboxEntry.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True, of=RefusalOutboxEntry)
        .options(undefer(Instance.header))
    ).all()
    leased = []
    for entry, instance in rows:
        if instance.state != FilmState.REFUSED:
            session.delete(entry)
            continue
        entry.due_at = moment + duration
        entry.attempts += 1
        leased.append(_describe(session, entry, instance))
    return leased


def fan_out(session: Session, refusal: ReportableRefusal, report: BuiltReport, peers: Sequence[str]) -> None:
    """Store the report of a refusal, make one delivery for each peer, and remove it from the outbox.

    Nothing is stored when the film became due again meanwhile.
    """
    instance = session.get_one(Instance, refusal.instance_id, with_for_update=True)
    if instance.state == FilmState.REFUSED and instance.refusal == refusal.refusal:
        report_objects.store(session, report, peers, instance_id=refusal.instance_id)
    close(session, refusal.instance_id)


def close(session: Session, instance_id: int) -> None:
    """Remove a refusal from the outbox."""
    entry = session.get(RefusalOutboxEntry, instance_id)
    if entry is not None:
        session.delete(entry)


def postpone(session: Session, instance_id: int, delay: timedelta, error: str | None) -> None:
    """Make a refusal due again after `delay`, and record the error that prevented its report, if any."""
    entry = session.get(RefusalOutboxEntry, instance_id)
    if entry is not None:
        entry.due_at = now() + delay
        entry.last_error = error


def describe(session: Session, instance: Instance) -> ReportableRefusal:
    """Return the refusal of a film as `lease` does, whether or not it waits in the outbox."""
    return _describe(session, RefusalOutboxEntry(instance_id=instance.id, attempts=0), instance)


def _is_known() -> ColumnElement[bool]:
    return or_(Instance.refusal.is_(None), Instance.refusal.in_([code.value for code in Refusal]))


# Made once: making it costs as much as running it.
_IS_DUE: Final = (
    select(RefusalOutboxEntry.instance_id)
    .join(Instance)
    .where(RefusalOutboxEntry.due_at <= bindparam("moment"), _is_known())
    .limit(1)
)


def _describe(session: Session, entry: RefusalOutboxEntry, instance: Instance) -> ReportableRefusal:
    assert instance.refusal is not None
    return make_entry(
        ReportableRefusal,
        entry,
        instance,
        refusal=Refusal(instance.refusal),
        detail=instance.refusal_detail or "",
        refused_at=instance.state_changed_at,
        predecessor=report_objects.find_predecessor(session, instance),
    )
