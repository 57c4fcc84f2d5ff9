"""A frame that is mapped has the pixels of one that is decoded; other frames are left to the decoder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from dicom_gateway.dataset_header import read_dataset
from dicom_gateway.pixels import mapped_frame
from dicom_gateway.pixels.frame_decoding import decode_frame
from dicom_gateway.pixels.radiograph import UndecodableError, read_rendering
from tests.films import small_film


@pytest.fixture(autouse=True)
def _map_small_films(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped_frame, "DEFERRED_BYTES", 256)
    monkeypatch.setattr("dicom_gateway.pixels.radiograph.DEFERRED_BYTES", 256)


def _change(folder: Path, change: Callable[[Dataset], None]) -> Path:
    film = dcmread(small_film(folder))
    change(film)
    film.save_as(folder / "changed.dcm", enforce_file_format=False)
    return folder / "changed.dcm"


def _sign(film: Dataset) -> None:
    film.PixelRepresentation = 1
    film.PixelData = (film.pixel_array.astype(np.int32) - 500).astype("<i2").tobytes()


def _halve(film: Dataset) -> None:
    film.PixelData = (film.pixel_array >> 8).astype(np.uint8).tobytes()
    film.BitsAllocated, film.BitsStored, film.HighBit = 8, 8, 7


def _write_implicit(film: Dataset) -> None:
    film.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian


@pytest.mark.parametrize("change", [lambda film: None, _sign, _halve, _write_implicit])
def test_a_mapped_frame_has_the_pixels_of_a_decoded_one(
    tmp_path: Path, change: Callable[[Dataset], None]
) -> None:
    path = _change(tmp_path, change)
    mapped = mapped_frame.map_frame(path, read_dataset(path, deferred_bytes=256))
    decoded = decode_frame(read_dataset(path))
    assert mapped is not None
    assert (mapped.dtype, mapped.shape) == (decoded.dtype, decoded.shape)
    assert np.array_equal(mapped, decoded)
    assert not mapped.flags.writeable


def _deflate(film: Dataset) -> None:
    film.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian


def _append_a_frame(film: Dataset) -> None:
    film.NumberOfFrames, film.PixelData = 2, 2 * film.PixelData


@pytest.mark.parametrize("change", [_deflate, lambda film: film.compress(RLELossless)])
def test_other_encodings_are_decoded(tmp_path: Path, change: Callable[[Dataset], None]) -> None:
    path = _change(tmp_path, change)
    assert mapped_frame.map_frame(path, read_dataset(path, deferred_bytes=256)) is None
    assert read_rendering(path).digest() == read_rendering(small_film(tmp_path)).digest()


def _contradict(film: Dataset) -> None:
    film.BitsStored = 17


def _shorten(film: Dataset) -> None:
    film.PixelData = film.PixelData[:-2]


@pytest.mark.parametrize("change", [_contradict, _shorten, _append_a_frame])
def test_a_film_that_contradicts_itself_is_left_to_the_decoder(
    tmp_path: Path, change: Callable[[Dataset], None]
) -> None:
    path = _change(tmp_path, change)
    assert mapped_frame.map_frame(path, read_dataset(path, deferred_bytes=256)) is None
    with pytest.raises(UndecodableError):
        read_rendering(path)


def test_a_file_that_ends_early_is_not_mapped_past_its_end(tmp_path: Path) -> None:
    path = small_film(tmp_path)
    dataset = read_dataset(path, deferred_bytes=256)
    path.write_bytes(path.read_bytes()[:100_000])
    assert mapped_frame.map_frame(path, dataset) is None
