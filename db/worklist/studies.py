"""Studies: the header, and the state and place that follow from the films."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.clock import now
from db.states import FilmState
from db.tables import Instance, Read, Screening, Study
from db.worklist.search_keys import fold, fold_name
from domain.codes import Finding, Priority, Refusal

FACET_LENGTH: Final = 256
"""Longest text of a study's modalities, stations or senders, characters."""


@dataclass(frozen=True)
class StudyHeader:
    """Study and patient as a film's header gives them. Holds patient data: never log it."""

    study_instance_uid: str
    accession_number: str | None = None
    patient_id: str | None = None
    patient_name: str | None = None
    patient_birth_date: str | None = None
    patient_sex: str | None = None
    study_date: str | None = None
    study_time: str | None = None
    description: str | None = None


def open_study(session: Session, header: StudyHeader) -> Study:
    """Return the study's row, made if it is new and locked until the transaction ends.

    A later film's header fills empty fields and changes no others.
    """
    study = _find(session, header.study_instance_uid)
    if study is None:
        moment = now()
        study = Study(
            **asdict(header),
            received_at=moment,
            received_day=f"{moment:%Y%m%d}",
            state=FilmState.RECEIVED.value,
        )
        _write_keys(study)
        try:
            with session.begin_nested():
                session.add(study)
                session.flush()
        except IntegrityError:
            study = _find(session, header.study_instance_uid)
            if study is None:
                raise
    for name, value in asdict(header).items():
        if value and not getattr(study, name):
            setattr(study, name, value)
    _write_keys(study)
    return study


def _write_keys(study: Study) -> None:
    study.accession_key = fold(study.accession_number)
    study.patient_id_key = fold(study.patient_id)
    study.name_key = fold_name(study.patient_name)


def refresh(session: Session, study_id: int) -> None:
    """Lock a study and derive its state and place from its films."""
    session.flush()
    refresh_locked(session, session.get_one(Study, study_id, with_for_update=True))


def refresh_locked(session: Session, study: Study) -> None:
    """Derive the state and place of a locked study from the worst of its current films.

    A study is `received` while a film waits, `screened` with a screened film, and `refused` when all films
    were refused. It is read when no film was received after its newest read.
    """
    session.flush()
    rows = session.execute(
        select(
            Instance.state,
            Instance.refusal,
            Instance.received_at,
            Instance.modality,
            Instance.station_name,
            Instance.calling_ae_title,
            Screening,
        )
        .outerjoin(Screening, Screening.instance_id == Instance.id)
        .where(Instance.study_id == study.id, Instance.current)
        .order_by(Instance.id)
    ).all()
    read = session.scalar(select(Read).where(Read.study_id == study.id, Read.current))
    screenings = [row.Screening for row in rows if row.Screening is not None]
    worst = max(
        screenings,
        key=lambda screening: (Priority(screening.priority).rank, screening.probability),
        default=None,
    )
    states = {row.state for row in rows}
    if states & {FilmState.RECEIVED, FilmState.QUEUED}:
        study.state = FilmState.RECEIVED.value
    elif screenings:
        study.state = FilmState.SCREENED.value
    elif rows:
        study.state = FilmState.REFUSED.value
    study.refusal = next((row.refusal for row in rows if row.refusal), None) if worst is None else None
    study.finding = None if worst is None else _worst_finding(screenings)
    study.priority = None if worst is None else worst.priority
    study.priority_rank = 0 if worst is None else Priority(worst.priority).rank
    study.probability = None if worst is None else worst.probability
    study.sort_probability = -1.0 if worst is None else worst.probability
    study.verdict = None if read is None else read.verdict
    shown = [row for row in rows if row.refusal != Refusal.OWN_OUTPUT]
    study.is_read = read is not None and all(row.received_at <= read.read_at for row in shown)
    study.modalities = join_values(row.modality for row in shown)
    study.stations = join_values(row.station_name for row in shown)
    study.senders = join_values(row.calling_ae_title for row in shown)


def join_values(values: Iterable[str | None]) -> str:
    """Return distinct values, sorted and separated by backslashes, as many as the column holds."""
    joined = ""
    for value in sorted({value.replace("\\", "/") for value in values if value}):
        longer = f"{joined}\\{value}" if joined else value
        joined = longer if len(longer) <= FACET_LENGTH else joined
    return joined


def _worst_finding(screenings: list[Screening]) -> str:
    findings = {screening.finding for screening in screenings}
    for finding in (Finding.PRESENT, Finding.UNDETERMINED, Finding.ABSENT):
        if finding in findings:
            return finding.value
    raise AssertionError("a screening without a finding")


def _find(session: Session, study_instance_uid: str) -> Study | None:
    return session.scalar(
        select(Study).where(Study.study_instance_uid == study_instance_uid).with_for_update()
    )
