"""The stream from which a header is read: inflated where needed, and limited to the size of any film's."""

from __future__ import annotations

import io
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

from domain.errors import PermanentError

MAX_HEADER_BYTES: Final = 64 * 1024 * 1024
"""More than this is not read into memory; values that are passed over do not count."""

MAX_READS: Final = 100_000
"""Two or three for each element or item. Items without content take 8 bytes of a file and eighty times as
much of memory: a header is measured by what it makes, too."""

MAX_INFLATED_BYTES: Final = 256 * 1024 * 1024
"""A deflated dataset that grows beyond this is a decompression bomb."""

MOST_AT_ONCE: Final = 2
"""Every association could bring a bomb at the same time."""
_SLOTS: Final = threading.BoundedSemaphore(MOST_AT_ONCE)

PIECE_BYTES: Final = 1024 * 1024


class HeaderStreamError(PermanentError):
    """The header has no end in sight. Permanent."""


class MeasuredStream:
    """Has of a file what pydicom needs, which knows no end to the items of a sequence."""

    def __init__(self, stream: BinaryIO) -> None:
        self.tell, self.seek, self._read = stream.tell, stream.seek, stream.read
        self._reads = self._bytes = 0
        self.is_exceeded = False
        """True when it was too much."""

    def read(self, size: int = -1) -> bytes:
        """Read as a file does; raises `HeaderStreamError` when it was too much."""
        content = self._read(size)
        self._reads += 1
        self._bytes += len(content)
        self.is_exceeded = self._bytes > MAX_HEADER_BYTES or self._reads > MAX_READS
        if self._bytes > MAX_HEADER_BYTES:
            raise HeaderStreamError(f"the header is longer than {MAX_HEADER_BYTES} bytes")
        if self._reads > MAX_READS:
            raise HeaderStreamError("the header has more elements and items than any film's")
        return content


@contextmanager
def inflated(file: BinaryIO) -> Iterator[io.BytesIO]:
    """Hold a deflated dataset (PS3.5 A.5) decompressed inside the block, at most `MOST_AT_ONCE` of them.

    Raises:
        HeaderStreamError: when it is more than `MAX_INFLATED_BYTES`, or cut short.
        zlib.error: when it is nothing deflated.
    """
    with _SLOTS:
        yield _inflate(file)


def _inflate(file: BinaryIO) -> io.BytesIO:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    content = io.BytesIO()
    while not inflater.eof:
        piece = inflater.unconsumed_tail or file.read(PIECE_BYTES)
        inflated = inflater.decompress(piece, PIECE_BYTES)
        if not piece and not inflated:
            raise HeaderStreamError("the deflated dataset is cut short")
        content.write(inflated)
        if content.tell() > MAX_INFLATED_BYTES:
            raise HeaderStreamError(f"the dataset inflates to more than {MAX_INFLATED_BYTES} bytes")
    content.seek(0)
    return content
