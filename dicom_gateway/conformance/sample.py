"""A synthetic result on a synthetic film, whose objects show the attributes that are sent."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ComputedRadiographyImageStorage

from db.delivery.outbox import ReportableScreening
from db.delivery.refusal_outbox import ReportableRefusal
from db.films.screenings import Heat
from dicom_gateway.results.presentation_state import build_presentation_state
from dicom_gateway.results.refusal_report import build_refusal
from dicom_gateway.results.secondary_capture import build_secondary_capture
from dicom_gateway.results.structured_report import build_report
from dicom_gateway.settings import CourierSettings
from domain.codes import Refusal

MANIFEST: dict[str, Any] = {
    "name": "model",
    "version": "1",
    "trained": True,
    "normalization": {"version": "1"},
    "operating_points": [{"name": "screening", "threshold": 0.5}, {"name": "rule_in", "threshold": 0.7}],
    "calibration": {"prevalence": 0.05},
    "files": {"model.weights.h5": "0" * 64},
}
MOMENT = datetime(2026, 1, 1, 12, tzinfo=UTC)


def build_samples(settings: CourierSettings, software_version: str) -> dict[str, Dataset]:
    """Return an object of each sent kind, by kind."""
    screening = _make_screening()
    picture = io.BytesIO()
    Image.new("L", (640, 512), 128).save(picture, "JPEG")
    heat = Heat(2, 2, 0.1, bytes([0, 255, 0, 0]))
    built = {
        "result": build_report(screening, heat, settings, software_version),
        "picture": build_secondary_capture(screening, picture.getvalue(), heat, settings, software_version),
        "state": build_presentation_state(screening, heat, None, settings, software_version),
        "refusal": build_refusal(_make_refusal(), settings, software_version),
    }
    return {kind: dcmread(io.BytesIO(report.part10)) for kind, report in built.items()}


def _make_header() -> dict[str, Any]:
    film = Dataset()
    film.SOPClassUID, film.SOPInstanceUID = ComputedRadiographyImageStorage, "2.25.1"
    film.StudyInstanceUID, film.SeriesInstanceUID = "2.25.2", "2.25.3"
    film.Modality, film.Rows, film.Columns = "CR", 2500, 2048
    film.PatientName, film.PatientID, film.PatientBirthDate, film.PatientSex = "A^B", "1", "19700101", "F"
    film.StudyDate, film.StudyTime, film.StudyID, film.AccessionNumber = "20260101", "120000", "1", "1"
    film.ReferringPhysicianName, film.PatientAge, film.StudyDescription = "C^D", "055Y", "CHEST"
    header: dict[str, Any] = film.to_json_dict()
    return header


def _describe_film() -> dict[str, Any]:
    return {
        "attempts": 1,
        "header": _make_header(),
        "sop_instance_uid": "2.25.1",
        "sop_class_uid": str(ComputedRadiographyImageStorage),
        "dataset_sha256": "0" * 64,
        "revision": 1,
        "predecessor": None,
        "calling_ae_title": "CR1",
        "station_name": None,
        "modality": "CR",
    }


def _make_screening() -> ReportableScreening:
    return ReportableScreening(
        outbox_id=1,
        screening_id=1,
        **_describe_film(),
        doubts=(),
        manifest=MANIFEST,
        bundle_digest="0" * 64,
        operating_point="screening",
        threshold=0.5,
        score=0.9,
        probability=0.8,
        calibrated_threshold=0.4,
        finding="present",
        priority="HIGH",
        finished_at=MOMENT,
    )


def _make_refusal() -> ReportableRefusal:
    return ReportableRefusal(
        instance_id=1,
        **_describe_film(),
        refusal=Refusal.NOT_CHEST,
        detail="body part examined is HAND",
        refused_at=MOMENT,
    )
