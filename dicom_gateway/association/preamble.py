"""The preamble of a film's file, which keeps the sender's AE title.

A gateway can then receive the film again from its file. PS3.10 7.1 leaves the preamble, the first
128 bytes, to the application that writes the file.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

MARK: Final = b"TBSCREEN SENDER "
AE_TITLE_BYTES: Final = 16
"""Longest AE title (PS3.5 6.2, VR AE)."""


def write_sender(descriptor: int, sender: str) -> None:
    """Write the sender's AE title into the preamble of an open file.

    Raises:
        OSError: when the file cannot be written.
    """
    title = sender.encode("ascii", "replace")[:AE_TITLE_BYTES]
    os.pwrite(descriptor, MARK + title.ljust(AE_TITLE_BYTES), 0)


def read_sender(path: Path) -> str:
    """Return the sender's AE title from a film's file; empty where the preamble holds none.

    Raises:
        OSError: when the file cannot be read.
    """
    with path.open("rb") as file:
        preamble = file.read(len(MARK) + AE_TITLE_BYTES)
    return preamble[len(MARK) :].decode("ascii", "replace").strip() if preamble.startswith(MARK) else ""
