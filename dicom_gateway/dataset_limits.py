"""Limits of a dataset while it comes: its own size, and the disk space that has to stay free."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import Final

from dicom_gateway.settings import GatewaySettings
from domain.errors import PermanentError, TransientError

LOOK_EVERY_BYTES: Final = 16 * 1024 * 1024
"""Bytes between two looks at the free space; each association may take as much of the reserve."""


class TooLargeError(PermanentError, OSError):
    """A dataset has more bytes than the settings allow. Permanent, unless they are changed."""


class DiskNearlyFullError(TransientError, OSError):
    """Less space is free than is reserved. Transient: the sender keeps the film and tries again."""


@dataclass(frozen=True)
class DatasetLimits:
    """Limits of a dataset that comes.

    Attributes:
        maximum_bytes: of one dataset.
        reserved_bytes: of the disk, which stay free.
    """

    maximum_bytes: int
    reserved_bytes: int

    @classmethod
    def of(cls, settings: GatewaySettings) -> DatasetLimits:
        """Return what a gateway's settings say."""
        return cls(settings.maximum_dataset_bytes, settings.reserved_disk_bytes)

    def check(self, descriptor: int, before: int, after: int) -> None:
        """Look before a block is written.

        Args:
            descriptor: of the file that it is written to.
            before: how much of the dataset there is, bytes.
            after: how much there will be.

        Raises:
            TooLargeError: when the dataset is too large.
            DiskNearlyFullError: when too little space is free; looked at before the first block and then
                every `LOOK_EVERY_BYTES`.
        """
        if after > self.maximum_bytes:
            raise TooLargeError(errno.EFBIG, os.strerror(errno.EFBIG))
        if self.reserved_bytes and (not before or before // LOOK_EVERY_BYTES != after // LOOK_EVERY_BYTES):
            disk = os.fstatvfs(descriptor)
            if disk.f_bavail * disk.f_frsize < self.reserved_bytes:
                raise DiskNearlyFullError(errno.ENOSPC, os.strerror(errno.ENOSPC))
