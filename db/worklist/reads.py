"""Reads: radiologists' verdicts on studies, with their history."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from db.clock import now
from db.tables import Instance, Read, Study
from db.worklist import films_to_see, standing_reads, studies
from domain.codes import ReadOrigin, Refusal, Verdict
from domain.errors import PermanentError
from domain.languages.sentence import say

MAX_COMMENT: Final = 2000
"""Longest comment, characters."""

REPEAT: Final = timedelta(seconds=10)
"""Time within which the same read of the same reader is the first one again: a key pressed twice, or a
request whose answer was lost."""

UNDO: Final = timedelta(seconds=60)
"""Time within which a reader can undo a read."""


class UnknownStudyError(PermanentError):
    """There is no such study. Permanent."""


class UnknownReadError(PermanentError):
    """There is no such read of this reader. Permanent."""


class InvalidReadError(PermanentError):
    """The read cannot be kept as it is; its text says why. Permanent."""


class UnseenFilmsError(PermanentError):
    """The reader has not seen all films of the study; the text names one. Permanent: to be seen first."""


class UndoOverError(PermanentError):
    """The read is too old to be undone, or is undone already. Permanent."""


@dataclass(frozen=True)
class ReadEntry:
    """One verdict of one radiologist. The comment may hold patient data: never log it."""

    verdict: Verdict
    comment: str | None
    reader: str
    read_at: datetime
    current: bool
    read_id: int
    standing: bool
    """True for its reader's newest read of the study."""
    arbitrates: bool
    """True for a read that decides a disagreement of other readers."""
    origin: ReadOrigin | None
    """Null for a read by a version that did not store it."""
    films: Sequence[int] | None
    """The films (instance_id) that were shown to the reader; null where nobody said so."""
    withdrawn_at: datetime | None
    """Time at which its reader undid it; null for a read that counts."""
    blinded: bool
    """True for a first read of the study, from whose reader the AI result was hidden until then."""


def record(
    session: Session,
    study_instance_uid: str,
    verdict: Verdict,
    reader: str,
    comment: str | None = None,
    *,
    origin: ReadOrigin = ReadOrigin.REST,
    shown: Collection[int] | None = None,
    may_arbitrate: bool = True,
    reads_blinded: bool = False,
) -> ReadEntry:
    """Record a read; the reader's previous one stays as history, and each other reader's stands beside it.

    A read of a study on which other readers differ decides, if it may.

    Args:
        session: one that writes.
        study_instance_uid: the study.
        verdict: the radiologist's verdict.
        reader: the radiologist's user name.
        comment: free text of at most `MAX_COMMENT` characters.
        origin: the interface that took the read.
        shown: films (instance ids) that were on the reader's screen; None where nobody knows, and then none
            is demanded. With it, a read that repeats the reader's newest one within `REPEAT` is that one.
        may_arbitrate: False for a reader who must not decide disagreements of others.
        reads_blinded: True for a reader who reads blinded; then the reader's first read of the study is a
            blinded one, and later ones are not.

    Raises:
        UnknownStudyError: when the study is unknown.
        InvalidReadError: when the reader has no name, or the comment is too long.
        UnseenFilmsError: when `shown` lacks a film, or no film has a picture.
    """
    comment = (comment or "").strip() or None
    reader = reader.strip()
    if not reader:
        raise InvalidReadError(say("a read needs its reader's name"))
    if comment is not None and len(comment) > MAX_COMMENT:
        raise InvalidReadError(
            say(
                "the comment has {number} characters, {most} are allowed",
                number=len(comment),
                most=MAX_COMMENT,
            )
        )
    study = _lock(session, study_instance_uid)
    newest_film_at = _find_newest_film(session, study)
    before = _list_rows(session, study)
    standing = standing_reads.find_standing(before, newest_film_at)
    if shown is not None:
        seen = _check_shown(session, study, shown)
        former = next((read for read in standing.reads if read.reader == reader), None)
        if former is not None and _is_repeat(former, (verdict, comment, reader, seen)):
            return _describe(former, is_standing=True)
    row = Read(
        study_id=study.id,
        verdict=verdict.value,
        comment=comment,
        reader=reader,
        read_at=now(),
        current=False,
        origin=origin.value,
        shown_films=None if shown is None else seen,
        blinded=reads_blinded and all(read.reader != reader for read in before),
        arbitrates=may_arbitrate and standing_reads.decides(standing, reader, newest_film_at),
    )
    session.add(row)
    if study.opened_by == reader:
        study.opened_by = study.opened_at = None
    settle(session, study)
    return _describe(row, is_standing=True)


def withdraw(session: Session, study_instance_uid: str, read_id: int, reader: str) -> None:
    """Undo a read: it stays in the history, and its reader's former one stands again.

    Args:
        session: one that writes.
        study_instance_uid: the study.
        read_id: the read.
        reader: the user who asks, who must be its reader.

    Raises:
        UnknownStudyError: when the study is unknown.
        UnknownReadError: when the study has no such read of this reader.
        UndoOverError: when the read is older than `UNDO`, or undone.
    """
    study = _lock(session, study_instance_uid)
    row = session.scalar(
        select(Read).where(Read.id == read_id, Read.study_id == study.id, Read.reader == reader)
    )
    if row is None:
        raise UnknownReadError(say("there is no such read of yours"))
    if row.withdrawn_at is not None or now() - row.read_at > UNDO:
        raise UndoOverError(
            say(
                "a read can be undone once, within {seconds} seconds: read the study again instead",
                seconds=UNDO.seconds,
            )
        )
    row.withdrawn_at = now()
    settle(session, study)


def settle(session: Session, study: Study) -> None:
    """Mark the reads of a locked study that stand and the one that counts, and derive its state and place."""
    session.flush()
    standing = standing_reads.find_standing(_list_rows(session, study), _find_newest_film(session, study))
    # First none, then some: each is unique.
    session.execute(update(Read).where(Read.study_id == study.id).values(current=False, standing_reader=None))
    for read in standing.reads:
        read.standing_reader = read.reader
    if standing.current is not None:
        standing.current.current = True
    studies.refresh_locked(session, study)


def list_reads(session: Session, study_instance_uid: str) -> Sequence[ReadEntry]:
    """Return all reads of a study, newest first; an unknown study has none."""
    rows = session.scalars(
        select(Read)
        .join(Study, Study.id == Read.study_id)
        .where(Study.study_instance_uid == study_instance_uid)
        .order_by(Read.id.desc())
    ).all()
    standing = {read.id for read in standing_reads.find_standing(rows, None).reads}
    return [_describe(row, is_standing=row.id in standing) for row in rows]


def _list_rows(session: Session, study: Study) -> Sequence[Read]:
    return session.scalars(select(Read).where(Read.study_id == study.id)).all()


def _find_newest_film(session: Session, study: Study) -> datetime | None:
    return session.scalar(
        select(func.max(Instance.received_at)).where(
            Instance.study_id == study.id,
            Instance.current,
            Instance.refusal.is_(None) | (Instance.refusal != Refusal.OWN_OUTPUT.value),
        )
    )


def _lock(session: Session, study_instance_uid: str) -> Study:
    study = session.scalar(
        select(Study).where(Study.study_instance_uid == study_instance_uid).with_for_update()
    )
    if study is None:
        raise UnknownStudyError("there is no such study")
    return study


def _check_shown(session: Session, study: Study, shown: Collection[int]) -> list[int]:
    """Return the films of the study that were shown, which must be all that can be seen."""
    films = films_to_see.list_films_to_see(session, study.id)
    for film in films:
        if not film.has_rendition:
            raise UnseenFilmsError(
                say(
                    "a film of this study ({film}) is being prepared: wait until it can be seen, then read",
                    film=film.name,
                )
            )
        if film.instance_id not in shown:
            raise UnseenFilmsError(
                say(
                    "a film of this study ({film}) was not on your screen: look at it, then read",
                    film=film.name,
                )
            )
    if not films:
        raise UnseenFilmsError(
            say(
                "no film of this study has a picture here: read it in the viewer of the PACS, and send the "
                "read by REST"
            )
        )
    return [film.instance_id for film in films]


def _is_repeat(former: Read, given: tuple[Verdict, str | None, str, list[int]]) -> bool:
    same = (Verdict(former.verdict), former.comment, former.reader, former.shown_films) == given
    return same and now() - former.read_at <= REPEAT


def _describe(row: Read, *, is_standing: bool) -> ReadEntry:
    return ReadEntry(
        verdict=Verdict(row.verdict),
        comment=row.comment,
        reader=row.reader,
        read_at=row.read_at,
        current=row.current,
        read_id=row.id,
        standing=is_standing,
        arbitrates=row.arbitrates,
        origin=None if row.origin is None else ReadOrigin(row.origin),
        films=row.shown_films,
        withdrawn_at=row.withdrawn_at,
        blinded=row.blinded,
    )
