"""Rows of films that were really received: headers of real files, a rendition, a result, a heat map."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.database import Database
from db.films import films, receptions, screenings
from db.films.screenings import Heat
from db.models import bundles
from db.tables import Instance, Study
from db.worklist.studies import StudyHeader
from dicom_gateway.dataset_header import read_header, to_json_model
from domain.array.normalization import SPEC
from domain.codes import Finding, Priority, Refusal
from tests.unit import rows

MANIFEST: dict[str, Any] = {
    "name": "tbscreen-default",
    "version": "1.2.0",
    "trained": True,
    "normalization": SPEC.to_manifest(),
    "operating_points": [{"name": "screening", "threshold": 0.4}, {"name": "rule_in", "threshold": 0.7}],
    "reported_operating_point": "screening",
    "calibration": {"method": "platt", "prevalence": 0.05},
    "files": {"model.weights.h5": "c0ffee" * 10 + "beef"},
}


def activate_model(database: Database) -> None:
    """Register a bundle, a manifest alone, and make it the active one."""
    with database.write() as session:
        bundles.register(session, rows.DIGEST, MANIFEST, {"manifest.json": b"{}"})
        bundles.mark_active(session, rows.DIGEST)


def receive(database: Database, path: Path, **changes: Any) -> int:
    """Write the row of a film that a file holds; returns it."""
    header = read_header(path).dataset
    film = replace(
        rows.make_film(str(header.SOPInstanceUID), path.name),
        sop_class_uid=str(header.SOPClassUID),
        study=StudyHeader(str(header.get("StudyInstanceUID") or header.SOPInstanceUID)),
        header=json.loads(json.dumps(to_json_model(header))),
        **changes,
    )
    with database.write() as session:
        return receptions.record_reception(session, film).instance_id


def refuse(database: Database, instance_id: int, refusal: Refusal, detail: str = "why") -> None:
    """Refuse a received film."""
    with database.write() as session:
        assert films.refuse(session, instance_id, refusal, detail)


def screen(
    database: Database,
    instance_id: int,
    finding: Finding = Finding.PRESENT,
    priority: Priority = Priority.HIGH,
    heat: Heat | None = None,
) -> None:
    """Prepare, dispatch and screen a received film."""
    with database.write() as session:
        films.record_preparation(session, instance_id, draw_rendition(), [])
        assert films.pin_bundle(session, instance_id, SPEC.version) is not None
        assert films.mark_queued(session, instance_id, timedelta(minutes=5))
        assert screenings.begin_attempt(session, instance_id) is not None
        result = rows.make_result(instance_id, finding=finding, priority=priority)
        assert screenings.record_result(session, replace(result, heat=heat))


def draw_rendition(width: int = 200, height: int = 240) -> bytes:
    """Return a grey JPEG: a ramp from left to right, 40 to 200."""
    ramp = np.broadcast_to(np.linspace(40, 200, width), (height, width)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(ramp).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def one_hot_cell(row: int = 3, column: int = 10, size: int = 14, margin: float = 1 / 16) -> Heat:
    """Return a heat map with one hot cell."""
    cells = np.zeros((size, size), np.uint8)
    cells[row, column] = 255
    return Heat(size, size, margin, cells.tobytes())


def find_film(session: Session) -> str:
    """Return the SOP Instance UID of the only film."""
    return session.scalars(select(Instance.sop_instance_uid)).one()


def find_study(session: Session) -> str:
    """Return the Study Instance UID of the only study."""
    return session.scalars(select(Study.study_instance_uid)).one()
