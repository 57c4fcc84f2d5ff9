"""Reports that could not be built: parked after too many attempts, shown, and tried again by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from db.clock import now
from db.notices import notice_events
from db.tables import Hl7OutboxEntry, Instance, OutboxEntry, RefusalOutboxEntry, Screening
from domain.film_key import film_key

Entry = OutboxEntry | RefusalOutboxEntry | Hl7OutboxEntry
OUTBOXES: Final = (OutboxEntry, RefusalOutboxEntry, Hl7OutboxEntry)

NEVER: Final = datetime(9999, 12, 31, tzinfo=UTC)
"""Time at which a parked entry is due, so that no search for due entries meets it."""


@dataclass(frozen=True)
class UnbuiltReport:
    """A parked report. Its reason may quote the header: show it, never log it."""

    of: str
    """`screening`, `refusal` or `hl7`."""
    film_key: str
    """SHA-256 of the film's SOP Instance UID, hexadecimal."""
    attempts: int
    parked_at: datetime
    last_error: str | None


def park(session: Session, entry: Entry | None, error: str) -> None:
    """Park an entry of an outbox, if it is still there."""
    if entry is not None:
        entry.parked_at, entry.due_at, entry.last_error = now(), NEVER, error
        notice_events.record_parked(session, "outbox", entry.__tablename__)


def list_parked(session: Session, limit: int) -> list[UnbuiltReport]:
    """Return parked reports, the newest first of each kind, at most `limit` of each."""
    return [
        UnbuiltReport(of, film_key(row.sop_instance_uid), row.attempts, row.parked_at, row.last_error)
        for of, query in _select()
        for row in session.execute(query.limit(limit))
    ]


def count_parked(session: Session) -> int:
    """Return the number of parked reports."""
    return sum(
        session.scalar(select(func.count()).select_from(table).where(table.parked_at.is_not(None))) or 0
        for table in OUTBOXES
    )


def replay(session: Session) -> int:
    """Make all parked reports due now, with no attempts counted; return their number."""
    count = count_parked(session)
    for table in OUTBOXES:
        again = update(table).where(table.parked_at.is_not(None))
        session.execute(again.values(parked_at=None, due_at=now(), attempts=0))
    return count


def _select() -> Iterator[tuple[str, Select[str, int, datetime | None, str | None]]]:
    for of, outbox in (("screening", OutboxEntry), ("refusal", RefusalOutboxEntry), ("hl7", Hl7OutboxEntry)):
        table: Any = outbox
        columns = select(Instance.sop_instance_uid, table.attempts, table.parked_at, table.last_error)
        if outbox is OutboxEntry:
            joined = columns.join(Screening, Screening.instance_id == Instance.id).join(
                OutboxEntry, OutboxEntry.screening_id == Screening.id
            )
        else:
            joined = columns.join(table, table.instance_id == Instance.id)
        yield of, joined.where(table.parked_at.is_not(None)).order_by(table.parked_at.desc())
