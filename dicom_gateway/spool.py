"""The spool: the files of received films that a gateway holds until they are done."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from domain.errors import PermanentError
from domain.film_key import film_key as film_key

LOCK: Final = "lock"
"""File that the gateway of a spool holds open and locked."""


@dataclass(frozen=True)
class SpooledFile:
    """A dataset that is durable on disk."""

    relative_path: str
    dataset_sha256: str
    byte_size: int


class Spool:
    """A folder of received datasets, addressed by hashes, never by UIDs.

    Args:
        directory: folder of the spool, created if missing. Its subfolder `incoming/` holds datasets that are
            being received, on the same file system, so that a rename is atomic.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.incoming = directory / "incoming"
        self.incoming.mkdir(parents=True, exist_ok=True)

    def lock(self) -> None:
        """Make this process the only gateway on this spool, until it ends.

        Raises:
            PermanentError: when another gateway holds the spool.
        """
        self._lock = (self.directory / LOCK).open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise PermanentError(f"another gateway works in {self.directory}") from None

    def unlock(self) -> None:
        """Release the lock of the spool."""
        self._lock.close()

    def is_held(self) -> bool:
        """True while a gateway holds the spool."""
        with (self.directory / LOCK).open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return True
        return False

    def sweep(self) -> int:
        """Delete the unfinished files of earlier processes, for which no sender got success."""
        return self.sweep_older_than(0.0)

    def sweep_older_than(self, seconds: float) -> int:
        """Delete unfinished files of at least this age; return their number."""
        limit = time.time() - seconds
        removed = 0
        for entry in self.incoming.iterdir():
            with contextlib.suppress(FileNotFoundError):  # its association has just ended
                if entry.is_file() and entry.stat().st_mtime <= limit:
                    entry.unlink()
                    removed += 1
        return removed

    def list_files(self) -> Iterator[str]:
        """Yield the relative paths of all kept files."""
        # Version 0.1 kept files two folders deep.
        for path in chain(self.directory.glob("??/*.dcm"), self.directory.glob("??/??/*.dcm")):
            yield str(path.relative_to(self.directory))

    def list_older_than(self, seconds: float) -> Iterator[str]:
        """Yield the relative paths of kept files of at least this age."""
        limit = time.time() - seconds
        for path in self.list_files():
            with contextlib.suppress(FileNotFoundError):
                if self.path(path).stat().st_mtime <= limit:
                    yield path

    def used_bytes(self) -> int:
        """Return the bytes of all kept files."""
        total = 0
        for path in self.list_files():
            with contextlib.suppress(FileNotFoundError):
                total += self.path(path).stat().st_size
        return total

    def free_bytes(self) -> int:
        """Return the free bytes of the spool's disk."""
        return shutil.disk_usage(self.directory).free

    def put(
        self,
        incoming: Path,
        sop_instance_uid: str,
        dataset_offset: int,
        hashed: tuple[int, str] | None = None,
    ) -> SpooledFile:
        """Sync a received dataset to the disk and move it to its place by an atomic rename.

        Its name is durable after `sync`.

        Args:
            incoming: the complete file, in `incoming/`.
            sop_instance_uid: SOP Instance UID; only its hash becomes part of the path.
            dataset_offset: offset of the dataset in bytes; the bytes before it are not hashed.
            hashed: number of bytes hashed during reception, and their SHA-256, hexadecimal. If bytes are
                missing, the dataset is read and hashed again.

        Raises:
            OSError: when the disk is full or fails. The file is then not kept.
        """
        with incoming.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if hashed is not None and hashed[0] == size - dataset_offset:
                sha256 = hashed[1]
            else:
                file.seek(dataset_offset)
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        key = film_key(sop_instance_uid)
        target = self.directory / key[:2] / f"{key}-{sha256[:16]}.dcm"
        self._make_folder(target.parent)
        incoming.rename(target)
        return SpooledFile(str(target.relative_to(self.directory)), sha256, size)

    def sync(self, file: SpooledFile) -> None:
        """Make the name of a file durable after `put`.

        Raises:
            OSError: when the disk fails.
        """
        _sync_folder(self.path(file.relative_path).parent)

    def describe(self, relative_path: str, dataset_offset: int) -> SpooledFile:
        """Return the result of `put` for a kept file, read from the file.

        Args:
            relative_path: path of the file, relative to the spool.
            dataset_offset: offset of the dataset in bytes.

        Raises:
            OSError: when the file is missing or cannot be read.
        """
        with self.path(relative_path).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(dataset_offset)
            return SpooledFile(relative_path, hashlib.file_digest(file, "sha256").hexdigest(), size)

    def path(self, relative_path: str) -> Path:
        """Return the path of a kept file."""
        return self.directory / relative_path

    def discard(self, relative_path: str) -> None:
        """Delete a kept file, if it exists."""
        self.path(relative_path).unlink(missing_ok=True)

    def discard_older(self, relative_path: str, moment: float) -> bool:
        """Delete a kept file if it was written before a moment, in seconds of the epoch; True if it was."""
        path = self.path(relative_path)
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < moment:
                path.unlink()
                return True
        return False

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        folder.mkdir(parents=True, exist_ok=True)
        _sync_folder(self.directory)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
