"""Limits of a dataset while it is received: its size, and the disk space that must stay free."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import Final

from dicom_gateway.settings import GatewaySettings
from domain.errors import PermanentError, TransientError

LOOK_EVERY_BYTES: Final = 16 * 1024 * 1024
"""Bytes between two checks of the free space; each association may use this much of the reserve."""


class TooLargeError(PermanentError, OSError):
    """The dataset has more bytes than the settings allow. Permanent until they change."""


class DiskNearlyFullError(TransientError, OSError):
    """The free space is below the reserve. Transient: the sender keeps the film and tries again."""


@dataclass(frozen=True)
class DatasetLimits:
    """Limits of a received dataset.

    Attributes:
        maximum_bytes: largest dataset.
        reserved_bytes: disk space that stays free.
    """

    maximum_bytes: int
    reserved_bytes: int

    @classmethod
    def of(cls, settings: GatewaySettings) -> DatasetLimits:
        """Return the limits of a gateway's settings."""
        return cls(settings.maximum_dataset_bytes, settings.reserved_disk_bytes)

    def check(self, descriptor: int, before: int, after: int) -> None:
        """Check the limits before a block is written.

        Args:
            descriptor: descriptor of the dataset's file.
            before: bytes of the dataset before the block.
            after: bytes of the dataset after the block.

        Raises:
            TooLargeError: when the dataset is too large.
            DiskNearlyFullError: when too little space is free; checked before the first block and then every
                `LOOK_EVERY_BYTES`.
        """
        if after > self.maximum_bytes:
            raise TooLargeError(errno.EFBIG, os.strerror(errno.EFBIG))
        if self.reserved_bytes and (not before or before // LOOK_EVERY_BYTES != after // LOOK_EVERY_BYTES):
            disk = os.fstatvfs(descriptor)
            if disk.f_bavail * disk.f_frsize < self.reserved_bytes:
                raise DiskNearlyFullError(errno.ENOSPC, os.strerror(errno.ENOSPC))
