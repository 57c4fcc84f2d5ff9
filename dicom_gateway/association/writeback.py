"""Bytes of a file that is still growing begin their way to the disk.

By itself Linux writes what was written only after seconds, or when somebody syncs the file: then the sender
waits while ten megabytes go to the disk. Told early, the disk works while the rest of the film comes in, and
the sync finds little to do. It promises nothing about durability: that is what the sync is for.
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
    """Have `length` bytes from `offset` on begin their way to the disk.

    Args:
        descriptor: of a file.
        offset: bytes.
        length: bytes.

    Returns:
        False where the system has no such call, or no use for it here: whoever syncs waits longer, and is
        told then of a disk in trouble.
    """
    return _call is not None and _call(descriptor, offset, length, SYNC_FILE_RANGE_WRITE) == 0


def begin_writeback_of_last(descriptor: int, length: int) -> bool:
    """Do so for the last `length` bytes that were written through `descriptor`."""
    return begin_writeback(descriptor, os.lseek(descriptor, 0, os.SEEK_CUR) - length, length)
