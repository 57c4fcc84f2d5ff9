"""A tile: a part of a film in its own pixels, with the reader's window, as a page asks a gateway for it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_PIXELS: Final = 1 << 22
"""Most pixels of a tile: a screen of 2560 by 1600."""

MOST_BYTES: Final = 8 * 1024 * 1024
"""Largest JPEG of a tile; noise takes one byte a pixel."""


class TileFailure(StrEnum):
    """The reason why a gateway sent no tile. The names are in the database: never rename them."""

    FILE_GONE = "file_gone"
    UNDECODABLE = "undecodable"


class TileView(BaseModel):
    """The part of a film that a tile shows, and its window. Raises `ValueError` for any other."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    left: int = Field(ge=0, lt=2**16)
    """First column."""
    top: int = Field(ge=0, lt=2**16)
    """First row."""
    columns: int = Field(ge=1, lt=2**16)
    rows: int = Field(ge=1, lt=2**16)
    level: float = Field(default=127.5, ge=0, le=255)
    """The display value that is shown as middle grey, as for the film's rendition: 0 black, 255 white."""
    width: float = Field(default=255.0, ge=1, le=510)
    """The range of display values from black to white."""
    inverted: bool = False

    @model_validator(mode="after")
    def _check(self) -> TileView:
        if self.rows * self.columns > MOST_PIXELS:
            raise ValueError(f"a tile has at most {MOST_PIXELS} pixels")
        return self
