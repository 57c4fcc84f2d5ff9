"""Early writeback: starts to bring a growing file to the disk.

By itself Linux writes dirty pages only after seconds, or when the file is synced: then the sender waits while
ten megabytes go to the disk. Started early, the disk works while the rest of the film comes in, and the sync
finds little to do. Only the sync makes the file durable.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any, Final

SYNC_FILE_RANGE_WRITE: Final = 2
"""Begin to write dirty pages, and do not wait (sync_file_range(2))."""


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
    """Start to bring `length` bytes from `offset` on to the disk.

    Args:
        descriptor: of a file.
        offset: bytes.
        length: bytes.

    Returns:
        False where the system has no such call, or no use for it here: the sync then takes longer, and
        reports a failing disk.
    """
    return _call is not None and _call(descriptor, offset, length, SYNC_FILE_RANGE_WRITE) == 0


def begin_writeback_of_last(descriptor: int, length: int) -> bool:
    """Start to bring the last `length` bytes that were written through `descriptor` to the disk."""
    return begin_writeback(descriptor, os.lseek(descriptor, 0, os.SEEK_CUR) - length, length)
