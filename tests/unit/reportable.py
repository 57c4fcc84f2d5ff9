"""Reportable screenings and refusals, made from files without a database, and their SRs."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from db.delivery.outbox import ReportableScreening
from db.delivery.refusal_outbox import ReportableRefusal
from db.delivery.report_objects import BuiltReport
from db.films.screenings import Heat
from dicom_gateway.dataset_header import read_header, to_json_model
from dicom_gateway.results import structured_report
from dicom_gateway.settings import CourierSettings
from domain.codes import Refusal
from tests.screened_films import MANIFEST


def make_screening(film: Path, **changes: Any) -> ReportableScreening:
    """Return the result on a film."""
    header = read_header(film).dataset
    return replace(
        ReportableScreening(
            outbox_id=1,
            screening_id=2,
            attempts=1,
            header=json.loads(json.dumps(to_json_model(header))),
            sop_instance_uid=str(header.SOPInstanceUID),
            sop_class_uid=str(header.SOPClassUID),
            dataset_sha256="a" * 64,
            revision=1,
            doubts=(),
            manifest=MANIFEST,
            bundle_digest="b" * 64,
            operating_point="screening",
            threshold=0.4,
            score=0.9,
            probability=0.83456,
            calibrated_threshold=0.412,
            finding="present",
            priority="HIGH",
            finished_at=datetime(2024, 5, 6, 23, 8, 9, tzinfo=UTC),
            predecessor=None,
        ),
        **changes,
    )


def build_both_ways(
    screening: ReportableScreening,
    heat: Heat | None = None,
    settings: CourierSettings | None = None,
) -> BuiltReport:
    """Return the SR of a screening; it must be the one that highdicom builds."""
    settings = settings or CourierSettings()
    report = structured_report.build_report(screening, heat, settings, "9.9")
    content = structured_report.describe_report(screening, heat, settings)
    by_highdicom = structured_report.build_document(content, settings, "9.9")
    assert report == by_highdicom
    return report


def make_refusal(film: Path, refusal: Refusal = Refusal.NOT_CHEST, **changes: Any) -> ReportableRefusal:
    """Return the refusal of a film."""
    header = read_header(film).dataset
    return replace(
        ReportableRefusal(
            instance_id=1,
            attempts=1,
            header=json.loads(json.dumps(to_json_model(header))),
            sop_instance_uid=str(header.SOPInstanceUID),
            sop_class_uid=str(header.SOPClassUID),
            dataset_sha256="a" * 64,
            revision=1,
            refusal=refusal,
            detail="body part examined is HAND",
            refused_at=datetime(2024, 5, 6, 23, 8, 9, tzinfo=UTC),
            predecessor=None,
            calling_ae_title="MODALITY",
            station_name=None,
            modality="CR",
        ),
        **changes,
    )
