from __future__ import annotations

import struct
from pathlib import Path

import pytest

from dicom_gateway.dataset_header import read_header
from dicom_gateway.pixels.radiograph import read_display
from domain.dicom_file import FileStart, find_start
from tests import checkout
from tests.films import dataset_offset, real_film, small_film

SHARED = checkout.SHARED_DATA / "dicom"


def _write(folder: Path, content: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(content)
    return path


def test_a_file_with_preamble_is_dicom(tmp_path: Path) -> None:
    assert find_start(small_film(tmp_path)) is FileStart.PREAMBLE


def test_file_meta_information_without_preamble_is_dicom_and_read(tmp_path: Path) -> None:
    film = small_film(tmp_path)
    bare = _write(tmp_path, film.read_bytes()[132:])

    assert find_start(bare) is FileStart.META
    assert read_header(bare).dataset == read_header(film).dataset
    assert (read_display(bare) == read_display(film)).all()


def test_a_bare_dataset_is_dicom_and_read(tmp_path: Path) -> None:
    film = small_film(tmp_path)
    bare = _write(tmp_path, film.read_bytes()[dataset_offset(film) :])

    start = find_start(bare)

    assert start is FileStart.EXPLICIT
    assert read_header(bare).dataset == read_header(film).dataset
    assert (read_display(bare) == read_display(film)).all()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x08\x00",
        b"\x89PNG\r\n\x1a\n" + b"\0" * 600,
        b"\xff\xd8\xff\xe0" + b"\0" * 600,
        b"a text file with words " * 40,
        b"\0" * 600,
        struct.pack("<HHI", 0x0008, 0x0000, 4),  # a first element that is cut short
        struct.pack("<HHII", 0x0008, 0x0005, 4, 1) + struct.pack("<HHI", 0x0008, 0x0001, 4),  # not in order
        struct.pack("<HHII", 0x0008, 0x0000, 4, 1) + struct.pack("<HH2sH", 0x0008, 0x0005, b"CS", 4),
        struct.pack("<HHII", 0x0008, 0x0000, 4, 1) + struct.pack("<HHI", 0x7FE0, 0x0010, 4),
    ],
)
def test_what_begins_otherwise_is_not_dicom(content: bytes, tmp_path: Path) -> None:
    assert find_start(_write(tmp_path, content)) is None


def test_a_real_film_without_preamble_is_read() -> None:
    path = SHARED / "fuji_chest_without_preamble.dcm"
    if not path.is_file():
        pytest.skip(f"no file {path.name}: the folder shared/data/dicom is not beside the repository")

    assert find_start(path) is FileStart.IMPLICIT
    assert read_header(path).dataset.BodyPartExamined == "CHEST"
    assert read_display(path).shape == (440, 440)


def test_a_film_of_another_vendor_is_dicom() -> None:
    assert find_start(real_film("RG3_UNCR.dcm")) is FileStart.PREAMBLE
