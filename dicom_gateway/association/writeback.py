"""Early writeback: starts writing a growing file to the disk.

Linux writes dirty pages only after seconds, or when the file is synced; the sender would then wait while ten
megabytes are written. With an early start the disk writes while the rest of the film is received, and the
sync is short. Only the sync makes the file durable.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any, Final

SYNC_FILE_RANGE_WRITE: Final = 2
"""Flag that begins to write dirty pages without waiting (sync_file_range(2))."""


def _find_call() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    call = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if call is not None:
        call.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
        call.restype = ctypes.c_int
    return call


_call: Final = _find_call()


def begin_writeback(descriptor: int, offset: int, length: int) -> bool:
    """Start writing `length` bytes from `offset` on to the disk.

    Args:
        descriptor: descriptor of an open file.
        offset: offset of the first byte.
        length: number of bytes.

    Returns:
        False where the system has no such call, or the call fails; the sync then takes longer, and reports
        errors of the disk.
    """
    return _call is not None and _call(descriptor, offset, length, SYNC_FILE_RANGE_WRITE) == 0


def begin_writeback_of_last(descriptor: int, length: int) -> bool:
    """Start writing to the disk the last `length` bytes that were written through `descriptor`."""
    return begin_writeback(descriptor, os.lseek(descriptor, 0, os.SEEK_CUR) - length, length)
