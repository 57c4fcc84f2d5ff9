"""Site thresholds: operating points that a site derives from its own reads, in place of a bundle's.

A film keeps the operating point that was pinned at its first dispatch; a change applies to later films.
Records are never deleted, so that a report that is built again has the same content.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from db.clock import now
from db.entries import make_entry
from db.models.activations import find_target
from db.models.threshold_groups import GROUP, GROUPS, choose_point, describe_threshold
from db.tables import Instance, Model, Screening, SiteThreshold, SiteThresholdChange
from domain.errors import PermanentError
from domain.languages.sentence import say

PREFIX: Final = "local_"
THRESHOLD_FOR: Final = "threshold_for"
NAME: Final = "(local)"
"""Placeholder in a new record for the name of its operating point."""

# Statements of each film are made once: making one costs as much as running it.
_ACTIVE: Final = select(SiteThreshold.name, SiteThreshold.record[GROUPS]).where(
    SiteThreshold.bundle_digest == bindparam("digest"), SiteThreshold.active
)
_OWN_POINT: Final = select(Model.manifest["reported_operating_point"].as_string()).where(
    Model.digest == bindparam("digest")
)
"""The operating point that a bundle's manifest reports, without the rest of the manifest."""

Sign = Callable[[bytes], str]
"""Function from bytes to their signature, 64 hexadecimal digits."""


@dataclass(frozen=True)
class SiteThresholdEntry:
    """One stored site threshold."""

    calibration_id: int
    bundle_digest: str
    name: str
    made_at: datetime
    made_by: str
    record: Mapping[str, Any]
    signature: str
    active: bool


@dataclass(frozen=True)
class ChangeEntry:
    """One change of the site threshold in use; None stands for the bundle's own operating point."""

    name: str | None
    previous: str | None
    rollback: bool
    changed_at: datetime
    changed_by: str
    reason: str | None


def keep(
    session: Session,
    digest: str,
    by: str,
    record: Mapping[str, Any],
    sign: Sign,
    cells: Mapping[str, Mapping[str, Any]] | None = None,
) -> SiteThresholdEntry:
    """Store a new record, dated, named after its day and signed, without using it.

    Args:
        session: one that writes.
        digest: digest of the bundle.
        by: the user, as user@host.
        record: JSON with "operating_points", where `NAME` stands for the name that is chosen here, and
            optionally "calibration", both as in a manifest.
        sign: signs digest, name, time, user and record.
        cells: records of the cells of a table by age and sex (`db.models.threshold_groups`), by the end of
            their names; they are stored and signed beside it.
    """
    moment = now().replace(microsecond=0)
    name = _choose_name(session, digest, moment)
    rows = []
    for each, content in ((name, record), *((f"{name}{end}", cell) for end, cell in (cells or {}).items())):
        named = json.loads(json.dumps(content).replace(f'"{NAME}', f'"{name}'))
        row = SiteThreshold(
            bundle_digest=digest,
            name=each,
            made_at=moment,
            made_by=by,
            record=named,
            signature=sign(_serialize(digest, each, moment, by, named)),
        )
        session.add(row)
        session.flush()
        rows.append(row)
    return _describe(rows[0])


def verify(entry: SiteThresholdEntry, sign: Sign) -> None:
    """Raise `PermanentError` unless the record matches its signature by this key."""
    signed = _serialize(entry.bundle_digest, entry.name, entry.made_at, entry.made_by, entry.record)
    if sign(signed) != entry.signature:
        raise PermanentError(
            say(
                "calibration {number} is not what was signed, or the key is another one",
                number=entry.calibration_id,
            )
        )


def switch_to(session: Session, calibration_id: int, by: str, reason: str | None = None) -> None:
    """Use a site threshold for new films of its bundle; nothing changes if it is in use.

    Raises:
        PermanentError: when no site threshold has this number, or it is a cell of a table.
    """
    row = session.get(SiteThreshold, calibration_id, with_for_update=True)
    if row is None:
        raise PermanentError(say("there is no calibration {number}", number=calibration_id))
    if GROUP in row.record:
        raise PermanentError(
            say(
                "calibration {number} is for {people} alone: activate the table that it is a part of, "
                "{table}",
                number=calibration_id,
                people=row.record[GROUP]["people"],
                table=row.record[GROUP]["table"],
            )
        )
    if not row.active:
        _change(session, row.bundle_digest, row, by, reason=reason, rollback=False)


def switch_back(session: Session, digest: str, by: str) -> SiteThresholdEntry | None:
    """Use the previous site threshold, or the bundle's own operating point, for new films again.

    Two calls go two changes back.

    Returns:
        The site threshold that is now in use; None for the bundle's own operating point.

    Raises:
        PermanentError: when no site threshold is in use.
    """
    if _find_active(session, digest) is None:
        raise PermanentError(say("the bundle's own operating point is in use: nothing to roll back"))
    changes = select(SiteThresholdChange.rollback, SiteThresholdChange.previous_id)
    rows = session.execute(
        changes.where(SiteThresholdChange.bundle_digest == digest).order_by(SiteThresholdChange.id)
    )
    previous = find_target(rows.tuples())
    target = None if previous is None else session.get(SiteThreshold, previous)
    _change(session, digest, target, by, reason=None, rollback=True)
    return None if target is None else _describe(target)


def find(session: Session, calibration_id: int) -> SiteThresholdEntry:
    """Return the site threshold with this number; raises `PermanentError`."""
    row = session.get(SiteThreshold, calibration_id)
    if row is None:
        raise PermanentError(say("there is no calibration {number}", number=calibration_id))
    return _describe(row)


def list_site_thresholds(session: Session) -> list[SiteThresholdEntry]:
    """Return all site thresholds, newest first, without the cells of tables."""
    rows = session.scalars(select(SiteThreshold).order_by(SiteThreshold.id.desc()))
    return [_describe(row) for row in rows if GROUP not in row.record]


def list_cells(session: Session, digest: str, name: str) -> list[SiteThresholdEntry]:
    """Return the cells of a table, by its name."""
    rows = session.scalars(
        select(SiteThreshold).where(SiteThreshold.bundle_digest == digest).order_by(SiteThreshold.id)
    )
    return [_describe(row) for row in rows if row.record.get(GROUP, {}).get("table") == name]


def list_changes(session: Session, digest: str) -> list[ChangeEntry]:
    """Return the changes of the site threshold of a bundle, newest first."""
    names = {row.id: row.name for row in session.scalars(select(SiteThreshold))}
    rows = select(SiteThresholdChange).where(SiteThresholdChange.bundle_digest == digest)
    return [
        ChangeEntry(
            None if row.calibration_id is None else names[row.calibration_id],
            None if row.previous_id is None else names[row.previous_id],
            row.rollback,
            row.changed_at,
            row.changed_by,
            row.reason,
        )
        for row in session.scalars(rows.order_by(SiteThresholdChange.id.desc()))
    ]


def find_operating_point(session: Session, model: Model, film: Instance | None = None) -> str:
    """Return the name of the operating point for new films of a bundle.

    Args:
        session: for reading.
        model: the bundle.
        film: the film, for a threshold by age and sex; None: that of everybody.
    """
    return choose_for(session, *find_in_use(session, model), film)


def find_in_use(session: Session, model: Model) -> tuple[str, Any]:
    """Return the name of the operating point in use for new films of a bundle, and its groups, if any."""
    active = session.execute(_ACTIVE, {"digest": model.digest}).first()
    if active is not None:
        return str(active[0]), active[1]
    return str(session.scalar(_OWN_POINT, {"digest": model.digest})), None


def choose_for(session: Session, name: str, groups: Any, film: Instance | None) -> str:
    """Return the name of the operating point for a film, of what `find_in_use` returned."""
    return name if film is None or not groups else choose_point(session, name, groups, film)


def find_points(session: Session, digest: str, operating_point: str) -> dict[str, Any] | None:
    """Return the changes of a bundle's manifest by a site threshold; None for the bundle's own points."""
    row = _find_named(session, digest, operating_point)
    if row is None:
        return None
    return _read_changes(row)


def read_manifest(session: Session, screening: Screening) -> dict[str, Any]:
    """Return the manifest that a screening used: the bundle's, changed by the site threshold, if any.

    Under `THRESHOLD_FOR` it has the people for whom the threshold was chosen, where it was not for all.
    """
    row = _find_named(session, screening.bundle_digest, screening.operating_point)
    if row is None:
        return dict(screening.model.manifest)
    words = describe_threshold(row.record)
    told = {} if words is None else {THRESHOLD_FOR: words}
    return screening.model.manifest | _read_changes(row) | told


def _find_named(session: Session, digest: str, operating_point: str) -> SiteThreshold | None:
    if not operating_point.startswith(PREFIX):
        return None
    return session.scalar(
        select(SiteThreshold).where(
            SiteThreshold.bundle_digest == digest, SiteThreshold.name == operating_point
        )
    )


def _read_changes(row: SiteThreshold) -> dict[str, Any]:
    keys = ("operating_points", "calibration")
    changes = {key: row.record[key] for key in keys if row.record.get(key)}
    return {**changes, "reported_operating_point": row.name}


def _choose_name(session: Session, digest: str, moment: datetime) -> str:
    day = f"{PREFIX}{moment:%Y%m%d}"
    same = select(func.count()).where(
        SiteThreshold.bundle_digest == digest, SiteThreshold.name.startswith(day)
    )
    number = session.scalar(same) or 0
    return day if number == 0 else f"{day}_{number + 1}"


def _find_active(session: Session, digest: str) -> SiteThreshold | None:
    return session.scalar(
        select(SiteThreshold).where(SiteThreshold.bundle_digest == digest, SiteThreshold.active)
    )


def _change(
    session: Session, digest: str, row: SiteThreshold | None, by: str, *, reason: str | None, rollback: bool
) -> None:
    before = _find_active(session, digest)
    if before is not None:
        before.active = False
        session.flush()
    if row is not None:
        row.active = True
    session.add(
        SiteThresholdChange(
            bundle_digest=digest,
            calibration_id=None if row is None else row.id,
            previous_id=None if before is None else before.id,
            rollback=rollback,
            changed_at=now(),
            changed_by=by,
            reason=reason,
        )
    )
    session.flush()


def _serialize(digest: str, name: str, moment: datetime, by: str, record: Mapping[str, Any]) -> bytes:
    """Return the bytes that are signed, which are the same for SQLite and PostgreSQL."""
    signed = [digest, name, moment.isoformat(), by, record]
    return json.dumps(signed, sort_keys=True, separators=(",", ":")).encode()


def _describe(row: SiteThreshold) -> SiteThresholdEntry:
    return make_entry(SiteThresholdEntry, row, calibration_id=row.id)
