"""The row of a film that is durable in the spool, read from its header."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from db.films import receptions
from dicom_gateway.dataset_header import DatasetHeader, read_study, read_text
from dicom_gateway.rules.patient_age import read_age_years
from dicom_gateway.rules.site_rules import fits
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.source_uids import read_uid
from dicom_gateway.spool import SpooledFile


def describe_film(
    header: DatasetHeader,
    model: dict[str, Any],
    file: SpooledFile,
    sop_instance_uid: str,
    sender: str,
    requested_at: datetime,
    settings: GatewaySettings,
) -> receptions.ReceivedFilm:
    """Return the row of a film.

    Args:
        header: header of the film's dataset.
        model: the header as DICOM JSON model.
        file: the film's file in the spool.
        sop_instance_uid: SOP Instance UID of the film.
        sender: AE title of the sender; empty if unknown.
        requested_at: time of the C-STORE request.
        settings: settings of the gateway that holds the file.
    """
    dataset = header.dataset
    return receptions.ReceivedFilm(
        sop_instance_uid=sop_instance_uid,
        sop_class_uid=str(dataset.SOPClassUID),
        transfer_syntax_uid=str(header.transfer_syntax),
        dataset_sha256=file.dataset_sha256,
        series_instance_uid=read_uid(dataset, "SeriesInstanceUID"),
        calling_ae_title=sender,
        gateway=settings.name,
        spool_path=file.relative_path,
        byte_size=file.byte_size,
        requested_at=requested_at,
        study=read_study(dataset),
        modality=read_text(dataset, "Modality", 32),
        body_part=read_text(dataset, "BodyPartExamined", 64),
        view_position=read_text(dataset, "ViewPosition", 32),
        age_years=read_age_years(dataset),
        station_name=read_text(dataset, "StationName", 64),
        institution_name=read_text(dataset, "InstitutionName", 64),
        urgent=fits(settings.urgent_calling_ae_titles, sender),
        header=model,
    )
