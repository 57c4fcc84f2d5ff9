"""The frames of an instance as they are stored (PS3.18 10.4.1.1.6), without decoding them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final

from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from dicom_gateway.dataset_header import UNDEFINED_LENGTH, DatasetHeader, read_header
from dicom_gateway.dicomweb.multipart_answer import FileRange
from domain.errors import PermanentError

NATIVE: Final = "application/octet-stream"
MEDIA_TYPES: Final = {
    str(ExplicitVRLittleEndian): NATIVE,
    **{
        str(syntax): "image/jpeg"
        for syntax in (JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1)
    },
    str(RLELossless): "image/dicom-rle",
    **{str(syntax): "image/jls" for syntax in (JPEGLSLossless, JPEGLSNearLossless)},
    **{str(syntax): "image/jp2" for syntax in (JPEG2000Lossless, JPEG2000)},
    **{str(syntax): "image/jphc" for syntax in (HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K)},
}
"""Media types of frames by transfer syntax (PS3.18 Table 8.7.3-5)."""

ITEM: Final = 0xE000FFFE
"""Tag of an item, as read in little endian."""
MOST_FRAGMENTS: Final = 100_000
LONGEST_OFFSET_TABLE: Final = 1024 * 1024


class NoFramesError(PermanentError):
    """The frames cannot be told apart, or not without decoding. Permanent: retrieve the instance."""


def find_syntax(transfer_syntax: str) -> str:
    """Return the transfer syntax in which frames are sent: native ones are the same in both VR encodings."""
    return str(ExplicitVRLittleEndian) if transfer_syntax == ImplicitVRLittleEndian else transfer_syntax


def find_frames(path: Path) -> list[list[FileRange]]:
    """Return where the frames of a film lie in its file, each in one range or in several fragments.

    Raises:
        NoFramesError: when they cannot be told apart, or the transfer syntax is big endian or deflated.
        NotUnderstoodError, OSError: when the file cannot be read.
    """
    header = read_header(path)
    if header.pixel_offset is None or find_syntax(header.transfer_syntax) not in MEDIA_TYPES:
        raise NoFramesError("frames are not sent in this transfer syntax")
    with path.open("rb") as file:
        # Tag, VR and reserved bytes, length (PS3.5 7.1.2); without VR in implicit VR (7.1.3).
        start = header.pixel_offset + (8 if header.transfer_syntax.is_implicit_VR else 12)
        file.seek(start - 4)
        (length,) = struct.unpack("<I", file.read(4))
        if length == UNDEFINED_LENGTH:
            ranges = _split_fragments(file, _read_number(header, "NumberOfFrames", 1))
        else:
            ranges = _split_native(header, start, length)
    return [[FileRange(path, *place) for place in frame] for frame in ranges]


Ranges = list[list[tuple[int, int]]]
"""Offset and length of the pieces of each frame."""


def _split_native(header: DatasetHeader, start: int, length: int) -> Ranges:
    bits = _read_number(header, "BitsAllocated", 0)
    size = _read_number(header, "Rows", 0) * _read_number(header, "Columns", 0)
    size *= _read_number(header, "SamplesPerPixel", 1) * bits // 8
    count = _read_number(header, "NumberOfFrames", 1)
    if bits not in (8, 16, 32) or size <= 0 or not 0 < count <= MOST_FRAGMENTS or size * count > length:
        raise NoFramesError("the pixels are not those that the header describes")
    return [[(start + number * size, size)] for number in range(count)]


def _split_fragments(file: BinaryIO, count: int) -> Ranges:
    """Return the fragments of each frame (PS3.5 A.4); all belong to a single one, whatever the table says."""
    offsets, fragments, first = _read_fragments(file)
    if count == 1 and fragments:
        return [fragments]
    if count == len(fragments):
        return [[fragment] for fragment in fragments]
    if count != len(offsets):
        raise NoFramesError("the frames cannot be told apart")
    ends = [*offsets[1:], 1 << 62]
    # An offset is that of a fragment's item header, from the first one on.
    places = [
        [(at, size) for at, size in fragments if low <= at - 8 - first < high]
        for low, high in zip(offsets, ends, strict=True)
    ]
    if not all(places):
        raise NoFramesError("the frames cannot be told apart")
    return places


def _read_fragments(file: BinaryIO) -> tuple[Sequence[int], list[tuple[int, int]], int]:
    """Return the Basic Offset Table, offset and length of each fragment, and the offset of the first item."""
    table = b""
    fragments: list[tuple[int, int]] = []
    first = 0
    for number in range(MOST_FRAGMENTS):
        head = file.read(8)
        tag, length = struct.unpack("<II", head) if len(head) == 8 else (0, 0)
        if tag != ITEM:
            break  # the delimiter, or the end of a file that is cut short
        here = file.tell()
        if number == 0:
            table = file.read(min(length, LONGEST_OFFSET_TABLE))
            first = here + length
        else:
            fragments.append((here, length))
        file.seek(here + length)
    offsets = struct.unpack(f"<{len(table) // 4}I", table[: len(table) // 4 * 4])
    return offsets, fragments, first


def _read_number(header: DatasetHeader, keyword: str, missing: int) -> int:
    try:
        return int(header.dataset.get(keyword) or missing)
    except (TypeError, ValueError):
        raise NoFramesError(f"{keyword} is no number") from None


def find_media_type(transfer_syntax: str) -> str | None:
    """Return the media type of frames in a transfer syntax; None for one in which none are sent."""
    return MEDIA_TYPES.get(UID(transfer_syntax))
