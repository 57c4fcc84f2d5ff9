"""A dataset that is being written to its file: hashed, limited and synced while it arrives."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from dicom_gateway.association.preamble import write_sender
from dicom_gateway.association.writeback import begin_writeback_of_last
from dicom_gateway.dataset_limits import DatasetLimits

_hashing: Final = ThreadPoolExecutor(max(2, os.cpu_count() or 1), thread_name_prefix="hash")
_syncing: Final = ThreadPoolExecutor(16, thread_name_prefix="sync")
"""Threads that wait for the disk, apart from those that hash."""


@dataclass
class IncomingDataset:
    """A dataset that is being written to its file."""

    path: str
    byte_count: int = 0
    """Hashed bytes: the dataset's size, unless pynetdicom wrote a part of it."""
    written: int = 0
    """Bytes received so far."""
    sha256: Any = field(default_factory=hashlib.sha256)
    error: OSError | None = None
    """The error that stopped the writing. The rest is read and dropped, so that the sender gets an answer."""
    _last_hash: Future[None] | None = None
    _sync: Future[None] | None = None

    def sign(self, file: Any, sender: str) -> None:
        """Write the sender's AE title into the preamble of the file."""
        try:
            file.flush()  # the preamble, which pynetdicom has written
            write_sender(file.fileno(), sender)
        except OSError as error:
            self.error = error
            self._let_go(file)

    def write(self, file: Any, block: memoryview) -> None:
        """Append a block to the file."""
        if self.error is not None:
            return
        try:
            file.flush()  # the file meta information, which pynetdicom has written
            written = len(block)
            while block:
                block = block[os.write(file.fileno(), block) :]
            begin_writeback_of_last(file.fileno(), written)
        except OSError as error:
            self.error = error
            self._let_go(file)

    def limit(self, file: Any, further: int, limits: DatasetLimits) -> None:
        """Stop the writing when the dataset exceeds its limits or the disk is nearly full."""
        before, self.written = self.written, self.written + further
        if self.error is not None:
            return
        try:
            limits.check(file.fileno(), before, self.written)
        except OSError as error:
            self.error = error
            self._let_go(file)

    @staticmethod
    def _let_go(file: Any) -> None:
        """Free the disk space, and redirect pynetdicom's buffered bytes to the null device.

        Otherwise pynetdicom's next flush would fail, too, and end the association without an answer.
        """
        os.ftruncate(file.fileno(), 0)
        null_device = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null_device, file.fileno())
        os.close(null_device)

    def begin_hash(self, block: memoryview) -> Future[None]:
        """Begin to hash a block, after the last one is done; keep the block unchanged until then."""
        self._last_hash = _hashing.submit(self._hash, block)
        return self._last_hash

    def _hash(self, block: memoryview) -> None:
        self.sha256.update(block)
        self.byte_count += len(block)

    def begin_sync(self, file: Any) -> None:
        """Begin to sync the written bytes to the disk."""
        if self.error is not None:
            return
        # A duplicate, since pynetdicom may close the file before the sync.
        descriptor = os.dup(file.fileno())
        self._sync = _syncing.submit(_sync_and_close, descriptor)

    def finish(self) -> None:
        """Wait until the dataset is hashed and synced.

        Raises:
            OSError: when the sync fails.
        """
        if self._last_hash is not None:
            self._last_hash.result()
        if self._sync is not None:
            self._sync.result()


def _sync_and_close(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
