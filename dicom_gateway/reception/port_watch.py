"""Watch over the ports of a process: when one takes no connections any more, the process ends for a new one.

A thread that runs out of memory before its first step never reports that it began, and Python's
`Thread.start` waits for that report without end. Then no connection is taken any more, even when there is
memory again. An orderly end would wait for the same thread.
"""

from __future__ import annotations

import os
from typing import Final

import structlog

from dicom_gateway.reception.storage_scp import StorageScp

LOOK_EVERY_S: Final = 5.0
LOOKS: Final = 3
"""So many looks in a row have to find a port deaf: a process that was stopped for a while is not."""

EXIT_STATUS: Final = 70
"""EX_SOFTWARE of sysexits.h."""

log = structlog.get_logger(__name__)


class PortWatch:
    """Counts the looks that found a port deaf. Call `look` every `LOOK_EVERY_S`.

    Args:
        scp: listens in this process.
    """

    def __init__(self, scp: StorageScp) -> None:
        self._scp = scp
        self._found = 0

    def look(self) -> None:
        """End this process at once when a port has taken no connection for `LOOKS` looks."""
        deaf = self._scp.find_deaf(LOOK_EVERY_S)
        self._found = self._found + 1 if deaf else 0
        if self._found >= LOOKS:
            log.error("a port takes no connections any more: this process ends", ports=deaf)
            os._exit(EXIT_STATUS)
