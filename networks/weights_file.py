"""Looks at a bundle's weights before Keras does: numbers in this file, and no more of them than fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import h5py

from domain.bundle.bundle import MAX_FILE_BYTES
from domain.bundle.manifest import WEIGHTS
from domain.errors import PermanentError

DEEPEST: Final = 32


def check_weights(path: Path) -> None:
    """See that an HDF5 file refers to no other one, and does not swell when it is read.

    Raises:
        PermanentError: for links, data that lie in other files, groups nested beyond `DEEPEST`, or more
            than `MAX_FILE_BYTES` when decompressed.
        OSError: when it is no HDF5 file.
    """
    with h5py.File(path, "r") as file:
        total = _count(file, 0)
    if total > MAX_FILE_BYTES:
        raise PermanentError(f"{WEIGHTS}: {total} bytes when it is read, at most {MAX_FILE_BYTES} are taken")


def _count(group: Any, depth: int) -> int:
    """Return how many bytes the arrays of a group take in memory."""
    if depth > DEEPEST:
        raise PermanentError(f"{WEIGHTS}: groups within groups without end")
    total = 0
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise PermanentError(f"{WEIGHTS}: a link to another place or file")
        item = group[name]
        if isinstance(item, h5py.Group):
            total += _count(item, depth + 1)
        elif not isinstance(item, h5py.Dataset) or item.external or item.is_virtual:
            raise PermanentError(f"{WEIGHTS}: an array that lies in another file")
        else:
            total += int(item.nbytes)
    return total
