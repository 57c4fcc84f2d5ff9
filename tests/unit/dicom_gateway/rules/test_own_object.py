"""Own objects are recognized by the content that was sent, whatever a PACS changed around it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

from dicom_gateway.preparation.film_preparation import prepare
from dicom_gateway.results.presentation_state import build_presentation_state
from dicom_gateway.results.refusal_report import build_refusal
from dicom_gateway.results.secondary_capture import build_secondary_capture
from dicom_gateway.results.structured_report import build_report
from dicom_gateway.rules.own_object import digest_sent, names_tbscreen
from dicom_gateway.settings import CourierSettings, GatewaySettings
from domain.codes import Refusal
from tests.films import real_film
from tests.screened_films import draw_rendition, one_hot_cell
from tests.unit.reportable import make_refusal, make_screening

SETTINGS = GatewaySettings()


@pytest.fixture(scope="module")
def objects() -> dict[str, bytes]:
    """One object of each kind, as it is stored and sent."""
    screening = make_screening(real_film())
    jpeg, plain = (CourierSettings(sc_compression=how) for how in ("jpeg", "none"))
    return {
        "sr": build_report(screening, None, jpeg, "9.9").part10,
        "gsps": build_presentation_state(screening, one_hot_cell(), None, jpeg, "9.9").part10,
        "refusal": build_refusal(make_refusal(real_film()), jpeg, "9.9").part10,
        "jpeg": build_secondary_capture(screening, draw_rendition(), one_hot_cell(), jpeg, "9.9").part10,
        "plain": build_secondary_capture(screening, draw_rendition(), one_hot_cell(), plain, "9.9").part10,
    }


def route_back(part10: bytes, folder: Path) -> Path:
    """Write an object as a PACS may send it back: coerced, under a new UID, in another encoding."""
    dataset = dcmread(io.BytesIO(part10))
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        dataset.decompress(generate_instance_uid=False)
    dataset.PatientName, dataset.PatientID, dataset.StudyInstanceUID = "Coerced^Name", "4711", generate_uid()
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    implicit = dataset.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    path = folder / "back.dcm"
    dataset.save_as(path, implicit_vr=implicit, little_endian=True)
    return path


@pytest.mark.parametrize("kind", ["sr", "gsps", "refusal", "jpeg", "plain"])
def test_an_object_is_recognized_as_sent_and_as_a_pacs_changes_it(
    kind: str, objects: dict[str, bytes], tmp_path: Path
) -> None:
    sent = tmp_path / "sent.dcm"
    sent.write_bytes(objects[kind])
    ours = digest_sent(objects.values())
    for path in (sent, route_back(objects[kind], tmp_path)):
        preparation = prepare(path, "PACS", SETTINGS, ours)
        assert (preparation.refusal, preparation.rule) == (Refusal.OWN_OUTPUT, "own-output")


@pytest.mark.parametrize("kind", ["sr", "gsps", "refusal", "jpeg", "plain"])
def test_what_only_says_that_we_made_it_is_refused_where_people_see_it(
    kind: str, objects: dict[str, bytes], tmp_path: Path
) -> None:
    other = digest_sent(part10 for name, part10 in objects.items() if name != kind)
    path = tmp_path / "claimed.dcm"
    path.write_bytes(objects[kind])
    preparation = prepare(path, "PACS", SETTINGS, other - digest_sent([objects[kind]]))
    assert (preparation.refusal, preparation.rule) == (Refusal.NOT_AN_XRAY, "own-output")
    assert "not what this tbscreen sent" in preparation.detail


def test_a_film_with_the_text_of_our_report_is_a_film(objects: dict[str, bytes], tmp_path: Path) -> None:
    film = dcmread(real_film())
    film.ContentSequence = dcmread(io.BytesIO(objects["sr"])).ContentSequence
    film.save_as(tmp_path / "film.dcm")
    preparation = prepare(tmp_path / "film.dcm", "MODALITY", SETTINGS, digest_sent(objects.values()))
    assert preparation.refusal is None


@pytest.mark.parametrize(
    ("manufacturer", "own"),
    [("tbscreen", True), ("TBSCREEN ", True), ("tbscreens", False), ("", False), (None, False)],
)
def test_a_claim_is_a_manufacturer(manufacturer: str | None, own: bool) -> None:
    header = Dataset()
    if manufacturer is not None:
        header.Manufacturer = manufacturer
    assert names_tbscreen(header) is own
