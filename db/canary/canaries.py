"""Canary films on their way: issued, received, taken, queued, scored, and deleted when they are judged."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from db.clock import now
from db.entries import make_entry
from db.tables import Canary, Model
from domain.film_key import film_key as name_film

MOST_ATTEMPTS: Final = 3
"""Predictions of one canary film that may end their worker."""


@dataclass(frozen=True)
class CanaryEntry:
    """A canary film."""

    id: int
    sop_instance_uid: str
    gateway: str
    issued_at: datetime
    deadline_at: datetime
    received_at: datetime | None
    spool_path: str | None
    queued_at: datetime | None
    bundle_digest: str | None
    failure: str | None
    score: float | None
    runtime: str | None
    precision: str | None
    worker: str | None
    scored_at: datetime | None


def issue(
    session: Session, gateway: str, sop_instance_uid: str, film_digest: str, deadline: timedelta
) -> CanaryEntry:
    """Record a canary film before it is sent.

    Args:
        session: one that writes.
        gateway: the gateway that is to receive it.
        sop_instance_uid: its UID, which nobody has had before.
        film_digest: SHA-256 of its dataset, hexadecimal.
        deadline: time in which it must have a score.
    """
    moment = now()
    row = Canary(
        sop_instance_uid=sop_instance_uid,
        film_digest=film_digest,
        gateway=gateway,
        issued_at=moment,
        deadline_at=moment + deadline,
        attempts=0,
    )
    session.add(row)
    session.flush()
    return make_entry(CanaryEntry, row)


def record_arrival(
    session: Session, gateway: str, sop_instance_uid: str, film_digest: str, spool_path: str
) -> bool:
    """Record that a film arrived, if it is a canary film that this gateway issued and awaits.

    Returns:
        False, and nothing is written, for any other film: another UID, other bytes, or one that came before.
    """
    changed = session.execute(
        update(Canary)
        .where(
            Canary.sop_instance_uid == sop_instance_uid,
            Canary.film_digest == film_digest,
            Canary.gateway == gateway,
            Canary.received_at.is_(None),
        )
        .values(received_at=now(), spool_path=spool_path)
        .returning(Canary.id)
    ).scalar_one_or_none()
    return changed is not None


def take_next(session: Session, gateway: str) -> CanaryEntry | None:
    """Take the next canary film of a gateway that is to be prepared; each is prepared once."""
    row = session.scalar(
        select(Canary)
        .where(
            Canary.gateway == gateway,
            Canary.received_at.is_not(None),
            Canary.taken_at.is_(None),
            Canary.failure.is_(None),
        )
        .order_by(Canary.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if row is None:
        return None
    row.taken_at = now()
    return make_entry(CanaryEntry, row)


def has_waiting(session: Session, gateway: str) -> bool:
    """True when `take_next` would find a canary film."""
    waiting = select(Canary.id).where(
        Canary.gateway == gateway, Canary.received_at.is_not(None), Canary.taken_at.is_(None)
    )
    return session.scalar(waiting.limit(1)) is not None


def record_dispatch(session: Session, number: int, normalization_version: str) -> bool:
    """Record, before its message is sent, that a canary film goes to the workers with the active bundle.

    Returns:
        False when no bundle of this normalization is active, or when the canary film is judged already.
    """
    digest = session.scalar(
        select(Model.digest).where(Model.active, Model.normalization_version == normalization_version)
    )
    row = session.get(Canary, number, with_for_update=True)
    if row is None or digest is None:
        return False
    row.queued_at, row.bundle_digest = now(), digest
    return True


def fail(session: Session, number: int, reason: str) -> None:
    """Record why a canary film gets no score; nothing happens when it is judged already."""
    session.execute(update(Canary).where(Canary.id == number, Canary.score.is_(None)).values(failure=reason))


def begin_attempt(session: Session, number: int, film_key: str) -> str | None:
    """Count an attempt before it is made; return the digest of the bundle.

    Args:
        session: one that writes.
        number: the canary film.
        film_key: key of the film that was sent (`domain.film_key`).

    Returns:
        None when there is no such canary film, or when it has its score or its last attempt.
    """
    row = session.get(Canary, number, with_for_update=True)
    if row is None or name_film(row.sop_instance_uid) != film_key or row.queued_at is None:
        return None
    if row.score is not None or row.attempts >= MOST_ATTEMPTS:
        return None
    row.attempts += 1
    return row.bundle_digest


def record_score(
    session: Session, number: int, film_key: str, score: float, way: tuple[str, str], worker: str
) -> bool:
    """Record the score of a canary film.

    Args:
        session: one that writes.
        number: the canary film.
        film_key: key of the film that was sent.
        score: 0..1.
        way: runtime and precision that computed it.
        worker: name of the host.

    Returns:
        False, and nothing is written, when it is judged already.
    """
    row = session.get(Canary, number, with_for_update=True)
    if row is None or name_film(row.sop_instance_uid) != film_key or row.score is not None:
        return False
    row.score, row.scored_at, row.worker = score, now(), worker
    row.runtime, row.precision = way
    return True


def find(session: Session, number: int) -> CanaryEntry | None:
    """Return a canary film, or None when it is deleted."""
    row = session.get(Canary, number)
    return None if row is None else make_entry(CanaryEntry, row)


def list_of_gateway(
    session: Session, gateway: str, overdue_since: datetime | None = None
) -> list[CanaryEntry]:
    """Return the canary films of a gateway that nobody has judged.

    Args:
        session: for reading.
        gateway: the gateway.
        overdue_since: only those whose deadline was before this time.
    """
    query = select(Canary).where(Canary.gateway == gateway).order_by(Canary.id)
    if overdue_since is not None:
        query = query.where(Canary.deadline_at < overdue_since)
    return [make_entry(CanaryEntry, row) for row in session.scalars(query)]


def remove(session: Session, number: int) -> None:
    """Delete the row of a canary film, after its file."""
    session.execute(delete(Canary).where(Canary.id == number))


def find_known(session: Session, spool_paths: Collection[str]) -> set[str]:
    """Return those of these files that canary films name."""
    rows = session.scalars(select(Canary.spool_path).where(Canary.spool_path.in_(spool_paths)))
    return {path for path in rows if path}
