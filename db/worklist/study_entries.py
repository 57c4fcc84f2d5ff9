"""Studies and their films as the worklist shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import ARRAY, ColumnElement, Integer, Select, TableClause, any_, bindparam, select
from sqlalchemy.orm import Session

from db.database import is_sqlite
from db.models import rule_in_thresholds
from db.tables import Delivery, Instance, Model, ReportObject, Screening, Study
from db.worklist.studies import rank_suspicion, split_values
from domain.bundle.tb_score import place
from domain.patient_identity import Patient, read_patient


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
    """Milliseconds of each finished stage: receive, prepare, queue, predict, report, deliver."""
    series_instance_uid: str | None = None
    sop_class_uid: str = ""
    notices: Sequence[str] = ()
    patient_id: str | None = None
    """The patient of the film's own header; of a film with a notice only."""
    patient_name: str | None = None
    tb_score: int | None = None
    """The scale for people: 0 to 100, screening threshold at 50, rule-in threshold at 75; null without a
    result or for an untrained model."""


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
    """Verdict of the read that counts: the newest, or that which decided a disagreement."""
    modalities: Sequence[str] = ()
    stations: Sequence[str] = ()
    senders: Sequence[str] = ()
    patient_id_issuer: str | None = None
    notices: Sequence[str] = ()
    """Remarks on the patient data of its films; they change neither finding nor priority."""
    key: int = 0
    """Its number here, by which the page addresses it."""
    tb_score: int | None = None
    """The TB score of its most suspicious film."""
    differing_verdicts: Sequence[str] = ()
    """Verdicts on which its readers differ, as long as nobody has decided."""
    opened_by: str | None = None
    """The reader who has it open, or had it open last."""
    opened_at: datetime | None = None
    """Time of the last sign of that reader's page."""
    hidden: bool = False
    """True while the result is hidden from the user who asks, who reads blinded and has not read the study:
    then finding, priority, probability, TB score, verdict, and of each film score, probability, finding,
    priority, model, trained, TB score are null, and doubts and stages_ms empty, whatever they are."""


# Columns of tables, not of mapped classes: tracked objects would cost time and are not needed here.
_STUDIES: Final = cast(TableClause, Study.__table__).c
_INSTANCES: Final = cast(TableClause, Instance.__table__).c
_SCREENINGS: Final = cast(TableClause, Screening.__table__).c
_MODELS: Final = cast(TableClause, Model.__table__).c
_REPORT_OBJECTS: Final = cast(TableClause, ReportObject.__table__).c
_DELIVERIES: Final = cast(TableClause, Delivery.__table__).c

_LISTS: Final = ("modalities", "stations", "senders", "notices", "differing_verdicts")
"""Columns with several values, between backslashes."""
_STUDY: Final = [
    field.name for field in fields(StudyEntry) if field.name not in ("films", "key", "tb_score", "hidden")
]
_RESULT: Final = ("score", "probability", "finding", "priority")
_FILM: Final = [
    field.name
    for field in fields(FilmEntry)
    if field.name not in (*_RESULT, "model", "trained", "stages_ms", "patient_id", "patient_name", "tb_score")
]


def _prepare(
    statement: Select[*tuple[Any, ...]], column: ColumnElement[int]
) -> dict[bool, Select[*tuple[Any, ...]]]:
    """Return the statement for rows with one of some numbers, on SQLite (True) and PostgreSQL (False).

    Built once: building takes longer than running. On PostgreSQL the numbers are a single parameter.
    """
    return {
        True: statement.where(column.in_(bindparam("numbers", expanding=True))),
        False: statement.where(column == any_(bindparam("numbers", type_=ARRAY(Integer)))),
    }


def _read(session: Session, statements: dict[bool, Select[*tuple[Any, ...]]], numbers: Sequence[int]) -> Any:
    return session.execute(statements[is_sqlite(session)], {"numbers": list(numbers)})


_READ_STUDIES: Final = _prepare(select(_STUDIES.id, *(_STUDIES[name] for name in _STUDY)), _STUDIES.id)
_READ_PATIENTS: Final = _prepare(select(_INSTANCES.id, _INSTANCES.header), _INSTANCES.id)
_READ_FILMS: Final = _prepare(
    select(
        _INSTANCES.id,
        _INSTANCES.study_id,
        _SCREENINGS.id.label("screening_id"),
        _SCREENINGS.bundle_digest.label("used_digest"),
        _SCREENINGS.operating_point.label("used_point"),
        _SCREENINGS.threshold.label("used_threshold"),
        _MODELS.name.label("model_name"),
        _MODELS.version.label("model_version"),
        _MODELS.trained,
        _INSTANCES.requested_at,
        _INSTANCES.received_at,
        _INSTANCES.prepared_at,
        _SCREENINGS.started_at,
        _SCREENINGS.finished_at,
        *(_INSTANCES[name] for name in _FILM),
        *(_SCREENINGS[name] for name in _RESULT),
    )
    .select_from(Instance.__table__)
    .outerjoin(Screening.__table__, _SCREENINGS.instance_id == _INSTANCES.id)
    .outerjoin(Model.__table__, _MODELS.digest == _SCREENINGS.bundle_digest)
    .where(_INSTANCES.current),
    _INSTANCES.study_id,
)
_READ_DELIVERIES: Final = _prepare(
    select(_REPORT_OBJECTS.screening_id, _DELIVERIES.created_at, _DELIVERIES.delivered_at)
    .select_from(ReportObject.__table__)
    .join(Delivery.__table__, _DELIVERIES.sop_instance_uid == _REPORT_OBJECTS.sop_instance_uid)
    .where(_DELIVERIES.delivered_at.is_not(None))
    .order_by(_DELIVERIES.delivered_at.desc()),
    _REPORT_OBJECTS.screening_id,
)


def read_entries(session: Session, study_ids: Sequence[int]) -> list[StudyEntry]:
    """Return the studies of these rows, in the order of `study_ids`."""
    films = _read_films(session, study_ids)
    rows = _read(session, _READ_STUDIES, study_ids)
    entries = {row[0]: _describe_study(row, films.get(row[0], [])) for row in rows}
    return [entries[study_id] for study_id in study_ids if study_id in entries]


def read_headers(
    session: Session, study_instance_uids: Sequence[str]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the headers of current films (DICOM JSON model, PS3.18 F.2) by study and SOP Instance UID.

    Of films of different patients under one UID in one study, it is the header of the first.
    """
    rows = session.execute(
        select(Study.study_instance_uid, Instance.sop_instance_uid, Instance.header)
        .join(Study, Study.id == Instance.study_id)
        .where(Study.study_instance_uid.in_(study_instance_uids), Instance.current)
        .order_by(Instance.id.desc())
    )
    headers: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        headers.setdefault(row.study_instance_uid, {})[row.sop_instance_uid] = row.header
    return headers


def _read_films(session: Session, study_ids: Sequence[int]) -> dict[int, list[FilmEntry]]:
    """Return the current films of each study, in the order of their reception."""
    rows = _read(session, _READ_FILMS, study_ids).all()
    delivered = _find_deliveries(session, [row.screening_id for row in rows if row.screening_id is not None])
    patients = _read_patients(session, [row.id for row in rows if row.notices])
    screened = [row for row in rows if row.screening_id is not None]
    rule_in = rule_in_thresholds.find(session, {(row.used_digest, row.used_point) for row in screened})
    films: dict[int, list[FilmEntry]] = {}
    for row in sorted(rows, key=lambda row: row.id):
        high = rule_in.get((row.used_digest, row.used_point))
        film = _describe_film(row, delivered.get(row.screening_id), patients.get(row.id, Patient()), high)
        films.setdefault(row.study_id, []).append(film)
    return films


def _read_patients(session: Session, film_ids: Sequence[int]) -> dict[int, Patient]:
    """Return the patients of films' own headers."""
    if not film_ids:
        return {}
    return {row.id: read_patient(row.header) for row in _read(session, _READ_PATIENTS, film_ids)}


def _find_deliveries(session: Session, screening_ids: Sequence[int]) -> dict[int, Any]:
    """Return each screening's first finished delivery."""
    if not screening_ids:
        return {}
    rows = _read(session, _READ_DELIVERIES, screening_ids)
    return {row.screening_id: row for row in rows if row.screening_id is not None}


def _describe_study(values: Sequence[Any], films: Sequence[FilmEntry]) -> StudyEntry:
    named = dict(zip(("key", *_STUDY), values, strict=True))
    for name in _LISTS:
        named[name] = split_values(named[name])
    worst = _find_worst(films)
    return StudyEntry(**named, films=films, tb_score=None if worst is None else worst.tb_score)


def _find_worst(films: Sequence[FilmEntry]) -> FilmEntry | None:
    screened = [film for film in films if film.probability is not None]
    if len(screened) < 2:  # nearly always: ranks take time
        return next(iter(screened), None)
    return max(screened, key=lambda film: rank_suspicion(str(film.priority), film.probability or 0.0))


_NAMED: Final = (*_FILM, *_RESULT)


def _describe_film(row: Any, delivery: Any, patient: Patient, rule_in: float | None) -> FilmEntry:
    named = dict(zip(_NAMED, row[-len(_NAMED) :], strict=True))
    named["notices"] = split_values(row.notices)
    return FilmEntry(
        **named,
        patient_id=patient.patient_id,
        patient_name=patient.patient_name,
        model=None if row.model_name is None else f"{row.model_name} {row.model_version}",
        trained=row.trained,
        stages_ms=_measure_stages(row, delivery),
        tb_score=None if rule_in is None else place(row.score, row.used_threshold, rule_in),
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
