"""One part of a Store request on its way into its file."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import pytest

from dicom_gateway.dataset_limits import DatasetLimits
from dicom_gateway.dicomweb.part10_intake import LARGEST_META, Part10Intake
from tests.films import dataset_offset, small_film

LIMITS = DatasetLimits(10_000_000, 0)
GROUP_LENGTH = b"\x02\x00\x00\x00UL\x04\x00"


def take_all(intake: Part10Intake, content: bytes, size: int) -> None:
    for at in range(0, len(content), size):
        intake.take(memoryview(content[at : at + size]))
    intake.end()


@pytest.mark.parametrize("size", [1, 131, 4096, 10_000_000])
def test_the_dataset_is_written_and_hashed_as_it_came(size: int, tmp_path: Path) -> None:
    film = small_film(tmp_path)
    content = film.read_bytes()[: dataset_offset(film) + 20_000]
    intake = Part10Intake(tmp_path, "MODALITY", LIMITS)
    take_all(intake, content, size)
    assert intake.error is None
    assert intake.incoming is not None
    intake.incoming.finish()
    path = Path(intake.incoming.path)
    dataset = content[dataset_offset(film) :]
    assert path.read_bytes()[dataset_offset(path) :] == dataset
    assert intake.incoming.sha256.hexdigest() == hashlib.sha256(dataset).hexdigest()
    assert path.read_bytes()[:24] == b"TBSCREEN SENDER MODALITY"
    intake.discard()
    assert not path.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no DICOM at all" * 100,
        bytes(128) + b"DICM",
        bytes(128) + b"DICM" + b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100" + bytes(20),
        bytes(128) + b"DICM" + GROUP_LENGTH + struct.pack("<L", 8) + b"\xff" * 64,
        bytes(128) + b"DICM" + GROUP_LENGTH + struct.pack("<L", 0) + bytes(64),
    ],
)
def test_what_is_no_file_is_dropped_and_leaves_nothing(content: bytes, tmp_path: Path) -> None:
    intake = Part10Intake(tmp_path, "MODALITY", LIMITS)
    take_all(intake, content, 50)
    assert intake.error is not None
    intake.discard()
    assert list(tmp_path.iterdir()) == []


def test_file_meta_information_without_end_is_dropped(tmp_path: Path) -> None:
    intake = Part10Intake(tmp_path, "MODALITY", LIMITS)
    intake.take(memoryview(bytes(128) + b"DICM" + GROUP_LENGTH + struct.pack("<L", LARGEST_META + 1)))
    assert intake.error is not None, "nothing more is held in memory"
    intake.end()
    assert list(tmp_path.iterdir()) == []
