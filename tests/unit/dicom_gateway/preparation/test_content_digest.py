"""A film has one digest in every encoding, and another as soon as anything that is used differs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from dicom_gateway.preparation.content_digest import HEADER_VALUES
from dicom_gateway.preparation.film_preparation import prepare
from dicom_gateway.settings import GatewaySettings
from tests.golden.synthetic import FILM_UID, draw_shapes, make_lut, write_film

SETTINGS = GatewaySettings(image_guard=False)
DESCRIBED: dict[str, Any] = {
    "BitsStored": 12,
    "PatientName": "Doe^Jane",
    "IssuerOfPatientID": "HOSPITAL",
    "AccessionNumber": "A7",
    "StudyDescription": "Thorax",
    "WindowCenter": "2000",
    "WindowWidth": "3000",
}


def digest(folder: Path, syntax: UID = ExplicitVRLittleEndian, **attributes: Any) -> str:
    film = write_film(folder / "film.dcm", draw_shapes(12), syntax, **(DESCRIBED | attributes))
    prepared = prepare(film, "MODALITY", SETTINGS)
    assert prepared.content_digest is not None, prepared.detail
    return prepared.content_digest


@pytest.mark.parametrize(
    "syntax",
    [
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        RLELossless,
        JPEGLosslessSV1,
        JPEGLSLossless,
        JPEG2000Lossless,
    ],
    ids=lambda syntax: syntax.keyword,
)
def test_a_film_has_one_digest_in_every_lossless_encoding(syntax: UID, tmp_path: Path) -> None:
    assert digest(tmp_path, syntax) == digest(tmp_path)


@pytest.mark.parametrize(
    "coerced",
    [
        {"PatientName": "DOE^JANE^^"},
        {"PatientID": " g1"},
        {"IssuerOfPatientID": "Hospital "},
        {"ReferringPhysicianName": "", "PatientBirthDate": "", "StudyID": ""},
        {"InstitutionName": "St. Elsewhere", "StationName": "XR2", "SeriesDescription": "Thorax p.a."},
        {"SpecificCharacterSet": "ISO_IR 100"},
        {"InstanceNumber": "7", "SeriesNumber": "3", "RetrieveAETitle": "PACS"},
    ],
    ids=lambda coerced: "+".join(coerced),
)
def test_what_an_archive_coerces_and_nothing_uses_is_no_difference(
    coerced: dict[str, Any], tmp_path: Path
) -> None:
    assert digest(tmp_path, **coerced) == digest(tmp_path)


def other_value(keyword: str) -> object:
    """Return a value that the film of these tests does not have."""
    if keyword in ("SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID"):
        return {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}.get(keyword, FILM_UID + ".77")
    item = Dataset()
    item.CodeValue = "X"
    values: dict[str, object] = {"SQ": [item], "DA": "19800101", "TM": "101112", "DS": "70", "AS": "050Y"}
    return {"Modality": "DX", "PatientOrientation": ["L", "F"]}.get(
        keyword, values.get(dictionary_VR(keyword), "OTHER")
    )


@pytest.mark.parametrize("keyword", HEADER_VALUES)
def test_a_header_value_that_a_report_repeats_is_a_difference(keyword: str, tmp_path: Path) -> None:
    value = "M" if keyword == "PatientSex" else other_value(keyword)

    assert digest(tmp_path, **{keyword: value}) != digest(tmp_path)


@pytest.mark.parametrize(
    "changed",
    [
        {"WindowCenter": "1000"},
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"RescaleSlope": "0.5", "RescaleIntercept": "0"},
        make_lut("VOILUTSequence", 0, 8, [value // 16 for value in range(4096)]),
        {"PatientAge": None},
        {"ViewPosition": ""},
    ],
    ids=lambda changed: "+".join(changed),
)
def test_a_header_value_that_changes_display_or_judgement_is_a_difference(
    changed: dict[str, Any], tmp_path: Path
) -> None:
    assert digest(tmp_path, **changed) != digest(tmp_path)


def test_one_pixel_is_a_difference(tmp_path: Path) -> None:
    pixels = draw_shapes(12)
    pixels[150, 150] += np.uint16(1)
    film = write_film(tmp_path / "other.dcm", pixels, **DESCRIBED)

    assert prepare(film, "MODALITY", SETTINGS).content_digest != digest(tmp_path)


def test_lossy_compression_is_a_difference(tmp_path: Path) -> None:
    assert digest(tmp_path, JPEG2000) != digest(tmp_path)
