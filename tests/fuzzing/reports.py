"""Builds the reports of a campaign's films, as the courier does, and checks that each is a valid object."""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass, field
from typing import Final

from highdicom.sr import Comprehensive3DSR
from pydicom import dcmread
from pydicom.dataset import Dataset
from sqlalchemy import select
from structlog.testing import capture_logs

from db.database import Database
from db.delivery import outbox, refusal_outbox
from db.tables import OutboxEntry, RefusalOutboxEntry, ReportObject
from dicom_gateway.delivery.report_round import ReportRound
from dicom_gateway.settings import CourierSettings, PeerSettings
from dicom_gateway.source_uids import PADDED, VALID
from domain.codes import ReportKind

PEER: Final = PeerSettings(name="pacs", ae_title="PACS", host="127.0.0.1", port=104, kinds=tuple(ReportKind))


@dataclass
class Reports:
    """The objects of all films."""

    built: int = 0
    unbuilt: list[str] = field(default_factory=list)
    """Errors that prevented an object."""
    invalid: list[str] = field(default_factory=list)
    """UIDs of objects that are not valid, each with its fault."""


def build_reports(database: Database) -> Reports:
    """Build the objects of all screened and refused films, and read them again."""
    courier = ReportRound(database, [PEER], CourierSettings(), "fuzzing")
    reports = Reports()
    with capture_logs():
        while courier.report_due(threading.Event()):
            pass
    with database.read() as session:
        for table in (OutboxEntry, RefusalOutboxEntry):
            reports.unbuilt += [str(error) for error in session.scalars(select(table.last_error))]
        assert not outbox.has_due(session)
        assert not refusal_outbox.has_due(session)
        for uid, kind, part10 in session.execute(
            select(ReportObject.sop_instance_uid, ReportObject.kind, ReportObject.part10)
        ).tuples():
            reports.built += 1
            try:
                _check(uid, ReportKind(kind), part10)
            except Exception as error:  # noqa: BLE001  whatever a reader raises, the object is not valid
                reports.invalid.append(f"{kind} {uid}: {type(error).__name__}: {error}")
    return reports


def _check(uid: str, kind: ReportKind, part10: bytes) -> None:
    """Read an object as its receiver does; raise for one that is not valid."""
    report = dcmread(io.BytesIO(part10))
    for element in report.iterall():
        assert element.VR != "UN" or element.tag.is_private, f"{element.tag} has no VR"
    assert (report.SOPInstanceUID, report.file_meta.MediaStorageSOPInstanceUID) == (uid, uid)
    assert report["StudyInstanceUID"].VM == 1
    assert PADDED.fullmatch(report.StudyInstanceUID), "Study Instance UID"
    assert VALID.fullmatch(report.SeriesInstanceUID), "Series Instance UID"
    if kind is ReportKind.SC:
        assert report.pixel_array.shape == (report.Rows, report.Columns, 3)
    elif kind is ReportKind.GSPS:
        (series,) = report.ReferencedSeriesSequence
        assert series.ReferencedImageSequence, "no image is referenced"
        assert report.PresentationLUTShape in ("IDENTITY", "INVERSE")
    else:
        Comprehensive3DSR.from_dataset(report)
        assert _find_images(report), "no image is referenced"


def _find_images(item: Dataset) -> int:
    children = item.get("ContentSequence") or []
    return sum((child.ValueType == "IMAGE") + _find_images(child) for child in children)
