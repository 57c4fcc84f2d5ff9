"""The list of notices for administrators, and their replay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.clock import now
from db.entries import make_entry
from db.states import NOTICE, DeliveryState
from db.tables import Instance, NoticeEvent, NoticeRow, Study
from domain.codes import NoticedEvent


@dataclass(frozen=True)
class NoticeEntry:
    """One line of `tbscreen notices list`. Holds no patient data."""

    number: int
    receiver: str
    kind: str
    subject: str
    state: str
    attempts: int
    created_at: datetime
    due_at: datetime
    delivered_at: datetime | None
    last_error: str | None


def list_notices(
    session: Session,
    state: DeliveryState | None,
    limit: int,
    *,
    receiver: str | None = None,
    kind: NoticedEvent | None = None,
    since: datetime | None = None,
    before: int | None = None,
) -> list[NoticeEntry]:
    """Return notices, newest first.

    Args:
        session: for reading.
        state: only notices in this state; None for any.
        limit: largest number of notices.
        receiver: only notices to this receiver.
        kind: only notices of this event.
        since: only notices made at this time or later.
        before: only notices with a smaller number: the following page.
    """
    query = select(NoticeRow, NoticeEvent).join(NoticeEvent).order_by(NoticeRow.id.desc()).limit(limit)
    if state is not None:
        query = query.where(NoticeRow.state == state)
    if receiver is not None:
        query = query.where(NoticeRow.receiver == receiver)
    if kind is not None:
        query = query.where(NoticeEvent.kind == kind)
    if since is not None:
        query = query.where(NoticeRow.created_at >= since)
    if before is not None:
        query = query.where(NoticeRow.id < before)
    return [_describe(row, event) for row, event in session.execute(query).tuples()]


def find_notice(session: Session, number: int) -> tuple[NoticeEntry, Mapping[str, Any]] | None:
    """Return a notice with its content, which may hold patient data: show it, never log it."""
    query = select(NoticeRow, NoticeEvent).join(NoticeEvent).where(NoticeRow.id == number)
    found = session.execute(query).tuples().first()
    return None if found is None else (_describe(*found), found[0].content)


def find_subject(session: Session, number: int) -> tuple[str, str] | None:
    """Return Study Instance UID and patient ID, empty where there is none, of the film of a notice."""
    found = session.execute(
        select(Study.study_instance_uid, Study.patient_id)
        .join(Instance, Instance.study_id == Study.id)
        .join(NoticeEvent, NoticeEvent.instance_id == Instance.id)
        .join(NoticeRow, NoticeRow.event_id == NoticeEvent.id)
        .where(NoticeRow.id == number)
    ).first()
    return None if found is None else (found.study_instance_uid, found.patient_id or "")


def count_parked(session: Session) -> int:
    """Return the number of parked notices."""
    query = select(func.count()).select_from(NoticeRow).where(NoticeRow.state == DeliveryState.PARKED)
    return session.scalar(query) or 0


def replay(
    session: Session,
    *,
    numbers: Sequence[int] | None = None,
    receiver: str | None = None,
    delivered: bool = False,
) -> int:
    """Make parked notices due now, with no attempts counted; return their number.

    Args:
        session: for writing.
        numbers: only these notices.
        receiver: only notices to this receiver.
        delivered: replay delivered ones too, for a receiver that lost them.
    """
    states = [DeliveryState.PARKED, *([DeliveryState.DELIVERED] if delivered else [])]
    query = select(NoticeRow).where(NoticeRow.state.in_(states))
    if numbers is not None:
        query = query.where(NoticeRow.id.in_(numbers))
    if receiver is not None:
        query = query.where(NoticeRow.receiver == receiver)
    rows = session.scalars(query.order_by(NoticeRow.id).with_for_update()).all()
    NOTICE.move_all(session, rows, DeliveryState.PENDING, attempts=0, due_at=now())
    return len(rows)


def _describe(row: NoticeRow, event: NoticeEvent) -> NoticeEntry:
    return make_entry(NoticeEntry, row, number=row.id, kind=event.kind, subject=event.subject)
