"""Messages between a gateway and its tile process, in msgpack; each answer is validated before use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgpack
from pydantic import BaseModel, ConfigDict, Field

from domain.viewing.film_tile import MOST_BYTES, TileView

MAX_ANSWER_BYTES: Final = MOST_BYTES + 1024

START_OF_JPEG: Final = b"\xff\xd8\xff"


class DrawnTile(BaseModel):
    """The child's answer: a JPEG, empty for a film that cannot be decoded or a part that is not on it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    jpeg: Annotated[bytes, Field(max_length=MOST_BYTES)]
    error: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z]*$")] = ""
    """The type of the error."""


def pack_request(path: Path, view: TileView) -> bytes:
    """Return the message that asks for a tile of the film in a file."""
    packed: bytes = msgpack.packb([str(path), view.model_dump()], unicode_errors="surrogatepass")
    return packed


def unpack_request(content: bytes) -> tuple[Path, TileView]:
    """Return the file and the part of the film."""
    path, view = msgpack.unpackb(content, unicode_errors="surrogatepass")
    return Path(path), TileView.model_validate(view)


def pack_answer(tile: DrawnTile) -> bytes:
    """Return the message with a tile."""
    packed: bytes = msgpack.packb(tile.model_dump())
    return packed


def unpack_answer(content: bytes) -> DrawnTile:
    """Return the validated answer of a tile process.

    Raises:
        ValueError: for bytes that `pack_answer` does not produce. Never log its text, which may quote them.
    """
    answer = DrawnTile.model_validate(msgpack.unpackb(content))
    if answer.jpeg and not answer.jpeg.startswith(START_OF_JPEG):
        raise ValueError("a tile is a JPEG")
    return answer
