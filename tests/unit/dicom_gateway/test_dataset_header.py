from __future__ import annotations

import json
import random
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.charset import convert_encodings
from pydicom.data import get_testdata_file
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DeflatedExplicitVRLittleEndian,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from dicom_gateway import header_stream
from dicom_gateway.dataset_header import (
    PLAIN_VRS,
    DatasetHeader,
    MismatchError,
    NotUnderstoodError,
    check_identity,
    is_image_storage,
    read_header,
    read_items,
    read_study,
    read_text,
    to_json_model,
)
from dicom_gateway.rules import eligibility, own_object
from dicom_gateway.settings import GatewaySettings
from domain.patient_identity import read_patient
from tests.films import dataset_offset
from tests.golden.synthetic import draw_shapes, write_film

UNCOMPRESSED = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]

PIXELS = np.arange(64, dtype=np.uint16).reshape(8, 8)


# Complete datasets


@pytest.mark.parametrize(
    "syntax", [*UNCOMPRESSED, DeflatedExplicitVRLittleEndian, RLELossless, JPEG2000Lossless]
)
def test_header_is_read_up_to_the_pixels_in_every_encoding(syntax: UID, tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.dcm", draw_shapes(12), syntax, BitsStored=12, PatientName="Name^Given")

    header = read_header(film)

    assert header.transfer_syntax == syntax
    assert header.has_pixels
    assert "PixelData" not in header.dataset
    assert read_text(header.dataset, "PatientName", 64) == "Name^Given"
    assert header.dataset.Rows == 300


def test_dataset_offset_is_where_the_dataset_begins(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.dcm", PIXELS)

    offset = read_header(film).dataset_offset

    assert film.read_bytes()[offset : offset + 4] == b"\x08\x00\x05\x00"


@pytest.mark.parametrize(
    ("name", "has_pixels"),
    [
        ("RG1_UNCR.dcm", True),
        ("RG1_J2KR.dcm", True),
        ("CT_small.dcm", True),
        ("MR_small_implicit.dcm", True),
        ("MR_small_bigendian.dcm", True),
        ("image_dfl.dcm", True),
        ("liver_1frame.dcm", True),
        ("nested_priv_SQ.dcm", True),
        ("UN_sequence.dcm", False),
        ("reportsi.dcm", False),
        ("rtplan.dcm", False),
        ("test-SR.dcm", False),
    ],
)
def test_real_file_is_understood(name: str, has_pixels: bool) -> None:
    path = _packaged(name)

    header = read_header(path)

    assert header.has_pixels is has_pixels
    expected = dcmread(path, stop_before_pixels=True)
    assert [int(tag) for tag in header.dataset.keys()] == [int(tag) for tag in expected.keys()]  # noqa: SIM118


def test_header_in_a_private_syntax_is_read_as_explicit_little_endian(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.dcm", PIXELS)
    content = film.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.99999.1.2.1\0")
    film.write_bytes(content)

    header = read_header(film)

    assert header.transfer_syntax == "1.2.840.99999.1.2.1"
    assert header.dataset.Modality == "CR"


# Cut short


@pytest.mark.parametrize("syntax", [*UNCOMPRESSED, DeflatedExplicitVRLittleEndian])
def test_header_cut_short_anywhere_is_never_taken_for_a_film(syntax: UID, tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.dcm", PIXELS, syntax, ViewCodeSequence=[_code()])
    content = film.read_bytes()
    dataset = read_header(film).dataset
    cut = tmp_path / "cut.dcm"
    end = len(content) - 2
    if syntax != DeflatedExplicitVRLittleEndian:
        # A cut within the pixels is accepted: begin before the pixel element's own 8 or 12 bytes.
        end = len(content) - PIXELS.nbytes - (8 if syntax.is_implicit_VR else 12)
    boundaries = 0
    for length in range(end):
        cut.write_bytes(content[:length])
        try:
            header = read_header(cut)
        except NotUnderstoodError:
            continue
        # Only a cut between two elements looks complete; then the pixels are missing.
        boundaries += 1
        with pytest.raises((MismatchError, NotUnderstoodError)):
            check_identity(header, str(dataset.SOPClassUID), str(dataset.SOPInstanceUID))

    assert boundaries < len(dataset)


@pytest.mark.parametrize("syntax", UNCOMPRESSED)
def test_cut_within_the_pixels_is_accepted(syntax: UID, tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.dcm", PIXELS, syntax)
    content = film.read_bytes()
    for missing in range(0, PIXELS.nbytes + 1, 16):
        film.write_bytes(content[: len(content) - missing])

        assert read_header(film).has_pixels


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "MR_small_implicit.dcm",
        "MR_small_bigendian.dcm",
        "nested_priv_SQ.dcm",
        "UN_sequence.dcm",
        "liver_1frame.dcm",
        "reportsi.dcm",
    ],
)
def test_real_file_cut_short_in_the_middle_of_an_element_is_not_understood(name: str, tmp_path: Path) -> None:
    """Among them sequences of undefined length, nested, whose end is missing."""
    content = _packaged(name).read_bytes()
    header = read_header(_packaged(name))
    ends = {header.dataset_offset}
    pixels = len(content)
    for element in dcmread(_packaged(name)):
        if element.tag == 0x7FE00010:
            pixels = int(element.file_tell or 0) - 12
    ends |= _find_ends(content, header)
    cut = tmp_path / "cut.dcm"
    draw = random.Random(name)
    for length in sorted(draw.sample(range(pixels), min(400, pixels))):
        if length in ends:
            continue
        cut.write_bytes(content[:length])
        with pytest.raises(NotUnderstoodError):
            read_header(cut)


@pytest.mark.parametrize("left", [1, 3, 7])
def test_trailing_bytes_that_are_no_element_are_not_understood(left: int, tmp_path: Path) -> None:
    path = _with_elements(tmp_path, _element(0x00100020, b"LO", b"ID") + b"\x10\x00\x30\x00DA\x08"[:left])

    with pytest.raises(NotUnderstoodError, match="middle of an element"):
        read_header(path)


# Malformed datasets


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"DICM",
        b"\0" * 128 + b"DICM",
        b"\0" * 128 + b"DICM" + b"\xff" * 500,
        b"\0" * 1000,
        b"GIF89a" + bytes(range(256)) * 4,
        b"\xff" * 4096,
    ],
    ids=["empty", "magic-only", "preamble-only", "garbage-meta", "zeros", "gif", "ones"],
)
def test_what_is_no_dicom_file_is_not_understood(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(content)

    with pytest.raises(NotUnderstoodError):
        read_header(path)


@pytest.mark.parametrize("fill", [b"\0", b"\xff", b"A", b"\x08\x00"])
def test_garbage_for_a_dataset_is_not_understood(fill: bytes, tmp_path: Path) -> None:
    with pytest.raises(NotUnderstoodError):
        read_header(_with_elements(tmp_path, fill * 999))


def test_empty_dataset_is_not_understood(tmp_path: Path) -> None:
    with pytest.raises(NotUnderstoodError, match="empty"):
        read_header(_with_elements(tmp_path, b""))


def test_missing_file_is_no_malformed_dataset(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_header(tmp_path / "film.dcm")


def test_element_longer_than_the_dataset_is_not_understood(tmp_path: Path) -> None:
    element = struct.pack("<HH2sH", 0x0010, 0x0010, b"PN", 500) + b"Short^Name"

    with pytest.raises(NotUnderstoodError, match="500 bytes long"):
        read_header(_with_elements(tmp_path, element))


@pytest.mark.parametrize("syntax", [*UNCOMPRESSED, DeflatedExplicitVRLittleEndian])
def test_encapsulated_pixels_in_a_syntax_of_native_pixels_are_not_understood(
    syntax: UID, tmp_path: Path
) -> None:
    order = "<" if syntax.is_little_endian else ">"
    tag, length = struct.pack(f"{order}HH", 0x7FE0, 0x0010), struct.pack(f"{order}L", 0xFFFFFFFF)
    start = tag + (b"" if syntax.is_implicit_VR else b"OB\0\0") + length
    pixels = start + _item(b"", undefined=False) + _item(b"\xff\xd8\xff\xd9", undefined=False)
    deflate = _deflate if syntax.is_deflated else bytes
    path = _with_elements(tmp_path, deflate(pixels), syntax)

    with pytest.raises(NotUnderstoodError, match="encapsulated"):
        read_header(path)


@pytest.mark.parametrize(
    "tags", [(0x00100020, 0x00100010), (0x00100010, 0x00100010), (0x00200010, 0x00080060)]
)
def test_elements_out_of_order_or_twice_are_not_understood(tags: tuple[int, int], tmp_path: Path) -> None:
    elements = b"".join(_element(tag, b"LO", b"AB") for tag in tags)

    with pytest.raises(NotUnderstoodError, match="out of order"):
        read_header(_with_elements(tmp_path, elements))


def test_sequences_of_undefined_length_are_read_with_what_they_nest(tmp_path: Path) -> None:
    inner = _sequence(0x00081199, _item(_element(0x00081155, b"UI", b"1.2.3\0")))
    path = _with_elements(tmp_path, _sequence(0x00081140, _item(inner)) + _element(0x00100020, b"LO", b"ID"))

    dataset = read_header(path).dataset

    nested = dataset.ReferencedImageSequence[0].ReferencedSOPSequence[0]
    assert nested.ReferencedSOPInstanceUID == "1.2.3"
    assert dataset.PatientID == "ID"


@pytest.mark.parametrize("undefined", [True, False])
def test_nested_sequence_cut_short_anywhere_is_not_understood(undefined: bool, tmp_path: Path) -> None:
    inner = _sequence(0x00081199, _item(_element(0x00081155, b"UI", b"1.2.3\0"), undefined), undefined)
    whole = _sequence(0x00081140, _item(inner, undefined), undefined)
    for length in range(1, len(whole)):
        with pytest.raises(NotUnderstoodError):
            read_header(_with_elements(tmp_path, whole[:length]))


def test_nul_characters_are_not_kept() -> None:
    dataset = Dataset()
    dataset.PatientID = "47\x0011"
    item = Dataset()
    item.CodeMeaning = "a\x00b"
    dataset.ProcedureCodeSequence = [item]
    kept = json.dumps(to_json_model(dataset))
    assert "u0000" not in kept
    assert "4711" in kept
    assert '"ab"' in kept


def _make_dataset(vr: str, value: bytes, character_set: bytes) -> Dataset:
    """Return a dataset with one value, as read and not yet converted."""
    content = {0x00080005: ("CS", character_set), 0x00181400: (vr, value)}
    elements = {
        Tag(tag): RawDataElement(Tag(tag), kind, len(text), text, 0, False, True)
        for tag, (kind, text) in content.items()
    }
    dataset = Dataset(elements)
    encodings = convert_encodings(character_set.decode().strip().split("\\"))
    dataset.set_original_encoding(False, True, encodings)
    return dataset


@pytest.mark.parametrize("vr", sorted(PLAIN_VRS))
@pytest.mark.filterwarnings("ignore")  # pydicom's, of malformed values
def test_values_that_are_kept_as_they_came_are_those_that_pydicom_reads(vr: str) -> None:
    plain = (b"Chest PA", b"Chest ", b"a\0 \0", b"1.2.3\0", b"20260101", b"x" * 5000)
    other = (
        b" Chest",
        b"A\\B ",
        b"\\",
        b"",
        b"  ",
        b"a~b ",
        b"a\0b ",
        b"a\tb ",
        b"M\xfcller",
        b"a\x1b$B0!\x1b(Bb",
    )
    for character_set in (b"ISO_IR 100", b"ISO_IR 13 ", b"ISO_IR 192", b"\\ISO 2022 IR 87"):
        for value in (*plain, *other):
            converted = _make_dataset(vr, value, character_set)
            assert len(list(converted)) == 2  # from here on pydicom's elements, no raw ones
            model = to_json_model(_make_dataset(vr, value, character_set))
            assert json.dumps(model) == json.dumps(to_json_model(converted)), (value, character_set)


def test_item_that_overruns_its_sequence_spoils_only_that_sequence(tmp_path: Path) -> None:
    item = struct.pack("<HHL", 0xFFFE, 0xE000, 5000) + _element(0x00080100, b"SH", b"R-10206 ")
    sequence = struct.pack("<HH2sHL", 0x0008, 0x2218, b"SQ", 0, len(item)) + item
    path = _with_elements(tmp_path, sequence + _element(0x00100020, b"LO", b"ID"))

    dataset = read_header(path).dataset

    assert read_text(dataset, "PatientID", 64) == "ID"
    assert len(read_items(dataset, "AnatomicRegionSequence")) <= 1
    assert to_json_model(dataset)["00100020"]["Value"] == ["ID"]


def test_a_thousand_nested_sequences_are_refused_or_read_but_never_crash(tmp_path: Path) -> None:
    nested = _element(0x00080100, b"SH", b"X ")
    for _ in range(1000):
        nested = _sequence(0x00081140, _item(nested))
    path = _with_elements(tmp_path, nested)

    with pytest.raises(NotUnderstoodError):
        read_header(path)


# Deflated


def test_deflated_dataset_cut_short_is_not_understood(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.dcm", draw_shapes(12), DeflatedExplicitVRLittleEndian, BitsStored=12)
    content = film.read_bytes()
    for kept in (0.3, 0.6, 0.9, 0.99):
        film.write_bytes(content[: int(len(content) * kept)])
        with pytest.raises(NotUnderstoodError):
            read_header(film)


def test_deflated_garbage_is_not_understood(tmp_path: Path) -> None:
    path = _with_elements(tmp_path, b"\x99" * 300, DeflatedExplicitVRLittleEndian)

    with pytest.raises(NotUnderstoodError):
        read_header(path)


def test_deflated_dataset_with_an_even_length_pad_is_read(tmp_path: Path) -> None:
    deflated = _deflate(_element(0x00100020, b"LO", b"ID"))
    path = _with_elements(tmp_path, deflated + b"\0", DeflatedExplicitVRLittleEndian)

    assert read_header(path).dataset.PatientID == "ID"


def test_decompression_bomb_is_not_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(header_stream, "MAX_INFLATED_BYTES", 1_000_000)
    bomb = _deflate(struct.pack("<HH2sHL", 0x0010, 0x4000, b"UT", 0, 50_000_000) + b" " * 50_000_000)
    assert len(bomb) < 100_000

    with pytest.raises(NotUnderstoodError, match="inflates to more than 1000000"):
        read_header(_with_elements(tmp_path, bomb, DeflatedExplicitVRLittleEndian))


def test_deflated_datasets_are_inflated_a_few_at_a_time(tmp_path: Path) -> None:
    path = _with_elements(
        tmp_path, _deflate(_element(0x00100020, b"LO", b"ID")), DeflatedExplicitVRLittleEndian
    )
    with path.open("rb") as file, ExitStack() as stack:
        for _ in range(header_stream.MOST_AT_ONCE):
            file.seek(dataset_offset(path))
            stack.enter_context(header_stream.inflated(file))
        waiting = threading.Thread(target=read_header, args=(path,))
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive(), "one more waits"
        stack.close()
        waiting.join(20)
        assert not waiting.is_alive()


def test_header_without_end_is_not_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(header_stream, "MAX_HEADER_BYTES", 10_000)
    elements = b"".join(_element(0x00090000 + number, b"LO", b"x" * 100) for number in range(0x10, 0x110))

    with pytest.raises(NotUnderstoodError, match="longer than 10000"):
        read_header(_with_elements(tmp_path, elements))


@pytest.mark.parametrize(
    "hostile",
    [
        struct.pack("<HH2sHL", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + b"\xfe\xff\x00\xe0\0\0\0\0" * 60_000,
        b"".join(
            struct.pack("<HH2sH", group, number, b"LO", 0)
            for group in (0x0009, 0x000B)
            for number in range(0x10, 60_000)
        ),
    ],
    ids=["a sequence of empty items", "empty elements"],
)
def test_a_small_file_that_takes_much_memory_is_not_understood(hostile: bytes, tmp_path: Path) -> None:
    path = _with_elements(tmp_path, hostile)
    assert path.stat().st_size < 1_000_000

    with pytest.raises(NotUnderstoodError, match="more elements and items than any film's"):
        read_header(path)


def test_an_object_of_thousands_of_frames_is_read_up_to_what_it_says_of_each(tmp_path: Path) -> None:
    frame = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF) + struct.pack("<HHL", 0xFFFE, 0xE00D, 0)
    end = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    groups = struct.pack("<HH2sHL", 0x5200, 0x9230, b"SQ", 0, 0xFFFFFFFF) + 80_000 * frame + end
    path = _with_elements(tmp_path, _element(0x00280008, b"IS", b"80000 ") + groups)

    header = read_header(path)

    assert header.dataset.NumberOfFrames == 80_000
    assert header.has_pixels


def test_a_deflated_dataset_of_many_pieces_is_read_whole(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).bytes(3_000_000)
    pixels = _element(0x00100020, b"LO", b"ID") + struct.pack("<HH2sHL", 0x7FE0, 0x10, b"OB", 0, len(noise))
    for content in (noise, bytes(len(noise))):
        path = _with_elements(tmp_path, _deflate(pixels + content), DeflatedExplicitVRLittleEndian)
        assert read_header(path).has_pixels


# Identity


def test_film_that_is_what_was_announced_passes(tmp_path: Path) -> None:
    header = _header(tmp_path)

    check_identity(header, str(header.dataset.SOPClassUID), str(header.dataset.SOPInstanceUID))


def test_film_of_another_class_or_instance_than_announced_is_a_mismatch(tmp_path: Path) -> None:
    header = _header(tmp_path)
    sop_class, instance = str(header.dataset.SOPClassUID), str(header.dataset.SOPInstanceUID)

    with pytest.raises(MismatchError, match="class"):
        check_identity(header, str(DigitalXRayImageStorageForPresentation), instance)
    with pytest.raises(MismatchError, match="instance"):
        check_identity(header, sop_class, instance + ".9")


@pytest.mark.parametrize("keyword", ["SOPClassUID", "SOPInstanceUID"])
@pytest.mark.parametrize("value", [None, ""])
def test_dataset_that_does_not_name_itself_is_not_understood(
    keyword: str, value: str | None, tmp_path: Path
) -> None:
    header = _header(tmp_path, **{keyword: value})

    with pytest.raises(NotUnderstoodError, match="no SOP"):
        check_identity(header, str(ComputedRadiographyImageStorage), "1.2.3")


def test_image_without_pixels_is_a_mismatch(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.dcm", PIXELS)
    dataset = dcmread(film)
    del dataset.PixelData
    dataset.save_as(film)
    header = read_header(film)

    with pytest.raises(MismatchError, match="without Pixel Data"):
        check_identity(header, str(dataset.SOPClassUID), str(dataset.SOPInstanceUID))


def test_report_needs_no_pixels() -> None:
    header = read_header(_packaged("test-SR.dcm"))

    check_identity(header, str(header.dataset.SOPClassUID), str(header.dataset.SOPInstanceUID))


@pytest.mark.parametrize(
    ("uid", "is_image"),
    [
        (ComputedRadiographyImageStorage, True),
        (DigitalXRayImageStorageForPresentation, True),
        ("1.2.840.10008.5.1.4.1.1.77.1.4", True),
        (GrayscaleSoftcopyPresentationStateStorage, False),
        ("1.2.840.10008.5.1.4.1.1.88.33", False),
        ("1.2.3.4", False),
    ],
)
def test_image_storage_is_known_by_its_name(uid: str, is_image: bool) -> None:
    assert is_image_storage(uid) is is_image


# What is kept


def test_study_is_what_the_header_says(tmp_path: Path) -> None:
    study = read_study(
        _header(
            tmp_path, AccessionNumber="A1", PatientSex="F", StudyDescription="Thorax", StudyTime="101112"
        ).dataset
    )

    assert (study.accession_number, study.patient_id, study.patient_name) == ("A1", "G1", "Golden^Film")
    assert (study.patient_sex, study.study_date, study.study_time) == ("F", "20240131", "101112")
    assert study.description == "Thorax"
    assert study.patient_birth_date is None


def test_dates_and_times_as_acr_nemas_are_as_dicom_s(tmp_path: Path) -> None:
    old = (
        _element(0x00080020, b"DA", b"1994.05.06")
        + _element(0x00080030, b"TM", b"10:20:30")
        + _element(0x00100030, b"DA", b"1950.02.03")
        + _element(0x0020000D, b"UI", b"1.2\0")
    )
    header = read_header(_with_elements(tmp_path, old)).dataset
    study = read_study(header)
    assert (study.study_date, study.study_time, study.patient_birth_date) == (
        "19940506",
        "102030",
        "19500203",
    )
    assert read_patient(to_json_model(header)).patient_birth_date == "19500203"


@pytest.mark.parametrize("uid", [None, ""])
def test_film_without_study_stands_alone_under_its_own_uid(uid: str | None, tmp_path: Path) -> None:
    dataset = _header(tmp_path, StudyInstanceUID=uid).dataset

    assert read_study(dataset).study_instance_uid == str(dataset.SOPInstanceUID)


def test_text_is_cut_and_without_nul_and_blanks(tmp_path: Path) -> None:
    path = _with_elements(
        tmp_path, _element(0x00100010, b"PN", b" A\0B^C\0\0") + _element(0x00100020, b"LO", b"x" * 600)
    )
    dataset = read_header(path).dataset

    assert read_text(dataset, "PatientName", 64) == "AB^C"
    assert read_text(dataset, "PatientID", 256) == "x" * 256
    assert read_text(dataset, "PatientSex", 16) is None


@pytest.mark.parametrize("value", [b"", b"  ", b"\0\0", b" \0"])
def test_blank_text_is_none(value: bytes, tmp_path: Path) -> None:
    path = _with_elements(tmp_path, _element(0x00100020, b"LO", value))

    assert read_text(read_header(path).dataset, "PatientID", 64) is None


@pytest.mark.parametrize(
    ("charset", "name", "expected"),
    [
        (b"ISO_IR 100", "Müller^Jörg".encode("latin-1"), "Müller^Jörg"),
        (b"ISO_IR 192", "山田^太郎".encode(), "山田^太郎"),
        (b"ISO_IR 144", "Люкceмбypг".encode("iso8859_5"), "Люкceмбypг"),
        (b"GB18030 ", "王^小东".encode("gb18030"), "王^小东"),
        (b"\\ISO 2022 IR 87 ", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", "Yamada^Tarou=山田^太郎"),
        (
            b"\\ISO 2022 IR 58 ",
            b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=",
            "Zhang^XiaoDong=张^小东",
        ),
        (b"ISO_IR 13 ", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3", "ﾔﾏﾀﾞ^ﾀﾛｳ"),
    ],
)
def test_names_are_read_in_their_character_set(
    charset: bytes, name: bytes, expected: str, tmp_path: Path
) -> None:
    path = _with_elements(tmp_path, _element(0x00080005, b"CS", charset) + _element(0x00100010, b"PN", name))

    assert read_text(read_header(path).dataset, "PatientName", 64) == expected


def test_json_model_gives_the_header_back(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.dcm", PIXELS, ViewCodeSequence=[_code()], PatientName="山田^太郎")

    model = json.loads(json.dumps(to_json_model(read_header(film).dataset)))

    expected = dcmread(film, stop_before_pixels=True)
    assert Dataset.from_json(model).to_json_dict() == expected.to_json_dict()
    assert Dataset.from_json(model).ViewCodeSequence[0].CodeValue == "R-10206"


def test_json_model_keeps_no_pixels_overlays_private_elements_or_long_values(tmp_path: Path) -> None:
    path = _film_with_ballast(tmp_path)

    model = to_json_model(read_header(path).dataset)

    assert "00100010" in model
    for group in ("0002", "7FE0", "6000", "0009", "0011"):
        assert not [tag for tag in model if tag.startswith(group)]
    assert "00104000" not in model
    assert "00283006" not in model
    assert len(json.dumps(model)) < 6000


def test_json_model_keeps_none_of_them_within_sequences_either(tmp_path: Path) -> None:
    model = to_json_model(read_header(_film_with_ballast(tmp_path)).dataset)

    (icon,) = model["00880200"]["Value"]
    assert set(icon) == {"00280010", "00400555"}
    assert set(icon["00400555"]["Value"][0]) == {"00280011"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_json_model_is_json_also_for_numbers_that_json_does_not_know(value: float, tmp_path: Path) -> None:
    path = _with_elements(
        tmp_path,
        _element(0x00100020, b"LO", b"ID") + _element(0x00189073, b"FD", struct.pack("<d", value)),
    )

    model = to_json_model(read_header(path).dataset)

    assert json.loads(json.dumps(model, allow_nan=False)) == model
    assert set(model) == {"00100020"}


def test_json_model_leaves_out_what_cannot_be_read_and_keeps_the_rest(tmp_path: Path) -> None:
    path = _with_elements(
        tmp_path,
        _element(0x00080008, b"CS", b"\xff\x00\\\x1b\n")
        + _element(0x00100010, b"PN", b"A\0B\x01^\xff\xfe=")
        + _element(0x00181030, b"LO", b"\x80\x81\xff")
        + _element(0x00181150, b"IS", b"not a number")
        + _element(0x00280010, b"US", b"\x01")
        + _element(0x00280030, b"DS", b"a\\b ")
        + _element(0x00400244, b"ZZ", b"?!"),
    )

    dataset = read_header(path).dataset
    model = to_json_model(dataset)

    assert "00100010" in model
    assert "00181030" in model
    assert not {"00181150", "00280010", "00280030"} & set(model)
    json.dumps(model, allow_nan=False).encode("utf-8")
    read_study_text = read_text(dataset, "PatientName", 64)
    assert read_study_text is None or "\0" not in read_study_text


def test_items_of_what_is_no_sequence_are_none() -> None:
    dataset = Dataset()
    dataset.add_new("ViewCodeSequence", "LO", "text")
    dataset.add_new("AnatomicRegionSequence", "US", 4)

    assert read_items(dataset, "ViewCodeSequence") == []
    assert read_items(dataset, "AnatomicRegionSequence") == []
    assert read_items(dataset, "ProcedureCodeSequence") == []


# Anything at all


@pytest.mark.filterwarnings("ignore")  # pydicom's, of values that the header is full of
@pytest.mark.parametrize("syntax", [*UNCOMPRESSED, DeflatedExplicitVRLittleEndian])
def test_mutated_headers_are_understood_or_not_and_nothing_else(syntax: UID, tmp_path: Path) -> None:
    content = write_film(
        tmp_path / "film.dcm",
        PIXELS,
        syntax,
        ViewCodeSequence=[_code()],
        AnatomicRegionSequence=[_code(), _code()],
        WindowCenter=[1, 2],
        PatientBirthDate="19840131",
        AccessionNumber="A1",
    ).read_bytes()
    path = tmp_path / "mutated.dcm"
    understood = 0
    begun = time.monotonic()
    for mutated in _mutate(content, 250):
        path.write_bytes(mutated)
        try:
            header = read_header(path)
        except NotUnderstoodError:
            continue
        understood += 1
        json.dumps(to_json_model(header.dataset), allow_nan=False)
        eligibility.judge(header.dataset, str(header.transfer_syntax), "X", GatewaySettings())
        own_object.names_tbscreen(header.dataset)
        if "SOPInstanceUID" in header.dataset:
            read_study(header.dataset)

    assert time.monotonic() - begun < 30
    assert 0 < understood < 250


def _mutate(content: bytes, count: int) -> Iterator[bytes]:
    draw = random.Random(20240131)
    for _ in range(count):
        mutated = bytearray(content)
        for _ in range(draw.choice([1, 1, 2, 4, 16])):
            at = draw.randrange(132, len(mutated))
            kind = draw.randrange(5)
            if kind == 0:
                mutated[at] ^= 1 << draw.randrange(8)
            elif kind == 1:
                mutated[at : at + 4] = draw.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xfe\xff\x00\xe0"])
            elif kind == 2:
                del mutated[at : at + draw.randrange(1, 9)]
            elif kind == 3:
                mutated[at:at] = draw.randbytes(draw.randrange(1, 9))
            else:
                other = draw.randrange(132, len(mutated))
                mutated[at : at + 8] = mutated[other : other + 8]
        yield bytes(mutated)


def _header(folder: Path, **attributes: object) -> DatasetHeader:
    return read_header(write_film(folder / "film.dcm", PIXELS, **attributes))


def _film_with_ballast(folder: Path) -> Path:
    inner = Dataset()
    inner.Columns = 4
    inner.add_new(0x00110010, "LO", "PRIVATE")
    icon = Dataset()
    icon.Rows = 4
    icon.add_new(0x00090010, "LO", "PRIVATE")
    icon.add_new(0x00104000, "LT", "n" * 5000)
    icon.add_new(0x60003000, "OW", b"\0" * 16)
    icon.add_new(0x7FE00010, "OW", b"\0" * 16)
    icon.AcquisitionContextSequence = [inner]
    sequence = [icon]
    path = write_film(folder / "film.dcm", PIXELS, PatientComments="c" * 5000, IconImageSequence=sequence)
    dataset = dcmread(path)
    dataset.add_new(0x00090010, "LO", "PRIVATE")
    dataset.add_new(0x00091001, "LO", "secret")
    dataset.add_new(0x00110010, "LO", "PRIVATE")
    dataset.add_new(0x00283006, "OW", b"\0" * 8192)
    dataset.add_new(0x60000010, "US", 8)
    dataset.add_new(0x60003000, "OW", b"\0" * 16)
    dataset["IconImageSequence"].is_undefined_length = True
    dataset.save_as(path)
    return path


def _with_elements(folder: Path, elements: bytes, syntax: UID = ExplicitVRLittleEndian) -> Path:
    """Write a Part 10 file of exactly these bytes."""
    film = write_film(folder / "film.dcm", PIXELS, syntax)
    offset = 144 + int(dcmread(film, stop_before_pixels=True).file_meta.FileMetaInformationGroupLength)
    path = folder / "bytes.dcm"
    path.write_bytes(film.read_bytes()[:offset] + elements)
    return path


def _element(tag: int, vr: bytes, value: bytes) -> bytes:
    value += b"" if len(value) % 2 == 0 or vr in (b"US", b"FD") else b" "
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def _item(elements: bytes, undefined: bool = True) -> bytes:
    if not undefined:
        return struct.pack("<HHL", 0xFFFE, 0xE000, len(elements)) + elements
    return struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF) + elements + struct.pack("<HHL", 0xFFFE, 0xE00D, 0)


def _sequence(tag: int, items: bytes, undefined: bool = True) -> bytes:
    length = 0xFFFFFFFF if undefined else len(items)
    end = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0) if undefined else b""
    return struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, b"SQ", 0, length) + items + end


def _deflate(elements: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(elements) + deflater.flush()


def _find_ends(content: bytes, header: DatasetHeader) -> set[int]:
    """Return the ends of elements: the offsets just before the next element."""
    dataset = header.dataset
    ends = {len(content)}
    order = "<" if header.transfer_syntax.is_little_endian else ">"
    for tag in dataset.keys():  # noqa: SIM118
        mark, at = struct.pack(f"{order}HH", tag.group, tag.element), header.dataset_offset
        while (at := content.find(mark, at)) >= 0:
            ends.add(at)
            at += 1
    return ends | {content.rfind(struct.pack(f"{order}HH", 0x7FE0, 0x0010))}


def _code() -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "R-10206", "SRT", "antero-posterior"
    return code


def _packaged(name: str) -> Path:
    path = get_testdata_file(name, download=False)
    assert path is not None, "the package pydicom-data is not installed"
    return Path(path)
