from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmwrite
from pydicom.data import get_testdata_file
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset

from dicom_gateway.dataset_header import read_header, to_json_model
from dicom_gateway.results.source_header import (
    PATIENT_AND_STUDY,
    TYPE_2,
    UIDS,
    make_evidence,
    read_source,
    restore_as_sent,
)
from tests.golden.synthetic import describe_film


def test_source_is_the_header_that_was_stored() -> None:
    path = get_testdata_file("RG1_UNCR.dcm", download=False)
    assert path is not None
    header = read_header(Path(path)).dataset
    model = json.loads(json.dumps(to_json_model(header)))

    assert read_source(model).to_json_dict() == model
    assert read_source(model).PatientID == header.PatientID


@pytest.mark.parametrize(
    "element",
    [
        {"vr": "IS", "Value": ["text"]},
        {"Value": ["text"]},
        {},
        {"vr": "US", "Value": 5},
        {"vr": "SQ", "Value": [5]},
        {"vr": "OB", "InlineBinary": 7},
        {"vr": "OB", "BulkDataURI": "file:///etc/passwd"},
    ],
    ids=str,
)
def test_malformed_element_is_left_out_and_the_rest_is_read(element: dict[str, Any]) -> None:
    model = {
        "00100020": {"vr": "LO", "Value": ["ID"]},
        "00280008": element,
        "00280010": {"vr": "US", "Value": [8]},
    }

    source = read_source(model)

    assert source.PatientID == "ID"
    assert source.Rows == 8
    assert "NumberOfFrames" not in source


def test_evidence_has_every_attribute_of_type_2_even_if_the_film_has_none() -> None:
    source = Dataset()
    source.SOPClassUID, source.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1", "1.2.3"

    evidence = make_evidence(source)

    for keyword in TYPE_2:
        assert evidence[keyword].is_empty
    assert evidence.StudyInstanceUID == evidence.SeriesInstanceUID == "1.2.3"


@pytest.mark.parametrize("uid", [None, ""])
def test_film_without_study_or_series_stands_alone(uid: str | None) -> None:
    evidence = make_evidence(_film(StudyInstanceUID=uid, SeriesInstanceUID=uid))

    assert evidence.StudyInstanceUID == evidence.SeriesInstanceUID == evidence.SOPInstanceUID


def test_evidence_names_the_film() -> None:
    film = _film()

    evidence = make_evidence(film)

    for keyword in (
        "SOPClassUID",
        "SOPInstanceUID",
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "Rows",
        "Columns",
    ):
        assert evidence[keyword] == film[keyword]


@pytest.mark.parametrize(
    ("keyword", "value", "kept"),
    [
        ("StudyDate", "20240131", True),
        ("StudyDate", "2024-01-31", False),
        ("StudyDate", "20241331", False),
        ("PatientBirthDate", "yesterday", False),
        ("StudyTime", "101112.5", True),
        ("StudyTime", "noon", False),
        ("PatientSex", "F", True),
        ("PatientSex", "O", True),
        ("PatientSex", "female", False),
        ("PatientID", "any text", True),
        ("AccessionNumber", "A 1", True),
    ],
)
def test_evidence_is_well_formed_or_empty(keyword: str, value: str, kept: bool) -> None:
    evidence = make_evidence(_film(**{keyword: value}))

    assert evidence[keyword].is_empty is not kept
    assert not kept or str(evidence[keyword].value) == value


@pytest.mark.parametrize("keyword", ["PatientID", "StudyID", "AccessionNumber", "PatientBirthDate"])
def test_a_value_of_another_vr_is_left_empty(keyword: str) -> None:
    """Integers under a text attribute ended the building of the report when it was written."""
    model = json.loads(json.dumps(to_json_model(_film())))
    model[f"{tag_for_keyword(keyword):08X}"] = {"vr": "US", "Value": [1, 2]}
    evidence = make_evidence(read_source(model))
    assert dictionary_VR(keyword) == evidence[keyword].VR
    assert evidence[keyword].is_empty
    dcmwrite(BytesIO(), evidence, implicit_vr=False, little_endian=True)


def test_report_gets_patient_and_study_as_they_came() -> None:
    film = _film(PatientSex="female", StudyDate="2024-01-31", PatientComments="x", AccessionNumber="")
    report = Dataset()
    report.PatientSex, report.PatientName, report.Modality = "", "", "SR"

    restore_as_sent(report, film)

    for keyword in PATIENT_AND_STUDY:
        if keyword not in UIDS:
            assert report.get(keyword) == film.get(keyword)
    assert report.PatientSex == "female"
    assert report.AccessionNumber == ""
    assert report.Modality == "SR"


def test_attributes_that_the_film_lacks_stay_as_the_report_has_them() -> None:
    report = Dataset()
    report.PatientBirthDate = ""

    restore_as_sent(report, _film())

    assert "PatientBirthDate" in report
    assert "AccessionNumber" not in report


def test_empty_study_uid_does_not_take_the_place_of_the_reports() -> None:
    report = Dataset()
    report.StudyInstanceUID = "1.2.3"

    restore_as_sent(report, _film(StudyInstanceUID=""))

    assert report.StudyInstanceUID == "1.2.3"


def _film(**attributes: Any) -> Dataset:
    return describe_film(np.zeros((8, 8), dtype=np.uint16), **attributes)


@pytest.mark.parametrize(
    ("age", "kept"), [("062Y", True), ("011M", True), ("62", False), ("62Y", False), ("", True)]
)
@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, of these very values
def test_an_age_that_is_none_is_left_out(age: str, kept: bool) -> None:
    source, report = describe_film(np.zeros((4, 4), np.uint8), PatientAge=age), Dataset()

    restore_as_sent(report, source)

    assert ("PatientAge" in report) is kept
