"""UIDs of films that break the rules: kept as they came, and reported as the nearest valid one."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from dicom_gateway.dataset_header import read_header, read_study
from dicom_gateway.results.refusal_report import build_refusal, may_be_reported
from dicom_gateway.results.secondary_capture import build_secondary_capture
from dicom_gateway.results.structured_report import build_report
from dicom_gateway.settings import CourierSettings
from dicom_gateway.source_uids import VALID, name_uid, read_uid
from tests.films import small_film
from tests.screened_films import draw_rendition
from tests.unit.reportable import make_refusal, make_screening

LONG = "1.2.3." + "9" * 70
STUDY, SERIES = Tag("StudyInstanceUID"), Tag("SeriesInstanceUID")
HOSTILE: dict[str, tuple[str, Any, str]] = {
    "two values": ("UI", ["1.2.3", "1.2.4"], "1.2.3"),
    "first value invalid": ("UI", ["0.", "1.2.4"], "1.2.4"),
    "leading zeros": ("UI", "1.2.003.4", "1.2.003.4"),
    "other VR": ("LO", "1.2.3.77", "1.2.3.77"),
    "number": ("US", 5, "2.25."),
    "bytes": ("OB", b"1.2.3.78\0", "1.2.3.78"),
    "no UID": ("LO", "STUDY/5 <b>", "2.25."),
    "too long": ("UI", LONG, "2.25."),
}
"""Value representation and value of both UIDs, and how the reported one begins."""


def make_film(folder: Path, vr: str, value: Any) -> Path:
    path = small_film(folder)
    film = dcmread(path)
    for tag in (STUDY, SERIES):
        film[tag] = DataElement(tag, vr, value)
    film.save_as(path)
    return path


def list_texts(item: Dataset) -> list[str]:
    children = item.get("ContentSequence") or []
    return [str(item.get("TextValue", ""))] + [text for child in children for text in list_texts(child)]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI", "ignore:The value length")
def test_a_film_with_such_uids_is_reported_and_the_report_says_so(name: str, tmp_path: Path) -> None:
    vr, value, begins = HOSTILE[name]
    film = make_film(tmp_path, vr, value)
    refusal = make_refusal(film)
    assert may_be_reported(refusal)
    settings = CourierSettings()
    screening = make_screening(film)
    for built in (
        build_report(screening, None, settings, "1"),
        build_refusal(refusal, settings, "1"),
        build_secondary_capture(screening, draw_rendition(), None, settings, "1"),
    ):
        report = dcmread(io.BytesIO(built.part10))
        named = report[STUDY]
        assert (named.VR, named.VM) == ("UI", 1)
        assert str(named.value).startswith(begins)
        assert len(str(named.value)) <= 64
        assert VALID.fullmatch(str(named.value)) or name == "leading zeros"
        if "ContentSequence" in report:
            evidence = report.CurrentRequestedProcedureEvidenceSequence[0]
            assert evidence.StudyInstanceUID == report.StudyInstanceUID
            assert str(evidence.ReferencedSeriesSequence[0].SeriesInstanceUID).startswith(begins)
            told = " ".join(list_texts(report))
            assert ("Study Instance UID" in told) is (name not in ("other VR", "bytes"))


@pytest.mark.parametrize(
    ("vr", "value", "stored"),
    [
        ("UI", ["1.2.3", "1.2.4"], "1.2.3\\1.2.4"),
        ("UI", "1.2.003", "1.2.003"),
        ("LO", "STUDY/5 <b>", "STUDY/5 <b>"),
        ("US", 5, "5"),
        ("LO", "1.2\n3", "1.2\\x0a3"),
        ("SQ", [Dataset()], None),
        ("UI", "", None),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_the_value_is_stored_as_it_came(vr: str, value: Any, stored: str | None) -> None:
    film = Dataset()
    film[STUDY] = DataElement(STUDY, vr, value)
    film.SOPInstanceUID = "1.2.9"
    assert read_uid(film, "StudyInstanceUID") == stored
    assert read_study(film).study_instance_uid == (stored or "1.2.9")
    if stored is None:
        assert name_uid(film, "StudyInstanceUID") is None


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI", "ignore:The value length")
def test_long_values_that_begin_alike_are_different_studies(tmp_path: Path) -> None:
    stored = []
    for end in "12":
        header = read_header(make_film(tmp_path, "UI", LONG + end)).dataset
        stored.append(read_study(header).study_instance_uid)
    assert len(set(stored)) == 2
    assert [len(uid) for uid in stored] == [64, 64]
    assert all(uid.startswith(LONG[:40]) for uid in stored)


def test_a_valid_uid_needs_no_word() -> None:
    film = Dataset()
    film.StudyInstanceUID = "1.2.3"
    named = name_uid(film, "StudyInstanceUID")
    assert named is not None
    assert (named.uid, named.fault) == ("1.2.3", "")
