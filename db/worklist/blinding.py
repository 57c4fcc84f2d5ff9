"""Blinded reading: the studies whose result a reader may see, and lines of the worklist without results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.tables import Instance, Read
from db.worklist.study_entries import FilmEntry, StudyEntry
from domain.codes import Refusal


def find_open(session: Session, reader: str, study_ids: Sequence[int]) -> set[int]:
    """Return those of the studies whose result is open to a reader who reads blinded.

    It opens with the reader's own read, also one that was undone since, because the result was seen then. A
    film that comes after the reader's last read closes the study again.
    """
    newest_film_at = (
        select(func.max(Instance.received_at))
        .where(
            Instance.study_id == Read.study_id,
            Instance.current,
            Instance.refusal.is_(None) | (Instance.refusal != Refusal.OWN_OUTPUT.value),
        )
        .scalar_subquery()
    )
    own = select(Read.study_id).where(
        Read.study_id.in_(study_ids),
        Read.reader == reader,
        Read.read_at >= func.coalesce(newest_film_at, Read.read_at),
    )
    return set(session.scalars(own))


def hide_results(session: Session, reader: str, studies: Sequence[StudyEntry]) -> list[StudyEntry]:
    """Return lines of the worklist, without the results that are hidden from a reader who reads blinded."""
    open_ones = find_open(session, reader, [study.key for study in studies])
    return [study if study.key in open_ones else _hide(study) for study in studies]


def _hide(study: StudyEntry) -> StudyEntry:
    return replace(
        study,
        hidden=True,
        finding=None,
        priority=None,
        probability=None,
        tb_score=None,
        verdict=None,
        films=[_hide_film(film) for film in study.films],
    )


def _hide_film(film: FilmEntry) -> FilmEntry:
    return replace(
        film,
        doubts=(),
        score=None,
        probability=None,
        finding=None,
        priority=None,
        model=None,
        trained=None,
        stages_ms={},
        tb_score=None,
    )
