"""The films of a study with their headers, and the files of those that are still in a gateway's spool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.tables import Instance, Study


@dataclass(frozen=True)
class HeldFilm:
    """A film that stands. Holds patient data: show it, never log it."""

    sop_instance_uid: str
    sop_class_uid: str
    series_instance_uid: str
    transfer_syntax_uid: str
    header: dict[str, Any]
    """DICOM JSON model (PS3.18 F.2)."""
    spool_path: str | None
    """Its file in the gateway's spool; None once it is deleted, and for files of another gateway."""


def list_of_study(session: Session, study_instance_uid: str, gateway: str) -> list[HeldFilm]:
    """Return the films of a study, one for each SOP Instance UID, in the order of their reception.

    Of films of different patients under one UID in one study, it is the first, as on C-FIND.
    """
    rows = session.scalars(
        select(Instance)
        .join(Study, Study.id == Instance.study_id)
        .where(Study.study_instance_uid == study_instance_uid, Instance.current)
        .order_by(Instance.id)
    )
    films: dict[str, HeldFilm] = {}
    for row in rows:
        film = HeldFilm(
            row.sop_instance_uid,
            row.sop_class_uid,
            row.series_instance_uid or "",
            row.transfer_syntax_uid,
            row.header,
            row.spool_path if row.gateway == gateway else None,
        )
        films.setdefault(film.sop_instance_uid, film)
    return list(films.values())


def find_spooled(
    session: Session, study_instance_uids: Sequence[str], gateway: str
) -> dict[str, frozenset[str]]:
    """Return the SOP Instance UIDs of films whose files are in the gateway's spool, by study."""
    rows = session.execute(
        select(Study.study_instance_uid, Instance.sop_instance_uid)
        .join(Study, Study.id == Instance.study_id)
        .where(
            Study.study_instance_uid.in_(study_instance_uids),
            Instance.current,
            Instance.gateway == gateway,
            Instance.spool_path.is_not(None),
        )
    )
    spooled: dict[str, set[str]] = {}
    for study, uid in rows:
        spooled.setdefault(study, set()).add(uid)
    return {study: frozenset(uids) for study, uids in spooled.items()}
