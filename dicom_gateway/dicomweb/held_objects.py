"""The instances that can be retrieved: objects of ours always, films while the spool has their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from pydicom import dcmread
from pydicom.dataset import Dataset
from sqlalchemy.orm import Session

from db.database import Database
from db.delivery import report_objects, study_objects
from db.delivery.study_objects import StudyObject
from db.films import held_films
from db.films.held_films import HeldFilm
from db.worklist.study_entries import FilmEntry
from dicom_gateway.query.worklist_attributes import StudyRecord
from dicom_gateway.query.worklist_search import Plan
from dicom_gateway.spool import Spool
from domain.codes import ReportKind

Model = dict[str, Any]
"""DICOM JSON Model (PS3.18 F.2)."""

MODALITIES: Final[Mapping[str, str]] = {
    ReportKind.SR.value: "SR",
    ReportKind.REFUSAL.value: "SR",
    ReportKind.SC.value: "OT",
    ReportKind.GSPS.value: "PR",
}
"""Modality (0008,0060) of our objects by kind."""

LOOKUP_TABLES: Final = ("00283000", "00283010")
"""Modality and VOI LUT Sequence, whose data the database does not keep."""


@dataclass(frozen=True)
class HeldInstance:
    """An instance that is known here. Holds patient data: show it, never log it."""

    study: str
    series: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax: str
    header: Model
    path: Path | None = None
    """File of a film; None for our objects, and for films that are no longer here."""
    byte_count: int = 0
    """Size of an object of ours; 0 for films."""

    @property
    def is_here(self) -> bool:
        """True when it can be retrieved."""
        return self.path is not None or bool(self.byte_count)

    @property
    def patient_id(self) -> str:
        """Patient ID (0010,0020); empty without one."""
        return str(next(iter(self.header.get("00100020", {}).get("Value", ())), "") or "")


class HeldObjects:
    """Finds what can be retrieved.

    Args:
        database: films and our objects.
        spool: the files of films.
        gateway: name of this gateway, whose spool it is.
    """

    def __init__(self, database: Database, spool: Spool, gateway: str) -> None:
        self._database = database
        self._spool = spool
        self._gateway = gateway

    def complete(self, session: Session, records: list[StudyRecord], plan: Plan) -> list[StudyRecord]:
        """Add our objects to the films of studies, as a search lists them, and say what is here."""
        uids = [record.study.study_instance_uid for record in records]
        spooled = held_films.find_spooled(session, uids, self._gateway)
        objects = study_objects.list_standing(session, uids)
        completed = []
        for record in records:
            uid = record.study.study_instance_uid
            ours = objects.get(uid, [])
            headers = {}
            if plan.level != "STUDY":
                headers = {item.sop_instance_uid: _read_model(session, item)[0] for item in ours}
            entries = [_describe(item, headers.get(item.sop_instance_uid, {})) for item in ours]
            modalities = {*record.study.modalities, *(MODALITIES[item.kind] for item in ours)}
            held = spooled.get(uid, frozenset()) | {item.sop_instance_uid for item in ours}
            completed.append(
                replace(
                    record,
                    study=replace(record.study, modalities=sorted(modalities)),
                    films=[*record.films, *entries],
                    headers={**record.headers, **headers},
                    held=held,
                )
            )
        return completed

    def find(self, study: str, series: str = "", instance: str = "") -> list[HeldInstance]:
        """Return the instances of a target, here or not; an empty list for one that is unknown.

        One that is named may be an object of a revision that was displaced, too.
        """
        with self._database.read() as session:
            films = held_films.list_of_study(session, study, self._gateway)
            ours = study_objects.list_standing(session, [study]).get(study, [])
            if instance and instance not in {item.sop_instance_uid for item in ours}:
                found = report_objects.find_object(session, instance)
                if found is not None and found.study_instance_uid == study:
                    ours = [StudyObject(study, instance, found.sop_class_uid, found.kind)]
            known = [self._hold_film(study, film) for film in films]
            known += [_hold_object(session, item) for item in ours if instance in ("", item.sop_instance_uid)]
        return [
            item for item in known if series in ("", item.series) and instance in ("", item.sop_instance_uid)
        ]

    def read_object(self, sop_instance_uid: str) -> bytes:
        """Return the bytes of an object of ours."""
        with self._database.read() as session:
            return study_objects.read_part10(session, sop_instance_uid)

    def _hold_film(self, study: str, film: HeldFilm) -> HeldInstance:
        path = None if film.spool_path is None else self._spool.path(film.spool_path)
        return HeldInstance(
            study,
            film.series_instance_uid,
            film.sop_instance_uid,
            film.sop_class_uid,
            film.transfer_syntax_uid,
            {tag: element for tag, element in film.header.items() if tag not in LOOKUP_TABLES},
            path if path is not None and path.is_file() else None,
        )


def _hold_object(session: Session, item: StudyObject) -> HeldInstance:
    header, dataset, size = _read_model(session, item)
    return HeldInstance(
        item.study_instance_uid,
        str(dataset.SeriesInstanceUID),
        item.sop_instance_uid,
        item.sop_class_uid,
        str(dataset.file_meta.TransferSyntaxUID),
        header,
        byte_count=size,
    )


def _read_model(session: Session, item: StudyObject) -> tuple[Model, Dataset, int]:
    part10 = study_objects.read_part10(session, item.sop_instance_uid)
    dataset = dcmread(BytesIO(part10), stop_before_pixels=True)
    return dataset.to_json_dict(suppress_invalid_tags=True), dataset, len(part10)


def _describe(item: StudyObject, header: Model) -> FilmEntry:
    """Return an object as the search's tables read films; on STUDY level each has a series of its own."""
    series = header.get("0020000E", {}).get("Value", [item.sop_instance_uid])[0]
    body_part = header.get("00180015", {}).get("Value", [None])[0]
    return FilmEntry(
        sop_instance_uid=item.sop_instance_uid,
        modality=MODALITIES[item.kind],
        body_part=body_part,
        view_position=None,
        state="",
        refusal=None,
        refusal_detail=None,
        doubts=(),
        score=None,
        probability=None,
        finding=None,
        priority=None,
        model=None,
        trained=None,
        stages_ms={},
        series_instance_uid=series,
        sop_class_uid=item.sop_class_uid,
    )
