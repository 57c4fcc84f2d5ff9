"""The pinned values of an array: a digest of all pixels, and a thumbnail that shows a difference."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from domain.array.normalization import FilmArray

FILE: Final = Path(__file__).with_name("films.json")
THUMBNAIL: Final = 16


def pin(array: FilmArray, *, exact: bool) -> dict[str, Any]:
    """Return an array's SHA-256 at 16 bits (exact films only) and its thumbnail, 16×16, 0..65535."""
    quantised = np.rint(array.astype(np.float64) * 65535.0).astype("<u2")
    size = array.shape[0] // THUMBNAIL
    blocks = quantised.reshape(THUMBNAIL, size, THUMBNAIL, size).astype(np.float64)
    pinned: dict[str, Any] = {"thumbnail": np.rint(blocks.mean(axis=(1, 3))).astype(int).tolist()}
    if exact:
        pinned["sha256"] = hashlib.sha256(quantised.tobytes()).hexdigest()
    return pinned


def load() -> dict[str, dict[str, Any]]:
    """Return what is pinned, by the film's name."""
    pinned: dict[str, dict[str, Any]] = json.loads(FILE.read_text("utf-8"))
    return pinned


def save(films: dict[str, dict[str, Any]]) -> None:
    """Write the file, one row of a thumbnail a line, so that a change shows as one in a diff."""
    text = json.dumps(films, indent=1, sort_keys=True)
    for film in films.values():
        for row in film["thumbnail"]:
            text = text.replace(json.dumps(row, indent=1).replace("\n", "\n   "), json.dumps(row))
    FILE.write_text(text + "\n", "utf-8")
