"""The arrays of all films in one file on disk, so that a run holds only its current films in memory.

A film takes 128 KiB: uint16 (256, 256), 65535 times the array's 0..1. An 8-bit film is stored without loss.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

from domain.array.normalization import SPEC, FilmArray, normalize
from domain.array.picture import PICTURES, read_picture
from domain.errors import TransientError

SHAPE: Final = (SPEC.rows, SPEC.columns)
STORED: Final = np.dtype("<u2")
FILM_BYTES: Final = SPEC.rows * SPEC.columns * STORED.itemsize
WHITE: Final = 65535
DIGEST_LENGTH: Final = 32
FORMAT: Final = 1
ABANDONED_AFTER: Final = 86_400
"""Seconds after which a partial store is taken for the remains of a killed run."""

Reader = Callable[[Path], FilmArray]
"""Reads a file as float32 (256, 256), 0..1; raises ValueError or OSError for an unreadable file."""

Progress = Callable[[int, int], None]
"""Called with the number of finished items and the total."""


@dataclass(frozen=True)
class FilmStore:
    """Arrays of films on disk, addressed by position."""

    path: Path
    """The file: uint16 (n, 256, 256), little-endian, nothing else."""
    rows: tuple[int, ...]
    """The position of each film in the file."""
    digests: tuple[str, ...]
    """First 32 hexadecimal digits of the SHA-256 of each film's bytes in the file."""

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def key(self) -> str:
        """32 hexadecimal digits that identify these films in this order, as the key of derived data."""
        return hashlib.sha256("\n".join(self.digests).encode()).hexdigest()[:DIGEST_LENGTH]

    def select(self, positions: Sequence[int]) -> FilmStore:
        """Return a store of the films at `positions`, in that order."""
        return FilmStore(
            self.path,
            tuple(self.rows[position] for position in positions),
            tuple(self.digests[position] for position in positions),
        )

    def read(self, indices: Sequence[int] | npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
        """Return the films at some positions; threads may read at the same time.

        Args:
            indices: k positions, in any order, possibly repeated.

        Returns:
            float32 (k, 256, 256), 0..1.

        Raises:
            TransientError: when the file is missing or truncated.
            IndexError: for a position without a film.
        """
        # Mapped pages would count as memory of this process, and a truncated file would kill it.
        stored = np.empty((len(indices), *SHAPE), STORED)
        try:
            with self.path.open("rb", buffering=0) as file:
                for place, index in enumerate(indices):
                    file.seek(self.rows[int(index)] * FILM_BYTES)
                    if file.readinto(stored[place]) != FILM_BYTES:
                        raise TransientError(
                            f"{self.path} is truncated: delete it, and the next run writes it again"
                        )
        except OSError as error:
            raise TransientError(f"{self.path}: {error.strerror}: delete the file and start again") from error
        films = stored.astype(np.float32)
        films /= np.float32(WHITE)
        return films


@dataclass(frozen=True)
class FilledStore:
    """A store with the result for each file."""

    store: FilmStore
    positions: Mapping[Path, int]
    """Position in `store` of every readable file."""
    errors: Mapping[Path, str]
    """Reason for every unreadable file."""


def read_film(path: Path) -> FilmArray:
    """Read a PNG or JPEG and normalize it; a `Reader`.

    Raises:
        ValueError: when the file is neither, or damaged.
        OSError: when the file cannot be read.
    """
    if path.suffix.lower() not in PICTURES:
        raise ValueError("it is neither PNG nor JPEG")
    return normalize(read_picture(path))


def fill_store(
    paths: Sequence[Path],
    folder: Path,
    read: Reader = read_film,
    progress: Progress | None = None,
    reader_name: str = "pictures",
) -> FilledStore:
    """Read and store films one after another, or return the store of an earlier run of the same files.

    An earlier store is not used when a file that it lacks can be read now: a share was away then, or a rule
    has changed.

    Args:
        paths: the files, in any order.
        folder: folder of the stores; made if missing.
        read: returns the array of a file; an error for one file is recorded in the result.
        progress: called after every file, but not when an earlier store is used.
        reader_name: identifies `read`; a store by another reader is not used.

    Raises:
        TransientError: when the store cannot be written.
    """
    ordered = sorted({path.absolute() for path in paths})
    key = _identify(ordered, reader_name)
    index_path = folder / f"films-{key}.json"
    found = _find(index_path, ordered)
    if found is not None and not any(_is_readable(path, read) for path in found.errors):
        return found
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        facts = _write(ordered, index_path, read, progress or _ignore)
    except OSError as error:
        space = len(ordered) * FILM_BYTES / 2**20
        raise TransientError(
            f"{folder}: the films cannot be stored: {error.strerror or error}. {len(ordered)} films take "
            f"{space:.0f} MiB; free this space or choose another cache folder"
        ) from error
    return _assemble(_arrays_of(index_path), ordered, facts)


Fact = dict[str, str]
"""The `digest` of a file, or its `error`."""


def _write(ordered: Sequence[Path], index_path: Path, read: Reader, progress: Progress) -> list[Fact]:
    """Write the arrays and then the index, each atomically, so that an index implies complete arrays."""
    facts: list[Fact] = []
    with _replacing(_arrays_of(index_path)) as file:
        for number, path in enumerate(ordered, start=1):
            facts.append(_store(path, read, file))
            progress(number, len(ordered))
    with _replacing(index_path) as file:
        file.write(json.dumps({"format": FORMAT, "files": facts}).encode())
    return facts


def _store(path: Path, read: Reader, file: BinaryIO) -> Fact:
    try:
        array = _read(path, read)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return {"error": reason or type(error).__name__}
    content = np.rint(array * WHITE).astype(STORED).tobytes()
    file.write(content)
    return {"digest": hashlib.sha256(content).hexdigest()[:DIGEST_LENGTH]}


def _read(path: Path, read: Reader) -> FilmArray:
    array = read(path)
    if array.shape != SHAPE or not bool(np.all((array >= 0) & (array <= 1))):
        raise ValueError(f"its array is not {SHAPE} with values 0..1")
    return array


def _is_readable(path: Path, read: Reader) -> bool:
    try:
        _read(path, read)
    except (OSError, ValueError):
        return False
    return True


@contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that replaces `target` when complete and is deleted after an error."""
    number, name = tempfile.mkstemp(dir=target.parent, prefix=target.stem, suffix=".partial")
    partial = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _find(index_path: Path, ordered: Sequence[Path]) -> FilledStore | None:
    """Return the complete store of an earlier run, or None."""
    arrays = _arrays_of(index_path)
    try:
        index = json.loads(index_path.read_text("utf-8"))
        facts = index["files"]
        readable = sum("digest" in fact for fact in facts)
        whole = (
            index["format"] == FORMAT
            and len(facts) == len(ordered)
            and arrays.stat().st_size == readable * FILM_BYTES
            and all(re.fullmatch("[0-9a-f]{32}", fact.get("digest", "0" * 32)) for fact in facts)
        )
        return _assemble(arrays, ordered, facts) if whole else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _assemble(arrays: Path, ordered: Sequence[Path], facts: Sequence[Fact]) -> FilledStore:
    read = [(path, fact["digest"]) for path, fact in zip(ordered, facts, strict=True) if "digest" in fact]
    return FilledStore(
        FilmStore(arrays, tuple(range(len(read))), tuple(digest for _, digest in read)),
        {path: position for position, (path, _) in enumerate(read)},
        {path: fact["error"] for path, fact in zip(ordered, facts, strict=True) if "error" in fact},
    )


def _identify(ordered: Sequence[Path], reader_name: str) -> str:
    """Return the key of these files, which changes with their size, time and readability."""
    digest = hashlib.sha256(f"{FORMAT}\0{SPEC.version}\0{reader_name}".encode())
    for path in ordered:
        try:
            status = path.stat()
            state = f"{status.st_size} {status.st_mtime_ns} {os.access(path, os.R_OK)}"
        except OSError:
            state = "absent"
        digest.update(f"\0{path}\0{state}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:DIGEST_LENGTH]


def _sweep(folder: Path) -> None:
    """Delete partial files of killed runs."""
    for partial in folder.glob("films-*.partial"):
        if time.time() - partial.stat().st_mtime > ABANDONED_AFTER:
            partial.unlink(missing_ok=True)


def _arrays_of(index_path: Path) -> Path:
    return index_path.with_suffix(".u16")


def _ignore(_done: int, _total: int) -> None:
    pass
