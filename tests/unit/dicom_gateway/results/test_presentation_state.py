"""The presentation state of a result: what it says, what it refers to, and what it shows."""

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
from db.films.screenings import Heat
from dicom_gateway.pixels.grey_transforms import GreyTransforms, LookupTable
from dicom_gateway.results.finding_outlines import trace_outlines
from dicom_gateway.results.presentation_state import build_presentation_state, may_be_presented
from dicom_gateway.settings import CourierSettings
from domain.bundle.tb_score import MEANING
from tests.films import real_film
from tests.golden.synthetic import draw_shapes, write_film
from tests.screened_films import one_hot_cell
from tests.servers.pacs import validate
from tests.unit.reportable import make_screening

TRANSFORMS = GreyTransforms(center=15000.0, width=30000.0, inverse=True)


@pytest.fixture(scope="module")
def screening() -> ReportableScreening:
    return make_screening(real_film())


def build(
    screening: ReportableScreening,
    heat: Heat | None = None,
    transforms: GreyTransforms | None = TRANSFORMS,
    **changes: Any,
) -> Dataset:
    stored = None if transforms is None else transforms.model_dump(mode="json")
    built = build_presentation_state(
        replace(screening, **changes), heat, stored, CourierSettings(ae_title="TBS"), "9.9"
    )
    state = dcmread(io.BytesIO(built.part10))
    assert (built.sop_instance_uid, built.sop_class_uid) == (state.SOPInstanceUID, state.SOPClassUID)
    assert built.kind == "gsps"
    return state


def read_text(state: Dataset) -> str:
    (annotation,) = state.GraphicAnnotationSequence
    (text,) = annotation.TextObjectSequence
    return str(text.UnformattedTextValue)


def test_it_is_in_the_film_s_study_in_a_series_of_its_own_and_refers_to_the_film(
    screening: ReportableScreening,
) -> None:
    film, state = dcmread(real_film(), stop_before_pixels=True), build(screening)

    assert state.SOPClassUID == "1.2.840.10008.5.1.4.1.1.11.1"
    assert (state.Modality, state.SeriesNumber) == ("PR", 9004)
    assert state.SeriesDescription == "AI result, not verified by a physician"
    for keyword in ("StudyInstanceUID", "PatientName", "PatientID", "AccessionNumber", "StudyDate"):
        assert state[keyword].value == film[keyword].value
    (series,) = state.ReferencedSeriesSequence
    (image,) = series.ReferencedImageSequence
    assert series.SeriesInstanceUID == film.SeriesInstanceUID != state.SeriesInstanceUID
    assert (image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID) == (
        film.SOPClassUID,
        film.SOPInstanceUID,
    )
    (area,) = state.DisplayedAreaSelectionSequence
    assert list(area.DisplayedAreaTopLeftHandCorner) == [1, 1]
    assert list(area.DisplayedAreaBottomRightHandCorner) == [film.Columns, film.Rows]
    assert area.PresentationSizeMode == "SCALE TO FIT"


@pytest.mark.parametrize(
    ("shape", "spacing", "ratio"),
    [
        ({"ImagerPixelSpacing": [0.2, 0.1]}, [0.2, 0.1], None),
        ({"PixelSpacing": [0.1, 0.15], "ImagerPixelSpacing": [0.2, 0.2]}, [0.1, 0.15], None),
        ({"PixelAspectRatio": [6, 5]}, None, [6, 5]),
        ({"ImagerPixelSpacing": [0.2, 0.2], "PixelAspectRatio": [6, 5]}, None, [1, 1]),
        ({"PixelAspectRatio": [0, 5]}, None, [1, 1]),
        ({"PixelAspectRatio": 5}, None, [1, 1]),
        ({}, None, [1, 1]),
    ],
    ids=["at the detector", "in the patient", "ratio", "square", "no ratio", "half a ratio", "unknown"],
)
def test_pixels_that_are_not_square_keep_their_shape(
    tmp_path: Path, shape: dict[str, Any], spacing: list[float] | None, ratio: list[int] | None
) -> None:
    film = write_film(tmp_path / "film.dcm", draw_shapes(8), **shape)

    state = build(make_screening(film))

    (area,) = state.DisplayedAreaSelectionSequence
    assert area.get("PresentationPixelSpacing") == spacing
    assert area.get("PresentationPixelAspectRatio") == ratio


def test_it_draws_every_region_as_a_closed_line_in_the_film_s_pixels(screening: ReportableScreening) -> None:
    heat = one_hot_cell()
    (annotation,) = build(screening, heat).GraphicAnnotationSequence

    regions = trace_outlines(screening, heat).regions
    assert len(annotation.GraphicObjectSequence) == len(regions) == 1
    drawn = annotation.GraphicObjectSequence[0]
    assert (drawn.GraphicType, drawn.GraphicAnnotationUnits, drawn.GraphicFilled) == (
        "POLYLINE",
        "PIXEL",
        "N",
    )
    points = np.array(drawn.GraphicData).reshape(drawn.NumberOfGraphicPoints, 2)
    assert np.abs(points - regions[0].outline).max() < 0.01
    assert (points[0] == points[-1]).all()
    assert annotation.GraphicLayer == build(screening, heat).GraphicLayerSequence[0].GraphicLayer


@pytest.mark.parametrize("finding", ["absent", "undetermined"])
def test_it_draws_nothing_where_the_finding_is_not_present(
    finding: str, screening: ReportableScreening
) -> None:
    state = build(screening, one_hot_cell(), finding=finding)
    assert not state.GraphicAnnotationSequence[0].get("GraphicObjectSequence")
    assert "Outline" not in read_text(state)


def test_the_text_is_the_result_in_lines_that_a_viewer_need_not_wrap(screening: ReportableScreening) -> None:
    lines = read_text(build(screening, one_hot_cell())).split("\r\n")

    assert lines[0] == "AI result, not verified by a physician."
    assert "Features suggestive of pulmonary TB: PRESENT" in lines
    assert "TB score 91 of 100." in lines
    assert MEANING in " ".join(lines)
    assert "Outline: what raised the score most; no outline of disease." in lines
    assert max(map(len, lines)) <= 64


def test_the_longest_text_has_its_value_representation_s_length(screening: ReportableScreening) -> None:
    doubts = ["age_unknown"] * 100
    assert 1000 < len(read_text(build(screening, doubts=doubts))) <= 1024


def test_it_carries_the_transforms_of_the_film_s_preparation(screening: ReportableScreening) -> None:
    window = build(screening)
    assert (window.RescaleSlope, window.RescaleIntercept, window.RescaleType) == (1, 0, "US")
    assert window.SoftcopyVOILUTSequence[0].WindowCenter == 15000
    assert window.PresentationLUTShape == "INVERSE"
    table = LookupTable.of(-5, 12, np.arange(100.0))
    other = build(
        screening, transforms=GreyTransforms(modality_table=table, voi_table=table, function="LINEAR")
    )
    assert "RescaleSlope" not in other
    for item in (other.ModalityLUTSequence[0], other.SoftcopyVOILUTSequence[0].VOILUTSequence[0]):
        assert list(item.LUTDescriptor) == [100, -5, 12]
        assert np.frombuffer(item.LUTData, "<u2").tolist() == list(range(100))
    assert "WindowCenter" not in other.SoftcopyVOILUTSequence[0]
    assert other.PresentationLUTShape == "IDENTITY"


def test_numbers_fit_the_sixteen_characters_of_their_value_representation(
    screening: ReportableScreening,
) -> None:
    third = 1 / 3
    state = build(
        screening, transforms=GreyTransforms(slope=third, intercept=-third, center=third, width=2e9 / 3)
    )
    (shown,) = state.SoftcopyVOILUTSequence
    for number in (state.RescaleSlope, state.RescaleIntercept, shown.WindowCenter, shown.WindowWidth):
        assert len(str(number)) <= 16
    assert state.RescaleSlope == pytest.approx(third)


def test_the_header_stands_in_where_the_preparation_was_that_of_an_earlier_version(tmp_path: Path) -> None:
    film = write_film(
        tmp_path / "film.dcm",
        draw_shapes(12),
        BitsStored=12,
        PhotometricInterpretation="MONOCHROME1",
        WindowCenter=2000,
        WindowWidth=3000,
    )
    state = build(make_screening(film), transforms=None)
    assert state.SoftcopyVOILUTSequence[0].WindowWidth == 3000
    assert state.PresentationLUTShape == "INVERSE"
    plain = write_film(tmp_path / "plain.dcm", draw_shapes(12), BitsStored=12)
    assert "SoftcopyVOILUTSequence" not in build(make_screening(plain), transforms=None)


def test_a_colour_picture_and_a_film_of_unknown_size_get_none(
    screening: ReportableScreening, tmp_path: Path
) -> None:
    colour = write_film(tmp_path / "colour.dcm", np.stack([draw_shapes(8)] * 3, axis=-1))
    assert may_be_presented(screening)
    assert not may_be_presented(make_screening(colour))
    header = {tag: element for tag, element in screening.header.items() if tag != "00280010"}
    assert not may_be_presented(replace(screening, header=header))


def test_the_same_result_is_the_same_object(screening: ReportableScreening) -> None:
    first, second = build(screening, one_hot_cell()), build(screening, one_hot_cell())
    assert first == second
    assert first.PresentationCreationDate == first.InstanceCreationDate
    assert build(screening, finding="absent").SOPInstanceUID == first.SOPInstanceUID
    assert build(screening, bundle_digest="c" * 64).SOPInstanceUID != first.SOPInstanceUID


@pytest.mark.parametrize("name", ["RG1_UNCR.dcm", "RG3_UNCR.dcm"])
@pytest.mark.parametrize("heat", [None, one_hot_cell()], ids=["no outline", "outline"])
def test_dciodvfy_says_nothing_that_it_does_not_say_of_the_film(
    name: str, heat: Heat | None, tmp_path: Path
) -> None:
    film, file = real_film(name), tmp_path / "state.dcm"
    for transforms in (TRANSFORMS, GreyTransforms(voi_table=LookupTable.of(0, 16, np.arange(4096.0) * 16))):
        stored = transforms.model_dump(mode="json")
        built = build_presentation_state(make_screening(film), heat, stored, CourierSettings(), "9.9")
        file.write_bytes(built.part10)
        assert validate(file) - validate(film) == set()
