"""A study and its films as the worklist shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

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
    series_instance_uid: str | None = None
    sop_class_uid: str = ""


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


_STUDY: Final = (
    Study.study_instance_uid,
    Study.accession_number,
    Study.patient_id,
    Study.patient_name,
    Study.patient_birth_date,
    Study.patient_sex,
    Study.study_date,
    Study.study_time,
    Study.description,
    Study.received_at,
    Study.state,
    Study.refusal,
    Study.priority,
    Study.finding,
    Study.probability,
    Study.is_read,
    Study.verdict,
    Study.modalities,
    Study.stations,
    Study.senders,
)

_FILM: Final = (
    Instance.sop_instance_uid,
    Instance.sop_class_uid,
    Instance.series_instance_uid,
    Instance.modality,
    Instance.body_part,
    Instance.view_position,
    Instance.state,
    Instance.refusal,
    Instance.refusal_detail,
    Instance.doubts,
    Screening.score,
    Screening.probability,
    Screening.finding,
    Screening.priority,
)


def read_entries(session: Session, study_ids: Sequence[int]) -> list[StudyEntry]:
    """Return studies by their rows, in the order of `study_ids`.

    It reads columns, not mapped objects: the doors show many studies and change none.
    """
    films = _read_films(session, study_ids)
    rows = session.execute(select(Study.id, *_STUDY).where(Study.id.in_(study_ids)))
    entries = {row.id: _describe_study(row, films.get(row.id, [])) for row in rows}
    return [entries[one] for one in study_ids if one in entries]


def read_headers(session: Session, sop_instance_uids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the headers of current films (DICOM JSON model, PS3.18 F.2) by their SOP Instance UID."""
    rows = session.execute(
        select(Instance.sop_instance_uid, Instance.header).where(
            Instance.sop_instance_uid.in_(sop_instance_uids), Instance.current
        )
    )
    return {row.sop_instance_uid: row.header for row in rows}


def _read_films(session: Session, study_ids: Sequence[int]) -> dict[int, list[FilmEntry]]:
    """Return the current films of each study, as they came."""
    rows = session.execute(
        select(
            Instance.id,
            Instance.study_id,
            Screening.id.label("screening_id"),
            Model.name.label("model_name"),
            Model.version.label("model_version"),
            Model.trained,
            Instance.requested_at,
            Instance.received_at,
            Instance.prepared_at,
            Screening.started_at,
            Screening.finished_at,
            *_FILM,
        )
        .outerjoin(Screening, Screening.instance_id == Instance.id)
        .outerjoin(Model, Model.digest == Screening.bundle_digest)
        .where(Instance.study_id.in_(study_ids), Instance.current)
    ).all()
    delivered = _find_deliveries(session, [row.screening_id for row in rows if row.screening_id is not None])
    films: dict[int, list[FilmEntry]] = {}
    for row in sorted(rows, key=lambda row: row.id):
        films.setdefault(row.study_id, []).append(_describe_film(row, delivered.get(row.screening_id)))
    return films


def _find_deliveries(session: Session, screening_ids: Sequence[int]) -> dict[int, Any]:
    """Return each screening's first finished delivery."""
    if not screening_ids:
        return {}
    rows = session.execute(
        select(ReportObject.screening_id, Delivery.created_at, Delivery.delivered_at)
        .join(Delivery, Delivery.sop_instance_uid == ReportObject.sop_instance_uid)
        .where(ReportObject.screening_id.in_(screening_ids), Delivery.delivered_at.is_not(None))
        .order_by(Delivery.delivered_at.desc())
    )
    return {row.screening_id: row for row in rows if row.screening_id is not None}


def _describe_study(row: Any, films: Sequence[FilmEntry]) -> StudyEntry:
    values = {column.key: getattr(row, column.key) for column in _STUDY}
    for name in ("modalities", "stations", "senders"):
        values[name] = values[name].split("\\") if values[name] else []
    return StudyEntry(**values, films=films)


def _describe_film(row: Any, delivery: Any) -> FilmEntry:
    return FilmEntry(
        **{column.key: getattr(row, column.key) for column in _FILM},
        model=None if row.model_name is None else f"{row.model_name} {row.model_version}",
        trained=row.trained,
        stages_ms=_measure_stages(row, delivery),
    )


def _measure_stages(film: Any, delivery: Any) -> dict[str, float]:
    sent, arrived = (None, None) if delivery is None else (delivery.created_at, delivery.delivered_at)
    moments = [
        ("receive", film.requested_at, film.received_at),
        ("prepare", film.received_at, film.prepared_at),
        ("queue", film.prepared_at, film.started_at),
        ("predict", film.started_at, film.finished_at),
        ("report", film.finished_at, sent),
        ("deliver", sent, arrived),
    ]
    return {
        name: round((end - start).total_seconds() * 1000, 1)
        for name, start, end in moments
        if start is not None and end is not None
    }
