"""Frames as foreign senders encapsulate and compress them."""

from __future__ import annotations

import itertools
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pydicom import dcmread
from pydicom.encaps import generate_frames
from pydicom.uid import (
    UID,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from dicom_gateway.pixels.radiograph import UndecodableError, read_display, read_rendering
from dicom_gateway.pixels.rendering import NotAnXrayError
from tests.golden.synthetic import draw_shapes, write_film
from tests.servers.pacs import need

ITEM = b"\xfe\xff\x00\xe0"
SEQUENCE_END = b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"


def encapsulate_as_frames(frame: bytes, fragments: int) -> bytes:
    """Cut one frame into fragments, each of which the Basic Offset Table lists as a frame."""
    size = len(frame) // fragments // 2 * 2
    cuts = [size * number for number in range(fragments)] + [len(frame)]
    parts = [frame[start:end] for start, end in itertools.pairwise(cuts)]
    items = [ITEM + struct.pack("<I", len(part)) + part for part in parts]
    offsets = [sum(map(len, items[:number])) for number in range(fragments)]
    table = struct.pack(f"<{fragments}I", *offsets)
    return ITEM + struct.pack("<I", len(table)) + table + b"".join(items) + SEQUENCE_END


def recut(film: Path, fragments: int) -> None:
    dataset = dcmread(film)
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    dataset.PixelData = encapsulate_as_frames(frame, fragments)
    assert "NumberOfFrames" not in dataset
    dataset.save_as(film)


@pytest.mark.parametrize(
    ("syntax", "signed"), [(JPEG2000Lossless, False), (JPEG2000Lossless, True), (JPEGLosslessSV1, False)]
)
def test_a_frame_whose_fragments_are_listed_as_frames_is_shown(
    syntax: UID, signed: bool, tmp_path: Path
) -> None:
    film = write_film(tmp_path / "film.dcm", draw_shapes(12, signed=signed), syntax, BitsStored=12)
    expected = read_display(film)

    recut(film, 11)

    assert np.array_equal(read_display(film), expected)


def test_an_rle_frame_with_a_wrong_offset_table_is_shown(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.dcm", draw_shapes(12), RLELossless, BitsStored=12)
    expected = read_display(film)
    dataset = dcmread(film)
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    offsets = struct.pack("<4I", 0, 70, 140, 210)
    item = ITEM + struct.pack("<I", len(frame)) + frame
    dataset.PixelData = ITEM + struct.pack("<I", len(offsets)) + offsets + item + SEQUENCE_END
    dataset.save_as(film)

    assert np.array_equal(read_display(film), expected)


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize(
    "syntax",
    [JPEG2000Lossless, JPEGLSLossless, JPEGLossless, JPEGLosslessSV1, HTJ2KLossless],
    ids=lambda syntax: syntax.keyword,
)
def test_a_codestream_of_bytes_in_words_is_shown_as_its_native_film(
    syntax: UID, signed: bool, tmp_path: Path
) -> None:
    stored = draw_shapes(8, signed=signed)
    film = write_film(tmp_path / "film.dcm", stored.view(np.uint8) if signed else stored, syntax)
    dataset = dcmread(film)
    dataset.BitsAllocated, dataset.PixelRepresentation = 16, int(signed)
    dataset.save_as(film)
    native = write_film(tmp_path / "native.dcm", stored.astype("i2" if signed else "u2"), BitsStored=8)

    shown, expected = read_rendering(film), read_rendering(native)

    assert np.abs(shown.whole() - expected.whole()).max() < 1e-6
    assert shown.digest() == expected.digest()


def test_pixels_without_a_fragment_are_undecodable(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.dcm", draw_shapes(12), JPEG2000Lossless, BitsStored=12)
    dataset = dcmread(film)
    dataset.PixelData = ITEM + b"\0\0\0\0" + SEQUENCE_END
    dataset.save_as(film)

    with pytest.raises(UndecodableError):
        read_display(film)


def grey_in_colour(tmp_path: Path, syntax: UID, **attributes: Any) -> tuple[Path, npt.NDArray[Any]]:
    grey = draw_shapes(8)
    stored = np.stack([grey] * 3, axis=-1)
    if attributes.get("PhotometricInterpretation") == "YBR_FULL":
        stored[..., 1:] = 128
    return write_film(tmp_path / "film.dcm", stored, syntax, **attributes), grey / 255.0


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEGLossless], ids=lambda syntax: syntax.keyword)
def test_a_grey_screen_capture_in_lossless_jpeg_is_shown(
    syntax: UID, photometric: str, tmp_path: Path
) -> None:
    film, expected = grey_in_colour(tmp_path, syntax, PhotometricInterpretation=photometric)

    assert np.abs(read_display(film) - expected).max() < 1e-6


def test_a_grey_screen_capture_that_dcmtk_compressed_is_shown(tmp_path: Path) -> None:
    grey = draw_shapes(8)
    film = write_film(tmp_path / "film.dcm", np.stack([grey] * 3, axis=-1))
    compressed = tmp_path / "compressed.dcm"
    subprocess.run([need("dcmcjpeg", "dcmtk"), "+e1", str(film), str(compressed)], check=True, timeout=60)
    assert dcmread(compressed).file_meta.TransferSyntaxUID == JPEGLosslessSV1

    assert np.abs(read_display(compressed) - grey / 255.0).max() < 1e-6


def test_a_colour_picture_in_lossless_jpeg_is_no_xray(tmp_path: Path) -> None:
    stored = np.random.default_rng(3).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    film = write_film(tmp_path / "film.dcm", stored, JPEGLosslessSV1)

    with pytest.raises(NotAnXrayError, match="colour"):
        read_display(film)


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.99])
def test_a_screen_capture_in_lossless_jpeg_that_is_cut_short_is_undecodable(
    kept: float, tmp_path: Path
) -> None:
    film, _ = grey_in_colour(tmp_path, JPEGLosslessSV1)
    dataset = dcmread(film)
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    dataset.PixelData = encapsulate_as_frames(frame[: int(len(frame) * kept)], 1)
    dataset.save_as(film)

    with pytest.raises(UndecodableError):
        read_display(film)
