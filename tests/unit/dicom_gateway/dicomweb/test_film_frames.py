"""Frames are found in a file as pydicom finds them, without decoding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_fragments
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)

from dicom_gateway.dicomweb.film_frames import NoFramesError, find_frames
from tests.films import real_film, small_film

FRAMES = (b"\xff\xd8first!\xff\xd9", b"\xff\xd8the second one\xff\xd9", b"\xff\xd8 3\xff\xd9")
"""Of even length, so that none is padded."""


def read_frames(path: Path) -> list[bytes]:
    return [b"".join(chunk for piece in frame for chunk in piece.read()) for frame in find_frames(path)]


def write(folder: Path, syntax: UID, pixels: bytes, **changes: object) -> Path:
    """Write a film with these pixels, as they are."""
    film = dcmread(small_film(folder, **changes))
    film.PixelData = pixels
    film["PixelData"].VR = "OB" if syntax.is_encapsulated else "OW"
    film["PixelData"].is_undefined_length = syntax.is_encapsulated
    film.file_meta.TransferSyntaxUID = syntax
    path = folder / "film.dcm"
    dcmwrite(path, film, implicit_vr=syntax.is_implicit_VR, little_endian=syntax.is_little_endian)
    return path


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_native_frames_are_cut_by_the_size_that_the_header_says(syntax: UID, tmp_path: Path) -> None:
    frames = np.arange(3 * 512 * 512, dtype=np.uint16).reshape(3, 512, 512)
    path = write(tmp_path, syntax, frames.tobytes(), NumberOfFrames=3)
    assert read_frames(path) == [frame.tobytes() for frame in frames]


@pytest.mark.parametrize("has_bot", [True, False])
def test_encapsulated_frames_are_the_fragments(has_bot: bool, tmp_path: Path) -> None:
    path = write(tmp_path, JPEGLSLossless, encapsulate(list(FRAMES), has_bot=has_bot), NumberOfFrames=3)
    assert read_frames(path) == list(FRAMES)


def test_frames_in_several_fragments_are_joined_by_the_offset_table(tmp_path: Path) -> None:
    long = [frame * 20 for frame in FRAMES]
    pixels = encapsulate(long, fragments_per_frame=4)
    assert len(list(generate_fragments(pixels))) == 1 + 12
    assert read_frames(write(tmp_path, JPEGLSLossless, pixels, NumberOfFrames=3)) == long
    without = write(tmp_path, JPEGLSLossless, encapsulate(long, 4, has_bot=False), NumberOfFrames=3)
    with pytest.raises(NoFramesError, match="cannot be told apart"):
        find_frames(without)


def test_the_only_frame_has_all_fragments_whatever_the_offset_table_says(tmp_path: Path) -> None:
    path = write(tmp_path, JPEGLSLossless, encapsulate(list(FRAMES)))
    assert read_frames(path) == [b"".join(FRAMES)]


def test_a_real_film_s_frame_is_its_codestream(tmp_path: Path) -> None:
    film = dcmread(real_film("RG1_J2KR.dcm"))
    _, *fragments = generate_fragments(film.PixelData)
    assert read_frames(real_film("RG1_J2KR.dcm")) == [b"".join(fragments)]


@pytest.mark.parametrize(
    ("syntax", "changes"),
    [
        (ExplicitVRBigEndian, {}),
        (DeflatedExplicitVRLittleEndian, {}),
        (ExplicitVRLittleEndian, {"Rows": 65535}),
        (ExplicitVRLittleEndian, {"BitsAllocated": 1}),
        (ExplicitVRLittleEndian, {"NumberOfFrames": 10**9}),
        (RLELossless, {"NumberOfFrames": 2}),
    ],
)
def test_frames_that_cannot_be_told_apart_are_not_guessed(
    syntax: UID, changes: dict[str, object], tmp_path: Path
) -> None:
    pixels = encapsulate([b"1", b"2", b"3"]) if syntax.is_encapsulated else bytes(512 * 512 * 2)
    with pytest.raises(NoFramesError):
        find_frames(write(tmp_path, syntax, pixels, **changes))


def test_a_document_has_no_frames(tmp_path: Path) -> None:
    film = dcmread(small_film(tmp_path))
    document = Dataset({tag: film[tag] for tag in film.keys() if tag < 0x7FE00000})  # noqa: SIM118
    document.file_meta = film.file_meta
    document.save_as(tmp_path / "film.dcm")
    with pytest.raises(NoFramesError):
        find_frames(tmp_path / "film.dcm")
