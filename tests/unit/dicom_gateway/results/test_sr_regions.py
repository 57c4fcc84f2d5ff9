"""The outlines of a result in its SR, in both SOP classes."""

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
from dicom_gateway.settings import CourierSettings
from domain.codes import Finding
from domain.regions import find_regions
from tests.golden.synthetic import write_film
from tests.servers.pacs import PRIVATE_SCHEME_LINE, validate
from tests.unit.reportable import build_both_ways, make_screening

ROWS, COLUMNS = 300, 240
CLASSES = ("comprehensive_3d", "comprehensive")


def make_heat() -> Heat:
    """Return a map with two hot places, the first of them larger."""
    cells = np.zeros((14, 14), np.uint8)
    cells[2:5, 8:12] = 240
    cells[9:11, 3:5] = 200
    return Heat(14, 14, 1 / 16, cells.tobytes())


@pytest.fixture
def film(tmp_path: Path) -> Path:
    header = {"PatientSex": "F", "PatientBirthDate": "19840131", "StudyID": "1", "StudyTime": "101112"}
    return write_film(tmp_path / "film.dcm", np.zeros((ROWS, COLUMNS), np.uint16), **header)


@pytest.fixture
def screening(film: Path) -> ReportableScreening:
    return make_screening(film)


@pytest.mark.parametrize("sr_class", CLASSES)
def test_each_region_is_a_group_of_its_own_with_what_holds_of_it_alone(
    sr_class: str, screening: ReportableScreening
) -> None:
    film_group, *groups = list_groups(build(screening, make_heat(), sr_class))

    assert len(groups) == 2
    assert not find(film_group, "111030"), "the film's group has no region"
    trackings = [find(group, "112040")[0].UID for group in (film_group, *groups)]
    assert len(set(trackings)) == 3
    for number, group in enumerate(groups, start=1):
        assert find(group, "112039")[0].TextValue == f"Region {number}"
        assert [name(item) for item in group.ContentSequence if item.ValueType == "NUM"] == ["TBPEAKHEAT"]
        assert not find(group, "TBCXR")
    peaks = [float(find(group, "TBPEAKHEAT")[0].MeasuredValueSequence[0].NumericValue) for group in groups]
    assert peaks == [round(240 / 2.55), round(200 / 2.55)]


@pytest.mark.parametrize("sr_class", CLASSES)
def test_coordinates_are_those_of_the_regions_in_pixels_of_the_film(
    sr_class: str, screening: ReportableScreening
) -> None:
    _, *groups = list_groups(build(screening, make_heat(), sr_class))

    regions = find_regions(Finding.PRESENT, make_heat(), ROWS, COLUMNS)
    for group, region in zip(groups, regions, strict=True):
        (scoord,) = find(group, "111030")
        outline = np.reshape(scoord.GraphicData, (-1, 2))
        assert scoord.GraphicType == "POLYLINE"
        assert outline == pytest.approx(region.outline, abs=1e-3)
        assert outline[0].tolist() == outline[-1].tolist(), "a closed polyline"
        (image,) = scoord.ContentSequence
        assert image.RelationshipType == "SELECTED FROM"
        assert image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == screening.sop_instance_uid


@pytest.mark.parametrize(("finding", "regions"), [("present", 2), ("absent", 0), ("undetermined", 0)])
def test_the_analysed_field_is_shown_whatever_the_finding(
    finding: str, regions: int, screening: ReportableScreening
) -> None:
    film_group, *groups = list_groups(build(replace(screening, finding=finding), make_heat()))

    assert len(groups) == regions
    (field,) = find(find(film_group, "122411")[0], "260753009", "SCOORD")
    assert np.reshape(field.GraphicData, (-1, 2)).tolist() == [
        [15.0, 18.75],
        [225.0, 18.75],
        [225.0, 281.25],
        [15.0, 281.25],
        [15.0, 18.75],
    ]


def test_without_a_heat_map_the_analysed_field_is_the_whole_film(screening: ReportableScreening) -> None:
    (film_group,) = list_groups(build(screening, None))

    (field,) = find(find(film_group, "122411")[0], "260753009", "SCOORD")
    assert np.reshape(field.GraphicData, (-1, 2)).max(axis=0).tolist() == [COLUMNS, ROWS]


def test_no_group_is_without_coordinates(screening: ReportableScreening) -> None:
    """OHIF 3.13 shows an empty viewport for a document with such a group."""
    for heat in (make_heat(), None):
        for group in list_groups(build(screening, heat)):
            assert any(item.ValueType == "SCOORD" for item in walk(group))


@pytest.mark.parametrize("size", [{}, {"vr": "US", "Value": [0]}, {"vr": "US"}])
def test_a_film_whose_size_is_unknown_is_reported_without_outlines(
    size: dict[str, Any], screening: ReportableScreening
) -> None:
    header = {tag: element for tag, element in screening.header.items() if tag != "00280010"}
    if size:
        header["00280010"] = size

    (film_group,) = list_groups(build(replace(screening, header=header), make_heat()))

    assert find(film_group, "111012")
    assert not [item for item in walk(film_group) if item.ValueType == "SCOORD"]


@pytest.mark.parametrize("sr_class", CLASSES)
@pytest.mark.parametrize("finding_code", ["tbscreen", "snomed"])
def test_dciodvfy_says_nothing_but_that_the_scheme_is_private(
    finding_code: str, sr_class: str, screening: ReportableScreening, tmp_path: Path
) -> None:
    settings = CourierSettings.model_validate({"sr_sop_class": sr_class, "finding_code": finding_code})
    report = tmp_path / "report.dcm"
    report.write_bytes(build_both_ways(screening, make_heat(), settings).part10)

    assert validate(report) == {PRIVATE_SCHEME_LINE}
    assert dcmread(report).CodingSchemeIdentificationSequence[-1].CodingSchemeDesignator == "99TBSCREEN"


def build(screening: ReportableScreening, heat: Heat | None, sr_class: str = "comprehensive_3d") -> Dataset:
    settings = CourierSettings.model_validate({"sr_sop_class": sr_class})
    return dcmread(io.BytesIO(build_both_ways(screening, heat, settings).part10))


def list_groups(report: Dataset) -> list[Dataset]:
    (measurements,) = find(report, "126010")
    return [item for item in measurements.ContentSequence if name(item) == "125007"]


def walk(item: Dataset) -> list[Dataset]:
    children = list(item.get("ContentSequence") or [])
    return [*children, *(below for child in children for below in walk(child))]


def find(item: Dataset, code: str, value_type: str | None = None) -> list[Dataset]:
    return [found for found in walk(item) if name(found) == code and value_type in (None, found.ValueType)]


def name(item: Dataset) -> str:
    return str(item.ConceptNameCodeSequence[0].CodeValue)
