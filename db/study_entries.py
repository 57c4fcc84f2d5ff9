"""A study and its films as the worklist shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from db.tables import Delivery, Instance, Model, ReportObject, Screening, Study


@dataclass(frozen=True)
class FilmEntry:
    """One current film of a study."""

    sop_instance_uid: str
    modality: str | None
    body_part: str | None
    view_position: str | None
    state: str
    refusal: str | None
    refusal_detail: str | None
    doubts: Sequence[str]
    score: float | None
    probability: float | None
    finding: str | None
    priority: str | None
    model: str | None
    trained: bool | None
    stages_ms: dict[str, float]
    """Milliseconds spent in each stage that is over: receive, prepare, queue, predict, report, deliver."""


@dataclass(frozen=True)
class StudyEntry:
    """One line of the worklist. Holds patient data: show it, never log it."""

    study_instance_uid: str
    accession_number: str | None
    patient_id: str | None
    patient_name: str | None
    study_date: str | None
    received_at: datetime
    state: str
    refusal: str | None
    priority: str | None
    finding: str | None
    probability: float | None
    films: Sequence[FilmEntry]
    patient_birth_date: str | None = None
    patient_sex: str | None = None
    study_time: str | None = None
    description: str | None = None
    is_read: bool = False
    verdict: str | None = None
    """What the newest read says."""
    modalities: Sequence[str] = ()
    stations: Sequence[str] = ()
    senders: Sequence[str] = ()


def read_entries(session: Session, study_ids: Sequence[int]) -> list[StudyEntry]:
    """Return studies by their rows, in the order of `study_ids`."""
    studies = session.scalars(
        select(Study)
        .options(
            selectinload(Study.instances)
            .joinedload(Instance.screening)
            .joinedload(Screening.model)
            .load_only(Model.name, Model.version, Model.trained),
            selectinload(Study.instances).defer(Instance.header),
        )
        .where(Study.id.in_(study_ids))
    ).all()
    delivered = _find_deliveries(
        session,
        [film.screening.id for study in studies for film in study.instances if film.screening is not None],
    )
    entries = {study.id: _describe_study(study, delivered) for study in studies}
    return [entries[one] for one in study_ids if one in entries]


def _find_deliveries(session: Session, screening_ids: Sequence[int]) -> dict[int, Delivery]:
    """Return each screening's first finished delivery."""
    rows = session.scalars(
        select(Delivery)
        .join(ReportObject)
        .where(
            ReportObject.screening_id.in_(screening_ids),
            Delivery.delivered_at.is_not(None),
        )
        .options(joinedload(Delivery.report).load_only(ReportObject.screening_id))
        .order_by(Delivery.delivered_at.desc())
    )
    return {row.report.screening_id: row for row in rows if row.report.screening_id is not None}


def _describe_study(study: Study, delivered: dict[int, Delivery]) -> StudyEntry:
    return StudyEntry(
        study_instance_uid=study.study_instance_uid,
        accession_number=study.accession_number,
        patient_id=study.patient_id,
        patient_name=study.patient_name,
        study_date=study.study_date,
        received_at=study.received_at,
        state=study.state,
        refusal=study.refusal,
        priority=study.priority,
        finding=study.finding,
        probability=study.probability,
        films=[
            _describe_film(film, delivered)
            for film in sorted(study.instances, key=lambda one: one.id)
            if film.current
        ],
        patient_birth_date=study.patient_birth_date,
        patient_sex=study.patient_sex,
        study_time=study.study_time,
        description=study.description,
        is_read=study.is_read,
        verdict=study.verdict,
        modalities=_split(study.modalities),
        stations=_split(study.stations),
        senders=_split(study.senders),
    )


def _split(joined: str | None) -> list[str]:
    return joined.split("\\") if joined else []


def _describe_film(film: Instance, delivered: dict[int, Delivery]) -> FilmEntry:
    screening = film.screening
    return FilmEntry(
        sop_instance_uid=film.sop_instance_uid,
        modality=film.modality,
        body_part=film.body_part,
        view_position=film.view_position,
        state=film.state,
        refusal=film.refusal,
        refusal_detail=film.refusal_detail,
        doubts=list(film.doubts),
        score=None if screening is None else screening.score,
        probability=None if screening is None else screening.probability,
        finding=None if screening is None else screening.finding,
        priority=None if screening is None else screening.priority,
        model=None if screening is None else f"{screening.model.name} {screening.model.version}",
        trained=None if screening is None else screening.model.trained,
        stages_ms=_measure_stages(film, None if screening is None else delivered.get(screening.id)),
    )


def _measure_stages(film: Instance, delivery: Delivery | None) -> dict[str, float]:
    screening = film.screening
    moments = [
        ("receive", film.requested_at, film.received_at),
        ("prepare", film.received_at, film.prepared_at),
        (
            "queue",
            film.prepared_at,
            None if screening is None else screening.started_at,
        ),
        (
            "predict",
            None if screening is None else screening.started_at,
            None if screening is None else screening.finished_at,
        ),
        (
            "report",
            None if screening is None else screening.finished_at,
            None if delivery is None else delivery.created_at,
        ),
        (
            "deliver",
            None if delivery is None else delivery.created_at,
            None if delivery is None else delivery.delivered_at,
        ),
    ]
    return {
        name: round((end - start).total_seconds() * 1000, 1)
        for name, start, end in moments
        if start is not None and end is not None
    }
