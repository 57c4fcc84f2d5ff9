"""Recognition of DICOM files by their first bytes, with and without the preamble of PS3.10 7.1.

Old consoles and exports write a bare dataset: neither preamble nor file meta information.
"""

from __future__ import annotations

import struct
from enum import Enum
from pathlib import Path
from typing import Final

PREAMBLE_BYTES: Final = 128
PREFIX: Final = b"DICM"

VRS: Final = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT "
    b"UV".split()
)
"""Value representations of explicit encoding (PS3.5 6.2)."""

LONGEST_FIRST_VALUE: Final = 128
"""Longest value of a bare dataset's first element, bytes: a group length, a character set, an image type."""


class FileStart(Enum):
    """The beginning of a DICOM file."""

    PREAMBLE = "preamble"
    META = "meta"
    """File meta information (group 0002) without preamble."""
    IMPLICIT = "implicit"
    """A bare dataset in Implicit VR Little Endian."""
    EXPLICIT = "explicit"
    """A bare dataset in Explicit VR Little Endian."""


def find_start(path: Path) -> FileStart | None:
    """Return the beginning of a file, or None if it is not DICOM.

    A bare dataset begins with an element of group 0008 (0002 for file meta information), which a second
    element with a higher tag follows.

    Raises:
        OSError: when the file cannot be read.
    """
    with path.open("rb") as file:
        first = file.read(512)
    if first[PREAMBLE_BYTES : PREAMBLE_BYTES + len(PREFIX)] == PREFIX:
        return FileStart.PREAMBLE
    element = _read_element(first, 0)
    if element is None:
        return None
    tag, is_explicit, end = element
    following = _read_element(first, end)
    if following is None or following[0] <= tag or following[1] is not is_explicit:
        return None
    if tag >> 16 == 0x0002:
        return FileStart.META if is_explicit else None
    if tag >> 16 != 0x0008 or following[0] >> 16 > 0x0010:
        return None
    return FileStart.EXPLICIT if is_explicit else FileStart.IMPLICIT


def _read_element(content: bytes, at: int) -> tuple[int, bool, int] | None:
    """Return tag, explicit encoding and end of the short element at an offset, or None."""
    if len(content) < at + 8:
        return None
    group, number, vr, short = struct.unpack_from("<HH2sH", content, at)
    is_explicit = vr in VRS
    length = short if is_explicit else struct.unpack_from("<I", content, at + 4)[0]
    return None if length > LONGEST_FIRST_VALUE else (group << 16 | number, is_explicit, at + 8 + length)
