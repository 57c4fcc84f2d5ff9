"""The size that a codestream announces, against real files of every kind, and a bomb that is not decoded."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, generate_frames

from dicom_gateway.pixels.codestream import FrameSize, read_frame_size


def first_frame(name: str) -> tuple[bytes, FrameSize]:
    path = get_testdata_file(name)
    assert path is not None
    film = dcmread(path)
    frame = next(generate_frames(film.PixelData, number_of_frames=1))
    return frame, FrameSize(film.Rows, film.Columns, film.SamplesPerPixel)


@pytest.mark.parametrize(
    "name",
    [
        "SC_rgb_jpeg_gdcm.dcm",
        "JPEG-lossy.dcm",
        "JPEG-LL.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "SC_rgb_jls_lossy_sample.dcm",
        "MR_small_jp2klossless.dcm",
        "693_J2KI.dcm",
        "RG1_J2KR.dcm",
    ],
)
def test_a_real_codestream_says_its_size(name: str) -> None:
    frame, expected = first_frame(name)
    assert read_frame_size(frame) == expected


def test_fill_bytes_before_a_marker_are_passed_over() -> None:
    frame, expected = first_frame("JPEG-LL.dcm")
    assert read_frame_size(frame[:2] + b"\xff\xff" + frame[2:]) == expected


@pytest.mark.parametrize(
    "frame", [b"", b"\xff\xd8", b"\xff\xd8\x00\x00", b"\xff\x4f\xff\x51\x00", b"no codestream"]
)
def test_what_is_no_codestream_is_an_error(frame: bytes) -> None:
    with pytest.raises(ValueError, match=r"codestream|marker"):
        read_frame_size(frame)


DECODING = """
import resource, sys
from pathlib import Path
from dicom_gateway.pixels.radiograph import UndecodableError, read_display

gibibytes = 3  # the announced size takes seven
resource.setrlimit(resource.RLIMIT_AS, (gibibytes * 1024**3,) * 2)
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_display(Path(sys.argv[1]))
except UndecodableError as error:
    print(type(error.__cause__).__name__, error.__cause__)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, file=sys.stderr)
"""
"""In a process of its own with limits: without the guard the decoder takes what it gets."""


def test_a_codestream_that_announces_gigabytes_is_not_decoded(tmp_path: Path) -> None:
    path = get_testdata_file("J2K_pixelrep_mismatch.dcm")
    assert path is not None
    film = dcmread(path)
    frame = bytearray(next(generate_frames(film.PixelData, number_of_frames=1)))
    struct.pack_into(">II", frame, frame.index(b"\xff\x51") + 6, 60_000, 60_000)
    film.PixelData = encapsulate([bytes(frame)])
    film.save_as(tmp_path / "bomb.dcm")
    command = [sys.executable, "-c", DECODING, str(tmp_path / "bomb.dcm")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "ValueError the codestream is of another size than the header says\n"
    assert int(done.stderr.split()[-1]) < 64 * 1024, "kibibytes, next to nothing"
