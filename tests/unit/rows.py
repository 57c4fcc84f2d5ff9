"""Rows as the rooms write them, by the same functions: a film received, queued, screened, reported."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session, undefer

from db.clock import now
from db.database import Database
from db.delivery import outbox, report_objects
from db.delivery.outbox import ReportableScreening
from db.delivery.report_objects import BuiltReport
from db.films import films, receptions, screenings
from db.films.receptions import ReceivedFilm, Reception
from db.films.screenings import ScreeningResult
from db.models import bundles
from db.tables import Instance, Record
from db.worklist.studies import StudyHeader
from domain.array.normalization import SPEC
from domain.bundle.manifest import STRUCTURE, WEIGHTS
from domain.codes import Doubt, Finding, Observation, Priority

GATEWAY = "gateway-1"
DIGEST = "a" * 64
OTHER_DIGEST = "b" * 64
LEASE = timedelta(minutes=5)


def make_film(
    uid: str = "1.2.3.1", content: str = "pixels", study: str | StudyHeader = "1.2.3", **changes: Any
) -> ReceivedFilm:
    """Return what a gateway knows of a film; `content` stands for its bytes."""
    header = StudyHeader(study) if isinstance(study, str) else study
    film = ReceivedFilm(
        sop_instance_uid=uid,
        sop_class_uid="1.2.840.10008.5.1.4.1.1.1.1",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        dataset_sha256=hashlib.sha256(f"{uid} {content}".encode()).hexdigest(),
        series_instance_uid=f"{header.study_instance_uid}.9",
        calling_ae_title="MODALITY",
        gateway=GATEWAY,
        spool_path=f"00/{uid}.dcm",
        byte_size=1000,
        requested_at=now(),
        study=header,
        modality="DX",
        body_part="CHEST",
        view_position="PA",
        age_years=40,
        header=_write_header(header),
    )
    return replace(film, **changes)


def _write_header(header: StudyHeader) -> dict[str, Any]:
    """Return the DICOM JSON model of a film of this study's patient."""
    values = {
        "00100010": ("PN", {"Alphabetic": header.patient_name or "Doe^Jane"}),
        "00100020": ("LO", header.patient_id),
        "00100021": ("LO", header.patient_id_issuer),
        "00100030": ("DA", header.patient_birth_date),
        "0020000D": ("UI", header.study_instance_uid),
    }
    return {tag: {"vr": vr, "Value": [value]} for tag, (vr, value) in values.items() if value}


def receive(database: Database, uid: str = "1.2.3.1", content: str = "pixels", **changes: Any) -> Reception:
    """Receive one film."""
    with database.write() as session:
        return receptions.record_reception(session, make_film(uid, content, **changes))


def register_model(
    database: Database,
    digest: str = DIGEST,
    *,
    name: str = "test-model",
    version: str = "1.0",
    trained: bool = True,
    active: bool = True,
    reported: str = "screening",
    normalization: str = SPEC.version,
    films: str | None = None,
) -> None:
    """Register a bundle that consists of a manifest alone, or of that and a `films.csv`."""
    manifest = {
        "name": name,
        "version": version,
        "trained": trained,
        "architecture": "test",
        "normalization": {"version": normalization},
        "operating_points": [
            {"name": point, "threshold": threshold, "sensitivity": None, "specificity": None}
            for point, threshold in {reported: 0.25, "screening": 0.25, "rule_in": 0.75}.items()
        ],
        "reported_operating_point": reported,
        "calibration": {"method": "identity", "prevalence": None},
        "files": {STRUCTURE: "0" * 64, WEIGHTS: "0" * 64},
    }
    with database.write() as session:
        files = {"manifest.json": b"{}"} | ({} if films is None else {"films.csv": films.encode()})
        bundles.register(session, digest, manifest, files)
        if active:
            bundles.mark_active(session, digest)


def queue(
    database: Database,
    instance_id: int,
    doubts: Sequence[Doubt] = (),
    normalization: str = SPEC.version,
    observations: Sequence[Observation] = (),
) -> None:
    """Prepare and dispatch a received film; a bundle must be active."""
    with database.write() as session:
        films.record_preparation(
            session, instance_id, b"\xff\xd8 a rendition", doubts, observations=observations
        )
        assert films.pin_bundle(session, instance_id, normalization) is not None
        assert films.mark_queued(session, instance_id, LEASE)


def receive_and_queue(
    database: Database, uid: str = "1.2.3.1", content: str = "pixels", **changes: Any
) -> int:
    """Receive and dispatch one film; returns its row."""
    instance_id = receive(database, uid, content, **changes).instance_id
    queue(database, instance_id)
    return instance_id


def make_result(
    instance_id: int,
    score: float = 0.9,
    finding: Finding = Finding.PRESENT,
    priority: Priority = Priority.HIGH,
    digest: str = DIGEST,
) -> ScreeningResult:
    """Return a result, as a worker makes it."""
    return ScreeningResult(
        instance_id=instance_id,
        bundle_digest=digest,
        operating_point="screening",
        threshold=0.4,
        score=score,
        probability=score,
        calibrated_threshold=0.4,
        finding=finding,
        priority=priority,
        worker="worker-1",
        started_at=now(),
        finished_at=now(),
    )


def screen(
    database: Database,
    instance_id: int,
    score: float = 0.9,
    finding: Finding = Finding.PRESENT,
    priority: Priority = Priority.HIGH,
) -> None:
    """Screen a queued film."""
    with database.write() as session:
        assert screenings.begin_attempt(session, instance_id) is not None
        assert screenings.record_result(session, make_result(instance_id, score, finding, priority))


def report(database: Database, peers: Sequence[str] = ("pacs",)) -> list[str]:
    """Turn every screening of the outbox into a report for `peers`; returns the reports' UIDs."""
    made = []
    with database.write() as session:
        for entry in outbox.lease(session, LEASE, 100):
            built = make_report(entry.screening_id)
            store_report(session, entry, built, peers)
            made.append(built.sop_instance_uid)
    return made


def store_report(
    session: Session, leased: ReportableScreening, built: BuiltReport, peers: Sequence[str]
) -> None:
    """Store a leased screening's one report for `peers`, as the courier does for each kind of object."""
    report_objects.store(session, built, peers, screening_id=leased.screening_id)
    outbox.close(session, leased.outbox_id)


def make_report(screening_id: int) -> BuiltReport:
    """Return a report's bytes and UID, made of its screening's number."""
    return BuiltReport(
        f"2.25.{screening_id}",
        "1.2.840.10008.5.1.4.1.1.88.34",
        "sr",
        f"the report of screening {screening_id}".encode(),
    )


def make_due(database: Database, table: type[Record], seconds_ago: float = 1.0) -> None:
    """Let every lease of a table be over, as if the time had passed."""
    with database.write() as session:
        session.execute(update(table).values(due_at=now() - timedelta(seconds=seconds_ago)))


def read_film(database: Database, instance_id: int) -> Instance:
    """Return a film's row, detached."""
    with database.read() as session:
        return session.get_one(Instance, instance_id, options=[undefer(Instance.header)])
