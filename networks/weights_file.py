"""Checks of a bundle's weights file before Keras reads it: no links, a bounded size, finite numbers alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np

from domain.bundle.bundle import MAX_FILE_BYTES
from domain.bundle.manifest import WEIGHTS
from domain.errors import PermanentError

DEEPEST: Final = 32


def check_weights(path: Path) -> None:
    """Check that an HDF5 file refers to no other file, is of bounded size, and holds finite numbers alone.

    Keras loads NaN without a word, and some layers make finite, plausible scores of it.

    Raises:
        PermanentError: for links, data in other files, groups nested beyond `DEEPEST`, more than
            `MAX_FILE_BYTES` when decompressed, or values that are not finite numbers.
        OSError: when the file is not HDF5.
    """
    with h5py.File(path, "r") as file:
        total = _count(file, 0)
        if total > MAX_FILE_BYTES:
            raise PermanentError(f"{WEIGHTS}: {total} bytes when decompressed; the limit is {MAX_FILE_BYTES}")
        file.visititems(_check_values)


def _count(group: Any, depth: int) -> int:
    """Return the size in memory of a group's arrays, in bytes."""
    if depth > DEEPEST:
        raise PermanentError(f"{WEIGHTS}: groups are nested more than {DEEPEST} deep")
    total = 0
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise PermanentError(f"{WEIGHTS}: it has a link to another place or file")
        item = group[name]
        if isinstance(item, h5py.Group):
            total += _count(item, depth + 1)
        elif not isinstance(item, h5py.Dataset) or item.external or item.is_virtual:
            raise PermanentError(f"{WEIGHTS}: the data of an array lie in another file")
        else:
            total += int(item.nbytes)
    return total


def _check_values(name: str, item: Any) -> None:
    """Raise `PermanentError` unless an array holds finite numbers alone."""
    if not isinstance(item, h5py.Dataset):
        return
    if item.dtype.kind not in "fiub":
        raise PermanentError(f"{WEIGHTS}: {name} does not hold numbers")
    if item.dtype.kind == "f" and not bool(np.all(np.isfinite(item[()]))):
        raise PermanentError(f"{WEIGHTS}: {name} holds values that are not finite numbers")
