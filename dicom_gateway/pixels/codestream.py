"""The size of a compressed frame, read from its codestream before a decoder allocates memory for it."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

START_OF_JPEG: Final = b"\xff\xd8"
START_OF_JPEG_2000: Final = b"\xff\x4f\xff\x51"
"""SOC and SIZ (ISO/IEC 15444-1 A.4.1, A.5.1), of HTJ2K as well."""

BOXES_BYTES: Final = 1024
"""Largest offset of a JPEG 2000 codestream in a file with boxes, which PS3.5 A.4.4 does not allow."""

FRAME_HEADERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
"""SOF markers of JPEG (ISO/IEC 10918-1 Table B.1) and of JPEG-LS (ISO/IEC 14495-1 C.1.1)."""

WITHOUT_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length."""


class FrameSize(NamedTuple):
    """Rows, columns and samples per pixel of a frame."""

    rows: int
    columns: int
    samples: int


def read_frame_size(frame: bytes) -> FrameSize:
    """Read the size from the header of a JPEG, JPEG-LS, JPEG 2000 or HTJ2K codestream.

    Raises:
        ValueError: for other bytes, or a codestream that ends before its size.
    """
    try:
        return _read_jpeg(frame) if frame.startswith(START_OF_JPEG) else _read_jpeg_2000(frame)
    except struct.error:
        raise ValueError("the codestream ends within its header") from None


def _read_jpeg_2000(frame: bytes) -> FrameSize:
    start = frame.find(START_OF_JPEG_2000, 0, BOXES_BYTES)
    if start < 0:
        raise ValueError("no codestream")
    right, bottom, left, top = struct.unpack_from(">4I", frame, start + 8)
    (samples,) = struct.unpack_from(">H", frame, start + 40)
    return FrameSize(bottom - top, right - left, samples)


def _read_jpeg(frame: bytes) -> FrameSize:
    at = len(START_OF_JPEG)
    while True:
        (fill, marker) = struct.unpack_from(">BB", frame, at)
        if fill != 0xFF:
            raise ValueError("no marker where one is due")
        if marker == 0xFF:
            at += 1  # a fill byte, allowed before each marker
        elif marker in WITHOUT_LENGTH:
            at += 2
        elif marker in FRAME_HEADERS:
            rows, columns, samples = struct.unpack_from(">HHB", frame, at + 5)
            return FrameSize(rows, columns, samples)
        else:
            (length,) = struct.unpack_from(">H", frame, at + 2)
            at += 2 + max(length, 2)
