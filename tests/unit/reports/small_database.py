"""A database small enough to be counted by hand: a month of two stations, and the three months before.

What is in it, and what is to come of it, stands in `test_composition.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from db.database import Database
from db.states import DeliveryState, FilmState
from db.tables import (
    Delivery,
    Instance,
    Model,
    OutboxEntry,
    Read,
    RefusalOutboxEntry,
    ReportObject,
    Screening,
    Study,
)
from domain.bundle.manifest import STRUCTURE, WEIGHTS
from domain.codes import Finding, Priority
from tests.unit.worker.networks import MANIFEST

TRAINED = hashlib.sha256(b"trained").hexdigest()
UNTRAINED = hashlib.sha256(b"untrained").hexdigest()
FILES = {STRUCTURE: "0" * 64, WEIGHTS: "0" * 64}
THRESHOLD = 0.5
RULE_IN = 0.8


def at(text: str) -> datetime:
    """Return a moment of UTC: "2026-03-01 00:00"."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass(frozen=True)
class Film:
    """One film as its rows shall be; durations are seconds from the sender's request on."""

    received: str
    score: float | None = None
    refusal: str | None = None
    state: str | None = None
    verdict: str | None = None
    read_before: bool = False
    study: str | None = None
    station: str | None = "ROOM 1"
    institution: str | None = "North Clinic"
    sender: str = "MODALITY"
    model: str = TRAINED
    probability: float | None = None
    doubt: bool = False
    current: bool = True
    seconds: float = 10.0
    """From the sender's request to the result."""
    deliveries: Sequence[DeliveryState] = ()
    unbuilt: bool = False
    greys: tuple[float, float, float] | None = None
    age: int | None = 40
    sex: str | None = None
    changes: dict[str, Any] = field(default_factory=dict)


def fill(database: Database, films: Sequence[Film]) -> None:
    """Write two bundles and the rows of films."""
    with database.write() as session:
        for digest, trained in ((TRAINED, True), (UNTRAINED, False)):
            name = "lite" if trained else "raw"
            session.add(
                Model(
                    digest=digest,
                    name=name,
                    version="1",
                    trained=trained,
                    normalization_version="n",
                    manifest={
                        **MANIFEST,
                        "name": name,
                        "version": "1",
                        "trained": trained,
                        "operating_points": [
                            {"name": "screening", "threshold": THRESHOLD},
                            {"name": "rule_in", "threshold": RULE_IN},
                        ],
                        "files": FILES,
                    },
                    registered_at=at("2025-01-01"),
                )
            )
        session.flush()
        studies: dict[str, Study] = {}
        for number, film in enumerate(films, start=1):
            uid = film.study or f"1.2.{number}"
            if uid not in studies:
                studies[uid] = _make_study(uid, number, film)
                session.add(studies[uid])
                session.flush()
            instance = _make_instance(film, number, studies[uid].id)
            session.add(instance)
            session.flush()
            if film.verdict:
                session.add(_make_read(film, studies[uid].id))
            if film.refusal and film.deliveries:
                session.add(_make_refusal(instance))
                session.flush()
                session.add_all(_make_deliveries(film, f"2.26.{instance.id}", instance.received_at))
            if film.refusal and film.unbuilt:
                session.add(RefusalOutboxEntry(instance_id=instance.id, due_at=instance.received_at))
            if film.score is not None:
                screening = _make_screening(film, instance)
                session.add(screening)
                session.flush()
                if film.unbuilt:
                    session.add(OutboxEntry(screening_id=screening.id, due_at=instance.received_at))
                if film.deliveries:
                    session.add(_make_report(screening))
                    session.flush()
                    session.add_all(_make_deliveries(film, f"2.25.{screening.id}", screening.finished_at))


def _make_study(uid: str, number: int, film: Film) -> Study:
    return Study(
        study_instance_uid=uid,
        accession_number=f"ACC{number}",
        accession_key=f"acc{number}",
        patient_id=f"PATIENT{number}",
        patient_name=f"Secret^Name{number}",
        patient_sex=film.sex,
        study_date=film.received[:10].replace("-", ""),
        received_at=at(film.received),
        state=FilmState.RECEIVED,
    )


def _make_instance(film: Film, number: int, study_id: int) -> Instance:
    state = film.state or (
        FilmState.REFUSED
        if film.refusal
        else FilmState.RECEIVED
        if film.score is None
        else FilmState.SCREENED
    )
    received = at(film.received)
    mean, deviation, dark = film.greys or (None, None, None)
    return Instance(
        study_id=study_id,
        sop_instance_uid=f"1.2.3.{number}",
        sop_class_uid="1.2.840.10008.5.1.4.1.1.1.1",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        dataset_sha256=f"{number:064x}",
        revision=1,
        current=film.current,
        station_name=film.station,
        institution_name=film.institution,
        calling_ae_title=film.sender,
        gateway="g",
        byte_size=1,
        header={},
        age_years=film.age,
        state=state,
        refusal=film.refusal,
        due_at=received,
        array_mean=mean,
        array_deviation=deviation,
        array_dark=dark,
        requested_at=received - timedelta(seconds=1),
        received_at=received,
        prepared_at=received + timedelta(seconds=2) if film.score is not None else None,
        state_changed_at=received,
        **film.changes,
    )


def _make_read(film: Film, study_id: int) -> Read:
    moment = at(film.received) + timedelta(hours=-1 if film.read_before else 1)
    return Read(study_id=study_id, verdict=film.verdict, reader="dr", read_at=moment, current=True)


def _make_screening(film: Film, instance: Instance) -> Screening:
    assert film.score is not None
    score = film.score
    trained = film.model == TRAINED
    finding = Finding.PRESENT if score >= THRESHOLD else Finding.ABSENT
    priority = Priority.HIGH if score >= RULE_IN else Priority.MEDIUM if score >= THRESHOLD else Priority.LOW
    finished = instance.requested_at + timedelta(seconds=film.seconds)
    return Screening(
        instance_id=instance.id,
        bundle_digest=film.model,
        operating_point="screening",
        threshold=THRESHOLD,
        score=score,
        probability=score if film.probability is None else film.probability,
        calibrated_threshold=THRESHOLD,
        finding=finding if trained and not film.doubt else Finding.UNDETERMINED,
        priority=priority if trained else Priority.MEDIUM,
        worker="w",
        started_at=finished - timedelta(seconds=0.5),
        finished_at=finished,
    )


def _make_report(screening: Screening) -> ReportObject:
    return ReportObject(
        sop_instance_uid=f"2.25.{screening.id}",
        screening_id=screening.id,
        sop_class_uid="1.2.840.10008.5.1.4.1.1.88.34",
        kind="sr",
        created_at=screening.finished_at,
        part10=b"",
    )


def _make_refusal(instance: Instance) -> ReportObject:
    return ReportObject(
        sop_instance_uid=f"2.26.{instance.id}",
        instance_id=instance.id,
        sop_class_uid="1.2.840.10008.5.1.4.1.1.88.33",
        kind="refusal",
        created_at=instance.received_at,
        part10=b"",
    )


def _make_deliveries(film: Film, uid: str, built_at: datetime) -> list[Delivery]:
    created = built_at + timedelta(seconds=0.25)
    return [
        Delivery(
            sop_instance_uid=uid,
            peer=f"peer-{number}",
            state=state,
            due_at=created,
            created_at=created,
            delivered_at=created + timedelta(seconds=1 + number)
            if state is DeliveryState.DELIVERED
            else None,
        )
        for number, state in enumerate(film.deliveries)
    ]
