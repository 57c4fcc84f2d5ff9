"""Reads: radiologists' verdicts on studies, with their history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.clock import now
from db.tables import Read, Study
from db.worklist import studies
from domain.codes import Verdict
from domain.errors import PermanentError

MAX_COMMENT: Final = 2000
"""Longest comment, characters."""


class UnknownStudyError(PermanentError):
    """There is no such study. Permanent."""


class InvalidReadError(PermanentError):
    """The read cannot be kept as it is; its text says why. Permanent."""


@dataclass(frozen=True)
class ReadEntry:
    """One verdict of one radiologist. The comment may hold patient data: never log it."""

    verdict: Verdict
    comment: str | None
    reader: str
    read_at: datetime
    current: bool


def record(
    session: Session, study_instance_uid: str, verdict: Verdict, reader: str, comment: str | None = None
) -> ReadEntry:
    """Record a read; the previous one stays as history.

    Args:
        session: one that writes.
        study_instance_uid: the study.
        verdict: the radiologist's verdict.
        reader: the radiologist's user name.
        comment: free text of at most `MAX_COMMENT` characters.

    Raises:
        UnknownStudyError: when the study is unknown.
        InvalidReadError: when the reader has no name, or the comment is too long.
    """
    comment = (comment or "").strip() or None
    if not reader.strip():
        raise InvalidReadError("a read needs its reader's name")
    if comment is not None and len(comment) > MAX_COMMENT:
        raise InvalidReadError(f"the comment has {len(comment)} characters, {MAX_COMMENT} are allowed")
    study = session.scalar(
        select(Study).where(Study.study_instance_uid == study_instance_uid).with_for_update()
    )
    if study is None:
        raise UnknownStudyError("there is no such study")
    session.execute(update(Read).where(Read.study_id == study.id, Read.current).values(current=False))
    row = Read(
        study_id=study.id,
        verdict=verdict.value,
        comment=comment,
        reader=reader.strip(),
        read_at=now(),
        current=True,
    )
    session.add(row)
    studies.refresh(session, study.id)
    return _describe(row)


def list_reads(session: Session, study_instance_uid: str) -> Sequence[ReadEntry]:
    """Return all reads of a study, newest first; an unknown study has none."""
    rows = session.scalars(
        select(Read)
        .join(Study, Study.id == Read.study_id)
        .where(Study.study_instance_uid == study_instance_uid)
        .order_by(Read.id.desc())
    )
    return [_describe(row) for row in rows]


def _describe(row: Read) -> ReadEntry:
    return ReadEntry(Verdict(row.verdict), row.comment, row.reader, row.read_at, row.current)
