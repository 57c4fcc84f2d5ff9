"""The files that a gateway holds: films that were received and are not done with."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CHUNK: Final = 1024 * 1024


@dataclass(frozen=True)
class SpooledFile:
    """A dataset that is durable on disk."""

    relative_path: str
    dataset_sha256: str
    byte_size: int


class Spool:
    """A folder of received datasets, addressed by hashes, never by UIDs.

    Args:
        directory: made if it does not exist. `incoming/` below it holds datasets that are on their way
            in; the same file system, so that a rename is atomic.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.incoming = directory / "incoming"
        self.incoming.mkdir(parents=True, exist_ok=True)

    def sweep(self) -> int:
        """Delete what earlier processes left half received; nobody was told that it was stored."""
        leftovers = [entry for entry in self.incoming.iterdir() if entry.is_file()]
        for leftover in leftovers:
            leftover.unlink(missing_ok=True)
        return len(leftovers)

    def free_bytes(self) -> int:
        """Space left for films."""
        return shutil.disk_usage(self.directory).free

    def keep(self, incoming: Path, sop_instance_uid: str, dataset_offset: int) -> SpooledFile:
        """Make a received dataset durable: fsync, atomic rename, fsync of the folders.

        Args:
            incoming: the complete file, in `incoming/`.
            sop_instance_uid: what it is; only its hash becomes part of the path.
            dataset_offset: where the dataset begins, bytes; what stands before it is not hashed.

        Raises:
            OSError: when the disk is full or broken. The file is then not kept.
        """
        digest = hashlib.sha256()
        with incoming.open("rb") as file:
            file.seek(dataset_offset)
            while piece := file.read(CHUNK):
                digest.update(piece)
            size = file.tell()
            os.fsync(file.fileno())
        key = film_key(sop_instance_uid)
        target = self.directory / key[:2] / key[2:4] / f"{key}-{digest.hexdigest()[:16]}.dcm"
        self._make_folder(target.parent)
        incoming.rename(target)
        _sync_folder(target.parent)
        return SpooledFile(str(target.relative_to(self.directory)), digest.hexdigest(), size)

    def path(self, relative_path: str) -> Path:
        """Return where a kept file lies."""
        return self.directory / relative_path

    def discard(self, relative_path: str) -> None:
        """Delete a kept file, if it is there."""
        self.path(relative_path).unlink(missing_ok=True)

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        folder.mkdir(parents=True, exist_ok=True)
        _sync_folder(folder.parent)
        _sync_folder(self.directory)


def film_key(sop_instance_uid: str) -> str:
    """Return the name under which a film is filed and logged: the SHA-256 of its SOP Instance UID, hex."""
    return hashlib.sha256(sop_instance_uid.encode("utf-8", "surrogateescape")).hexdigest()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
