"""A calibration study's beginning and end."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.clock import now
from db.entries import make_entry
from db.tables import CalibrationStudy
from domain.errors import PermanentError


@dataclass(frozen=True)
class CalibrationStudyEntry:
    """One calibration study."""

    id: int
    name: str
    bundle_digest: str
    threshold: float
    edges: Sequence[float]
    shares: Sequence[float]
    plan: Mapping[str, Any]
    secret: str = field(repr=False)
    started_at: datetime
    started_by: str
    closed_at: datetime | None
    closed_by: str | None
    close_reason: str | None


def start(
    session: Session,
    name: str,
    digest: str,
    threshold: float,
    edges: Sequence[float],
    shares: Sequence[float],
    plan: Mapping[str, Any],
    by: str,
) -> CalibrationStudyEntry:
    """Start a study of the people whose films a bundle screens from now on.

    Args:
        session: one that writes.
        name: the study's name.
        digest: digest of the bundle.
        threshold: screening threshold in use; one of the edges.
        edges: rising scores at which a band begins.
        shares: probability of a test in each band, one more than edges.
        plan: the plan, JSON.
        by: the user, as user@host.

    Raises:
        PermanentError: when the name is taken, or a study of the bundle is open.
    """
    taken = select(CalibrationStudy.id).where(CalibrationStudy.name == name)
    if session.scalar(taken) is not None:
        raise PermanentError(f"there is a study {name!r} already: choose another name")
    standing = session.scalar(
        select(CalibrationStudy.name).where(
            CalibrationStudy.bundle_digest == digest, CalibrationStudy.closed_at.is_(None)
        )
    )
    if standing is not None:
        raise PermanentError(f"the study {standing!r} of this bundle is open: close it first")
    row = CalibrationStudy(
        name=name,
        bundle_digest=digest,
        threshold=threshold,
        edges=list(edges),
        shares=list(shares),
        plan=dict(plan),
        secret=secrets.token_hex(32),
        started_at=now(),
        started_by=by,
    )
    session.add(row)
    session.flush()
    return make_entry(CalibrationStudyEntry, row)


def close(session: Session, study: CalibrationStudyEntry, by: str, reason: str) -> None:
    """Close a study: nobody is enrolled any more, and its results still come in.

    Raises:
        PermanentError: when it is closed.
    """
    row = session.get_one(CalibrationStudy, study.id, with_for_update=True)
    if row.closed_at is not None:
        raise PermanentError(f"the study {row.name!r} was closed on {row.closed_at:%Y-%m-%d}")
    row.closed_at, row.closed_by, row.close_reason = now(), by, reason


def find(session: Session, name: str | None) -> CalibrationStudyEntry:
    """Return the study of a name; without a name the newest one.

    Raises:
        PermanentError: when there is none.
    """
    query = select(CalibrationStudy).order_by(CalibrationStudy.id.desc()).limit(1)
    row = session.scalar(query if name is None else query.where(CalibrationStudy.name == name))
    if row is None:
        said = "there is no study yet" if name is None else f"there is no study {name!r}"
        raise PermanentError(f"{said}: 'tbscreen study start' begins one, 'tbscreen study list' shows all")
    return make_entry(CalibrationStudyEntry, row)


def list_studies(session: Session) -> list[CalibrationStudyEntry]:
    """Return all studies, newest first."""
    rows = session.scalars(select(CalibrationStudy).order_by(CalibrationStudy.id.desc()))
    return [make_entry(CalibrationStudyEntry, row) for row in rows]
