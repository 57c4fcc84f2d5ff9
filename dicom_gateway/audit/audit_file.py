"""A file of audit records, one a line, that is rotated when it is full."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class AuditFile:
    """The records of one kind of process; several processes may write to the same file.

    Args:
        path: path of the current file; rotated files add `.1`, `.2`, … to it, the youngest first.
        most_bytes: size in bytes at which the file is rotated.
        kept: number of rotated files that are kept.
    """

    def __init__(self, path: Path, most_bytes: int, kept: int) -> None:
        self._path = path
        self._most_bytes = most_bytes
        self._kept = kept

    def write(self, line: bytes) -> None:
        """Append one record.

        Raises:
            OSError: when the record cannot be written.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._locked():
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                before = os.fstat(descriptor).st_size
                content = line + b"\n"
                if os.write(descriptor, content) < len(content):
                    os.ftruncate(descriptor, before)  # the disk is full; the file holds whole records only
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                is_full = os.fstat(descriptor).st_size >= self._most_bytes
            finally:
                os.close(descriptor)
            if is_full:
                self._rotate()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _rotate(self) -> None:
        names = [self._path, *(Path(f"{self._path}.{number}") for number in range(1, self._kept + 1))]
        for older, younger in zip(reversed(names), reversed(names[:-1]), strict=False):
            if younger.exists():
                younger.replace(older)
