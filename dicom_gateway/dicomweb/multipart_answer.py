"""A multipart answer (PS3.18 8.6): its parts are read from files and database while they are sent."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.responses import StreamingResponse

from dicom_gateway.dicomweb.request_gate import RequestGate
from domain.errors import TransientError

CHUNK_BYTES: Final = 256 * 1024
"""Bytes that are read at a time; a request holds as many in memory."""


class VanishedError(TransientError):
    """A file was deleted or cut after its length was announced. Transient: the connection is closed."""


@dataclass(frozen=True)
class FileRange:
    """Bytes of a file."""

    path: Path
    offset: int
    byte_count: int

    def read(self) -> Iterator[bytes]:
        """Yield the bytes in chunks.

        Raises:
            VanishedError: when there are fewer.
        """
        left = self.byte_count
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                while left and (chunk := file.read(min(left, CHUNK_BYTES))):
                    left -= len(chunk)
                    yield chunk
        except FileNotFoundError:
            pass
        if left:
            raise VanishedError("the file is no longer there")


@dataclass(frozen=True)
class StoredBytes:
    """Bytes that are read as a whole when their turn comes."""

    load: Callable[[], bytes]
    byte_count: int

    def read(self) -> Iterator[bytes]:
        """Yield the bytes in chunks."""
        content = self.load()
        for start in range(0, len(content), CHUNK_BYTES):
            yield content[start : start + CHUNK_BYTES]


Piece = FileRange | StoredBytes


@dataclass(frozen=True)
class Part:
    """A part of the answer."""

    content_type: str
    pieces: Sequence[Piece]

    @property
    def byte_count(self) -> int:
        """Size of the content."""
        return sum(piece.byte_count for piece in self.pieces)


def send_part(gate: RequestGate, part: Part, headers: dict[str, str]) -> StreamingResponse:
    """Return an answer with one part that is not enclosed."""
    length = {"Content-Length": str(part.byte_count)}
    content = _run(gate, _read(part))
    return StreamingResponse(content, 200, {**headers, **length}, part.content_type)


def send_parts(
    gate: RequestGate, parts: Sequence[Part], root_type: str, status: int, headers: dict[str, str]
) -> StreamingResponse:
    """Return an answer with its parts in `multipart/related`.

    Args:
        gate: has the threads that read.
        parts: at least one.
        root_type: media type of the parts.
        status: 200, or 206 when instances are missing.
        headers: further ones.
    """
    boundary = f"part-{secrets.token_hex(16)}"
    heads = [f"--{boundary}\r\nContent-Type: {part.content_type}\r\n\r\n".encode() for part in parts]
    end = f"--{boundary}--\r\n".encode()
    length = sum(len(head) + part.byte_count + 2 for head, part in zip(heads, parts, strict=True)) + len(end)

    def write() -> Iterator[bytes]:
        for head, part in zip(heads, parts, strict=True):
            yield head
            yield from _read(part)
            yield b"\r\n"
        yield end

    media_type = f'multipart/related; type="{root_type}"; boundary={boundary}'
    headers = {**headers, "Content-Length": str(length)}
    return StreamingResponse(_run(gate, write()), status, headers, media_type)


def _read(part: Part) -> Iterator[bytes]:
    for piece in part.pieces:
        yield from piece.read()


async def _run(gate: RequestGate, chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the chunks, each read in a thread."""
    while (chunk := await gate.work(next, chunks, b"")) != b"":
        yield chunk
