"""The body of a Store request, cut into its parts while it arrives (RFC 2387, RFC 2046 5.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from domain.errors import PermanentError

LONGEST_BOUNDARY: Final = 200
"""RFC 2046 5.1.1 allows 70 characters; Orthanc's plugin sends 73."""

MOST_HEADERS: Final = 16
LONGEST_HEADER: Final = 4096
"""Limits of a part's header, lines and bytes of one line."""


class MalformedBodyError(PermanentError):
    """The body is not multipart, or is cut short. Permanent."""


class PartReceiver(Protocol):
    """Receives the parts of a body, in order."""

    def begin_part(self, headers: Mapping[str, str]) -> None:
        """Begin a part; the names of its headers are in lower case."""

    def take(self, piece: memoryview) -> None:
        """Take the next bytes of the part; they stay unchanged."""

    def end_part(self) -> None:
        """End a part that is complete."""


class MultipartBody:
    """Reads a body by blocks, and hands its parts on.

    Args:
        boundary: as the request's Content-Type names it.
        receiver: receives the parts.

    Raises:
        MalformedBodyError: for an empty or longer boundary.
    """

    def __init__(self, boundary: str, receiver: PartReceiver) -> None:
        if not 1 <= len(boundary) <= LONGEST_BOUNDARY or not boundary.isascii():
            raise MalformedBodyError(f"a boundary has 1 to {LONGEST_BOUNDARY} ASCII characters")
        self._receiver = receiver
        self._has_ended = False
        self._name = self._value = b""
        self._headers: dict[str, str] = {}
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._extend_name,
                "on_header_value": self._extend_value,
                "on_header_end": self._end_header,
                "on_headers_finished": lambda: receiver.begin_part(self._headers),
                "on_part_data": lambda data, start, end: receiver.take(memoryview(data)[start:end]),
                "on_part_end": receiver.end_part,
                "on_end": self._end,
            },
            max_header_count=MOST_HEADERS,
            max_header_size=LONGEST_HEADER,
        )

    def feed(self, block: bytes) -> None:
        """Read the next block. Bytes after the last boundary are dropped.

        Raises:
            MalformedBodyError: when it is not multipart.
        """
        if self._has_ended:
            return
        try:
            self._parser.write(block)
        except FormParserError:  # its text quotes the body
            raise MalformedBodyError("the body is not multipart as its Content-Type says") from None

    def finish(self) -> None:
        """Check that the body was complete.

        Raises:
            MalformedBodyError: when the last boundary is missing.
        """
        if not self._has_ended:
            raise MalformedBodyError("the body ends without its last boundary")

    def _begin(self) -> None:
        self._headers = {}

    def _extend_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _extend_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = self._value.decode("latin-1").strip()
        self._name = self._value = b""

    def _end(self) -> None:
        self._has_ended = True
