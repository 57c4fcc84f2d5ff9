"""Who sent a film, written into its file: what the file lacks to be received anew without an association.

PS3.10 7.1 leaves the preamble, the first 128 bytes, to the application that writes the file.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from pynetdicom.association import Association

MARK: Final = b"TBSCREEN SENDER "
AE_TITLE_BYTES: Final = 16
"""PS3.5 6.2, VR AE."""


def identify(association: Association) -> str:
    """Return what an association is called in the logs of this process: random, the same for its lifetime."""
    name: str = vars(association).setdefault("tbscreen_id", secrets.token_hex(4))
    return name


def name_sender(association: Association) -> str:
    """Return the AE title of the other side, whoever opened the association."""
    peer = association.requestor if association.is_acceptor else association.acceptor
    return str(peer.ae_title or "").strip()


def write_sender(descriptor: int, sender: str) -> None:
    """Write the sender's AE title into the preamble of an open file.

    Raises:
        OSError: when it cannot be written.
    """
    title = sender.encode("ascii", "replace")[:AE_TITLE_BYTES]
    os.pwrite(descriptor, MARK + title.ljust(AE_TITLE_BYTES), 0)


def read_sender(path: Path) -> str:
    """Return the AE title of who sent a file; empty where it does not say.

    Raises:
        OSError: when it cannot be read.
    """
    with path.open("rb") as file:
        preamble = file.read(len(MARK) + AE_TITLE_BYTES)
    return preamble[len(MARK) :].decode("ascii", "replace").strip() if preamble.startswith(MARK) else ""
