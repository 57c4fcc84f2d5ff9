"""dciodvfy says nothing of anything that is sent that it does not say of the film: also of odd films."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from db.delivery.report_objects import BuiltReport
from dicom_gateway.results.refusal_report import build_refusal
from dicom_gateway.results.secondary_capture import build_secondary_capture
from dicom_gateway.results.structured_report import build_report
from dicom_gateway.settings import CourierSettings
from tests.golden.synthetic import write_film
from tests.screened_films import draw_rendition, one_hot_cell
from tests.servers.pacs import PRIVATE_SCHEME_LINE, validate
from tests.unit.reportable import make_refusal, make_screening

TYPE_2 = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
)

CHARACTER_SETS: dict[str, tuple[Any, str]] = {
    "none": (None, "Doe^Jane"),
    "latin-1": ("ISO_IR 100", "Müller^Zoë"),
    "latin-2": ("ISO_IR 101", "Wałęsa^Święta"),
    "cyrillic": ("ISO_IR 144", "Люкceмбypг^Анна"),
    "greek": ("ISO_IR 126", "Διονυσιος^Ελένη"),
    "arabic": ("ISO_IR 127", "قباني^لنزار"),
    "thai": ("ISO_IR 166", "สมชาย^ใจดี"),
    "japanese": (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    "korean": (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
    "chinese": ("GB18030", "Wang^XiaoDong=王^小东"),
    "utf-8": ("ISO_IR 192", "Nguyễn^Thị Hoa=阮^氏花"),
}


@pytest.mark.parametrize("name", CHARACTER_SETS)
def test_names_in_every_character_set_arrive_as_they_were_sent(name: str, tmp_path: Path) -> None:
    character_set, person = CHARACTER_SETS[name]
    film = write(tmp_path, SpecificCharacterSet=character_set, PatientName=person)

    for built in build_all(film)[::2]:
        sent = dcmread(io.BytesIO(built.part10))
        assert str(sent.PatientName) == person, built.kind
        assert_no_new_complaint(film, built, tmp_path)


@pytest.mark.parametrize("missing", [TYPE_2, ("PatientName",), ("StudyDate", "PatientSex")], ids=len)
def test_films_without_what_they_should_have(missing: tuple[str, ...], tmp_path: Path) -> None:
    left_out = dict.fromkeys(missing)
    film = write(tmp_path, **left_out)

    for built in build_all(film):
        sent = dcmread(io.BytesIO(built.part10))
        assert {sent.get(keyword, "missing") or "" for keyword in left_out} == {""}, built.kind
        assert_no_new_complaint(film, built, tmp_path)


def test_films_with_private_tags_and_much_else(tmp_path: Path) -> None:
    film = write(
        tmp_path,
        PatientOrientation=["L", "F"],
        LossyImageCompression="01",
        LossyImageCompressionRatio=["10.5", "2"],
        LossyImageCompressionMethod=["ISO_10918_1", "ISO_15444_1"],
        TimezoneOffsetFromUTC="+0530",
        PatientAge="040Y",
        OtherPatientIDs=["A", "B"],
        AdditionalPatientHistory="cough; Fieber über 38",
    )
    dataset = dcmread(film)
    for group in (0x0009, 0x0011, 0x0029):
        block = dataset.private_block(group, "ACME 1.1", create=True)
        block.add_new(0x01, "LO", "something of the vendor's")
        block.add_new(0x02, "OB", b"\x00\x01")
        block.add_new(0x03, "SQ", [Dataset()])
    dataset.save_as(film)

    for built in build_all(film):
        sent = dcmread(io.BytesIO(built.part10))
        assert not [element.tag for element in sent.iterall() if element.tag.is_private], built.kind
        assert sent.AdditionalPatientHistory == "cough; Fieber über 38"
        assert_no_new_complaint(film, built, tmp_path)


@pytest.mark.parametrize(
    "attributes",
    [
        {"StudyDate": "2024.01.31", "StudyTime": "10:11:12"},
        {"PatientSex": "W", "PatientBirthDate": "unknown"},
        {"PatientID": "A" * 80, "AccessionNumber": "B" * 20},
        {"PatientOrientation": ["X", "Y"], "LossyImageCompressionRatio": ["10.5"]},
        {"PatientName": "", "ReferringPhysicianName": "a^b^c^d^e^f"},
    ],
    ids=lambda attributes: "+".join(attributes),
)
@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, of these very values
def test_films_with_what_the_standard_forbids(attributes: dict[str, Any], tmp_path: Path) -> None:
    film = write(tmp_path, **attributes)

    for built in build_all(film):
        assert_no_new_complaint(film, built, tmp_path)


def write(folder: Path, **attributes: Any) -> Path:
    pixels = np.arange(64, dtype=np.uint16).reshape(8, 8)
    return write_film(folder / "film.dcm", pixels, **attributes)


def build_all(film: Path) -> list[BuiltReport]:
    """Return an object of every kind, SRs by both SOP classes."""
    screening, refusal = make_screening(film), make_refusal(film)
    by_3d, by_2d = CourierSettings(), CourierSettings(sr_sop_class="comprehensive")
    plain = CourierSettings(sc_compression="none")
    return [
        build_report(screening, one_hot_cell(), by_3d, "9.9"),
        build_report(screening, one_hot_cell(), by_2d, "9.9"),
        build_secondary_capture(screening, draw_rendition(), one_hot_cell(), by_3d, "9.9"),
        build_secondary_capture(screening, draw_rendition(), None, plain, "9.9"),
        build_refusal(refusal, by_2d, "9.9"),
    ]


def assert_no_new_complaint(film: Path, built: BuiltReport, folder: Path) -> None:
    file = folder / "sent.dcm"
    file.write_bytes(built.part10)
    said = validate(file) - validate(film)
    assert said <= {PRIVATE_SCHEME_LINE}, built.kind
