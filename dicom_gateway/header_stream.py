"""The stream from which a header is read, inflated where needed and limited in size."""

from __future__ import annotations

import io
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

from domain.errors import PermanentError

MAX_HEADER_BYTES: Final = 64 * 1024 * 1024
"""Most bytes of a header that are read into memory; skipped values do not count."""

MAX_READS: Final = 100_000
"""Most reads of a header, with two or three for each element or item. An empty item has 8 bytes in the file
and takes eighty times as many in memory, so that bytes alone are no sufficient limit."""

MAX_INFLATED_BYTES: Final = 256 * 1024 * 1024
"""Largest inflated dataset; a larger one counts as a decompression bomb."""

MOST_AT_ONCE: Final = 2
"""Most datasets inflated at the same time, since every association could send a bomb."""
_SLOTS: Final = threading.BoundedSemaphore(MOST_AT_ONCE)

PIECE_BYTES: Final = 1024 * 1024


class HeaderStreamError(PermanentError):
    """The header exceeds its limits, or is cut short. Permanent."""


class MeasuredStream:
    """A file with a limit on reads, since pydicom reads any number of items of a sequence."""

    def __init__(self, stream: BinaryIO) -> None:
        self.tell, self.seek, self._read = stream.tell, stream.seek, stream.read
        self._reads = self._bytes = 0
        self.is_exceeded = False
        """True when a limit was exceeded."""

    def read(self, size: int = -1) -> bytes:
        """Read as a file does; raise `HeaderStreamError` when a limit is exceeded."""
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
    """Provide a deflated dataset (PS3.5 A.5) inflated in memory, at most `MOST_AT_ONCE` at the same time.

    Raises:
        HeaderStreamError: when it inflates to more than `MAX_INFLATED_BYTES`, or is cut short.
        zlib.error: when the bytes are not deflated.
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
