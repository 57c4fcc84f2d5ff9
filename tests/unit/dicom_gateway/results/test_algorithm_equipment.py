"""SR, picture and presentation state name the algorithm as equipment that contributed (IHE AIR 6.5.3.1)."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from db.delivery.report_objects import BuiltReport
from dicom_gateway.results.presentation_state import build_presentation_state
from dicom_gateway.results.secondary_capture import build_secondary_capture
from dicom_gateway.results.structured_report import build_report
from dicom_gateway.settings import CourierSettings
from tests.films import small_film
from tests.screened_films import MANIFEST, draw_rendition
from tests.unit.reportable import make_screening


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_film(tmp_path_factory.mktemp("film"))


def build_all(film: Path, **changes: object) -> list[BuiltReport]:
    screening, settings = make_screening(film, **changes), CourierSettings()
    return [
        build_report(screening, None, settings, "9.9"),
        build_secondary_capture(screening, draw_rendition(), None, settings, "9.9"),
        build_presentation_state(screening, None, None, settings, "9.9"),
    ]


def find_algorithm(built: BuiltReport) -> Dataset:
    equipment = dcmread(io.BytesIO(built.part10)).ContributingEquipmentSequence
    (found,) = (item for item in equipment if "DeviceUID" in item)
    assert isinstance(found, Dataset)
    return found


def test_each_object_names_the_model_and_its_bundle(film: Path) -> None:
    found = [find_algorithm(built) for built in build_all(film)]
    for item in found:
        assert item.PurposeOfReferenceCodeSequence[0].CodeValue == "109102"
        assert (item.ManufacturerModelName, item.SoftwareVersions) == ("tbscreen-default", "1.2.0")
    assert len({item.DeviceUID for item in found}) == 1
    others = {find_algorithm(built).DeviceUID for built in build_all(film, bundle_digest="c" * 64)}
    assert len(others) == 1
    assert others != {found[0].DeviceUID}


def test_a_name_that_is_too_long_for_it_is_cut_there_alone(film: Path) -> None:
    name = "model " * 20 + "end"
    for built in build_all(film, manifest={**MANIFEST, "name": name}):
        assert find_algorithm(built).ManufacturerModelName == name[:64].strip()
    assert name.encode() in build_all(film, manifest={**MANIFEST, "name": name})[0].part10
