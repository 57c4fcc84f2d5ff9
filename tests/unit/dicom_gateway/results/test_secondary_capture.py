from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from db.delivery.outbox import ReportableScreening
from dicom_gateway.results.result_picture import WIDTH
from dicom_gateway.results.secondary_capture import build_secondary_capture
from dicom_gateway.rules.own_object import names_tbscreen
from dicom_gateway.settings import CourierSettings
from tests.films import real_film
from tests.screened_films import draw_rendition, one_hot_cell
from tests.servers.pacs import validate
from tests.unit.reportable import make_screening

PLAIN = CourierSettings(sc_compression="none")
JPEG = CourierSettings(sc_compression="jpeg")


@pytest.fixture(scope="module")
def screening() -> ReportableScreening:
    return make_screening(real_film())


def build(screening: ReportableScreening, settings: CourierSettings = PLAIN, **changes: Any) -> Dataset:
    heat = changes.pop("heat", one_hot_cell())
    built = build_secondary_capture(replace(screening, **changes), draw_rendition(), heat, settings, "9.9")
    image = dcmread(io.BytesIO(built.part10))
    assert (built.sop_instance_uid, built.sop_class_uid) == (image.SOPInstanceUID, image.SOPClassUID)
    assert built.kind == "sc"
    return image


def test_it_is_a_secondary_capture_in_the_film_s_study_and_a_series_of_its_own(
    screening: ReportableScreening,
) -> None:
    film, image = dcmread(real_film()), build(screening)

    assert image.SOPClassUID == "1.2.840.10008.5.1.4.1.1.7"
    assert image.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    for keyword in ("StudyInstanceUID", "PatientName", "PatientID", "AccessionNumber", "StudyDate"):
        assert image[keyword].value == film[keyword].value
    assert image.SeriesInstanceUID != film.SeriesInstanceUID
    assert image.SeriesDescription == "AI result, not verified by a physician"
    assert image.Modality == "OT"  # no hanging protocol takes it for the film


@pytest.mark.parametrize(
    "element", [{"vr": "AT", "Value": ["00100010"]}, {"vr": "US", "Value": [1, 2]}], ids=["tag", "numbers"]
)
def test_an_orientation_of_another_vr_is_left_empty(
    screening: ReportableScreening, element: dict[str, Any]
) -> None:
    """Its values ended the building of the picture when it was written."""
    image = build(screening, header={**screening.header, "00200020": element})
    assert image["PatientOrientation"].is_empty


def test_it_says_what_it_was_derived_from_and_that_text_is_burned_in(screening: ReportableScreening) -> None:
    image = build(screening)

    assert image.ImageType == ["DERIVED", "SECONDARY"]
    assert image.ConversionType == "WSD"
    assert (image.BurnedInAnnotation, image.RecognizableVisualFeatures) == ("YES", "NO")
    (code,) = image.DerivationCodeSequence
    assert (code.CodeValue, code.CodingSchemeDesignator) == ("130401", "DCM")
    (source,) = image.SourceImageSequence
    assert source.ReferencedSOPInstanceUID == screening.sop_instance_uid
    assert source.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
    assert "PixelSpacing" not in image  # nothing can be measured on it


def test_plain_and_jpeg_show_the_same_picture(screening: ReportableScreening) -> None:
    plain, compressed = build(screening), build(screening, JPEG)

    assert (plain.Columns, plain.SamplesPerPixel, plain.PhotometricInterpretation) == (WIDTH, 3, "RGB")
    assert compressed.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.50"
    assert len(compressed.PixelData) < len(plain.PixelData) / 8
    assert compressed.PhotometricInterpretation == "YBR_FULL_422"
    shown, drawn = (
        np.asarray(dataset.pixel_array, int) for dataset in (compressed, plain)
    )  # pydicom gives RGB
    assert np.abs(shown - drawn).mean() < 2
    assert drawn.std() > 5  # else a black picture would do


@pytest.mark.parametrize(("settings", "count"), [(PLAIN, 1), (JPEG, 2)])
def test_each_lossy_step_is_named(
    settings: CourierSettings, count: int, screening: ReportableScreening
) -> None:
    image = build(screening, settings)

    ratios, methods = image.LossyImageCompressionRatio, image.LossyImageCompressionMethod
    assert image.LossyImageCompression == "01"
    assert methods == ("ISO_10918_1" if count == 1 else ["ISO_10918_1"] * 2)
    assert all(float(ratio) > 1 for ratio in ([ratios] if count == 1 else ratios))


def test_the_same_result_is_the_same_object_and_another_one_is_not(screening: ReportableScreening) -> None:
    first, second = build(screening), build(screening)
    others = [
        build(screening, dataset_sha256="c" * 64),
        build(screening, bundle_digest="d" * 64),
        build(screening, operating_point="rule_in"),
    ]

    assert first.SOPInstanceUID == second.SOPInstanceUID
    assert first.SeriesInstanceUID == second.SeriesInstanceUID
    assert first.PixelData == second.PixelData
    assert len({str(other.SOPInstanceUID) for other in (first, *others)}) == 4


def test_it_is_known_as_our_own_when_it_comes_back(screening: ReportableScreening) -> None:
    assert names_tbscreen(build(screening))


@pytest.mark.parametrize("heat", [None, one_hot_cell()])
@pytest.mark.parametrize("settings", [PLAIN, JPEG])
@pytest.mark.parametrize("name", ["RG1_UNCR.dcm", "RG3_UNCR.dcm"])
def test_dciodvfy_says_nothing_that_it_does_not_say_of_the_film(
    name: str, settings: CourierSettings, heat: Any, tmp_path: Path
) -> None:
    film = real_film(name)
    file = tmp_path / "sc.dcm"
    file.write_bytes(
        build_secondary_capture(make_screening(film), draw_rendition(), heat, settings, "9.9").part10
    )

    assert validate(file) - validate(film) == set()
