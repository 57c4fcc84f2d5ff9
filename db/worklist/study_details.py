"""One study with its films, results, deliveries and reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from db.entries import make_entry
from db.films import screenings
from db.films.screenings import Heat
from db.models import site_thresholds
from db.tables import CommitmentItem, Delivery, HeatMap, Instance, Rendition, ReportObject, Screening, Study
from db.worklist import blinding, reads
from db.worklist.reads import ReadEntry
from db.worklist.studies import rank_suspicion, split_values
from domain.bundle.tb_score import rate
from domain.codes import Finding, Refusal
from domain.patient_identity import Patient, read_patient
from domain.viewing.film_scale import FilmScale, read_scale


@dataclass(frozen=True)
class DeliveryDetails:
    """One report on its way to one peer."""

    peer: str
    kind: str
    state: str
    attempts: int
    last_error: str | None
    created_at: datetime
    delivered_at: datetime | None
    commitment: str | None
    """State of its storage commitment; None where the peer is not asked for one."""


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold of a bundle, with its sensitivity and specificity on validation films, all 0..1."""

    name: str
    threshold: float
    sensitivity: float | None
    specificity: float | None


@dataclass(frozen=True)
class ScreeningDetails:
    """One model's result on one film. Scores, probabilities and thresholds are 0..1."""

    score: float
    probability: float
    threshold: float
    calibrated_threshold: float
    operating_point: str
    finding: str
    priority: str
    model: str
    model_version: str
    model_digest: str
    trained: bool
    operating_points: Sequence[OperatingPoint]
    """The operating points of the bundle."""
    prevalence: float | None
    """Prevalence for which the probability holds, 0..1; None where the bundle names none."""
    started_at: datetime
    finished_at: datetime
    has_heat: bool
    tb_score: int | None
    """The scale for people: 0 to 100, screening threshold at 50, rule-in threshold at 75; null for an
    untrained model."""
    threshold_for: str | None
    """The people for whom the threshold was chosen, and why; null for a threshold of all films."""


@dataclass(frozen=True)
class FilmDetails:
    """One film revision."""

    instance_id: int
    sop_instance_uid: str
    revision: int
    current: bool
    modality: str | None
    body_part: str | None
    view_position: str | None
    age_years: int | None
    station_name: str | None
    calling_ae_title: str
    state: str
    refusal: str | None
    refusal_detail: str | None
    doubts: Sequence[str]
    observations: Sequence[str]
    """Properties judged from the pixels and not from the header."""
    has_rendition: bool
    has_file: bool
    """True while a gateway's spool has its file."""
    scale: FilmScale | None
    """Its size, and that of its pixels; None where the header has no size."""
    requested_at: datetime
    received_at: datetime
    prepared_at: datetime | None
    queued_at: datetime | None
    refused_at: datetime | None
    screening: ScreeningDetails | None
    deliveries: Sequence[DeliveryDetails]
    """Deliveries of its result or its refusal."""
    notices: Sequence[str]
    patient: Patient
    """The patient of the film's own header."""


@dataclass(frozen=True)
class StudyDetails:
    """One study. Holds patient data: show it, never log it."""

    key: int
    """Its number here, by which the page addresses it."""
    study_instance_uid: str
    accession_number: str | None
    patient_id: str | None
    patient_name: str | None
    patient_birth_date: str | None
    patient_sex: str | None
    study_date: str | None
    study_time: str | None
    description: str | None
    received_at: datetime
    state: str
    refusal: str | None
    finding: str | None
    priority: str | None
    probability: float | None
    verdict: str | None
    is_read: bool
    films: Sequence[FilmDetails]
    """Oldest first, superseded revisions included; objects that tbscreen itself made are left out."""
    reads: Sequence[ReadEntry]
    """Newest first."""
    patient_id_issuer: str | None
    notices: Sequence[str]
    """Remarks on the patient data of its films; they change neither finding nor priority."""
    tb_score: int | None
    """The TB score of its most suspicious film."""
    differing_verdicts: Sequence[str]
    """Verdicts on which its readers differ, as long as nobody has decided."""
    opened_by: str | None
    """The reader who has it open, or had it open last."""
    opened_at: datetime | None
    """Time of the last sign of that reader's page."""
    hidden: bool
    """True while the result is hidden from the user who asks, who reads blinded and has not read the study:
    then finding, priority, probability, TB score, verdict and each film's screening are null, doubts and
    deliveries empty, and reads of others left out, whatever they are."""


def find_details(
    session: Session, study_instance_uid: str, *, hidden_from: str | None = None
) -> StudyDetails | None:
    """Return the details of a study; None if it is unknown.

    Args:
        session: one that reads.
        study_instance_uid: the study.
        hidden_from: the user who asks, where that user reads blinded.
    """
    found = _find_details(session, study_instance_uid)
    if found is None or hidden_from is None or blinding.find_open(session, hidden_from, [found.key]):
        return found
    return _hide(found, hidden_from)


def _hide(study: StudyDetails, reader: str) -> StudyDetails:
    """Return a study without all that tells its result; other readers' verdicts and words may."""
    return replace(
        study,
        hidden=True,
        finding=None,
        priority=None,
        probability=None,
        tb_score=None,
        verdict=None,
        reads=[read for read in study.reads if read.reader == reader],
        # A peer's rules may choose by finding or priority, so that a delivery tells them.
        films=[replace(film, screening=None, doubts=(), deliveries=()) for film in study.films],
    )


def _find_details(session: Session, study_instance_uid: str) -> StudyDetails | None:
    study = session.scalar(select(Study).where(Study.study_instance_uid == study_instance_uid))
    if study is None:
        return None
    rows = session.scalars(
        select(Instance)
        .where(Instance.study_id == study.id)
        .where(Instance.refusal.is_(None) | (Instance.refusal != Refusal.OWN_OUTPUT.value))
        .options(joinedload(Instance.screening).joinedload(Screening.model))
        .order_by(Instance.id)
    ).all()
    shown = set(
        session.scalars(
            select(Rendition.instance_id).where(Rendition.instance_id.in_([row.id for row in rows]))
        )
    )
    films = [_describe_film(session, row, row.id in shown) for row in rows]
    results = [film.screening for film in films if film.current and film.screening is not None]
    worst = max(results, key=lambda found: rank_suspicion(found.priority, found.probability), default=None)
    return make_entry(
        StudyDetails,
        study,
        key=study.id,
        films=films,
        tb_score=None if worst is None else worst.tb_score,
        reads=reads.list_reads(session, study_instance_uid),
        notices=split_values(study.notices),
        differing_verdicts=split_values(study.differing_verdicts),
        hidden=False,
    )


def find_uid(session: Session, key: int) -> str | None:
    """Return the Study Instance UID of the study with this key, as it came, or None."""
    return session.scalar(select(Study.study_instance_uid).where(Study.id == key))


def find_patient_id(session: Session, study_instance_uid: str) -> str | None:
    """Return the Patient ID of a study, or None."""
    return session.scalar(select(Study.patient_id).where(Study.study_instance_uid == study_instance_uid))


def find_rendition(session: Session, study_instance_uid: str, instance_id: int) -> bytes | None:
    """Return a film of a study as an 8-bit grey JPEG of at most 1024 pixels a side, or None."""
    return session.scalar(
        select(Rendition.jpeg)
        .join(Instance, Instance.id == Rendition.instance_id)
        .join(Study, Study.id == Instance.study_id)
        .where(Study.study_instance_uid == study_instance_uid, Instance.id == instance_id)
    )


def is_hidden(session: Session, study_instance_uid: str, hidden_from: str | None) -> bool:
    """True for a study whose result is hidden from a user who reads blinded; False where that is None."""
    if hidden_from is None:
        return False
    key = session.scalar(select(Study.id).where(Study.study_instance_uid == study_instance_uid))
    return key is not None and not blinding.find_open(session, hidden_from, [key])


def find_heat(session: Session, study_instance_uid: str, instance_id: int) -> Heat | None:
    """Return the heat map of a film of a study, or None."""
    screening = _find_screening(session, study_instance_uid, instance_id)
    return None if screening is None else screenings.find_heat(session, screening.id)


def find_finding(session: Session, study_instance_uid: str, instance_id: int) -> Finding:
    """Return the finding on a film of a study; undetermined for a film without result."""
    screening = _find_screening(session, study_instance_uid, instance_id)
    return Finding.UNDETERMINED if screening is None else Finding(screening.finding)


def _find_screening(session: Session, study_instance_uid: str, instance_id: int) -> Screening | None:
    return session.scalar(
        select(Screening)
        .join(Instance, Instance.id == Screening.instance_id)
        .join(Study, Study.id == Instance.study_id)
        .where(Study.study_instance_uid == study_instance_uid, Instance.id == instance_id)
    )


def _describe_film(session: Session, film: Instance, has_rendition: bool) -> FilmDetails:
    return make_entry(
        FilmDetails,
        film,
        instance_id=film.id,
        doubts=list(film.doubts),
        observations=list(film.observations or ()),
        has_rendition=has_rendition,
        has_file=film.spool_path is not None,
        scale=read_scale(film.header),
        refused_at=film.state_changed_at if film.refusal is not None else None,
        screening=None if film.screening is None else _describe_screening(session, film.screening),
        deliveries=_list_deliveries(session, film),
        notices=split_values(film.notices),
        patient=read_patient(film.header),
    )


def _describe_screening(session: Session, screening: Screening) -> ScreeningDetails:
    has_heat = session.scalar(select(HeatMap.screening_id).where(HeatMap.screening_id == screening.id))
    manifest = site_thresholds.read_manifest(session, screening)
    return make_entry(
        ScreeningDetails,
        screening,
        model=screening.model.name,
        model_version=screening.model.version,
        model_digest=screening.bundle_digest,
        trained=screening.model.trained,
        operating_points=_list_points(manifest),
        prevalence=_find_prevalence(manifest),
        has_heat=has_heat is not None,
        tb_score=rate(screening.score, screening.threshold, manifest),
        threshold_for=manifest.get(site_thresholds.THRESHOLD_FOR),
    )


def _list_points(manifest: Mapping[str, Any]) -> list[OperatingPoint]:
    return [
        OperatingPoint(
            str(point["name"]), float(point["threshold"]), point.get("sensitivity"), point.get("specificity")
        )
        for point in manifest.get("operating_points") or ()
    ]


def _find_prevalence(manifest: Mapping[str, Any]) -> float | None:
    value = (manifest.get("calibration") or {}).get("prevalence")
    return None if value is None else float(value)


def _list_deliveries(session: Session, film: Instance) -> list[DeliveryDetails]:
    made_of = ReportObject.instance_id == film.id
    if film.screening is not None:
        made_of |= ReportObject.screening_id == film.screening.id
    rows = session.execute(
        select(Delivery, ReportObject.kind, CommitmentItem.state)
        .join(ReportObject, ReportObject.sop_instance_uid == Delivery.sop_instance_uid)
        .outerjoin(CommitmentItem, CommitmentItem.delivery_id == Delivery.id)
        .where(made_of)
        .order_by(Delivery.id)
    )
    return [
        make_entry(DeliveryDetails, delivery, kind=kind, commitment=commitment)
        for delivery, kind, commitment in rows
    ]
