"""The file into which pynetdicom writes the dataset of a C-STORE request while it is received.

With `STORE_RECV_CHUNKED_DATASET` (https://github.com/pydicom/pynetdicom/pull/526) the dataset goes to a
temporary file. Faults of pynetdicom 3.0, not reported upstream:

- The file has no public name until the dataset is complete, so that no other code can write it.
- An association that ends in the middle of a dataset leaves its file behind, and so do requests without an
  answer. Send half a dataset, abort, and list the temporary folder.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, NamedTuple

from pynetdicom import evt
from pynetdicom.association import Association


class DatasetFile(NamedTuple):
    """The open file of a dataset that is being received."""

    file: Any
    path: str


def find_dataset_file(association: Association) -> DatasetFile | None:
    """Return the file of the dataset that is being received; None without one."""
    message: Any = association.dimse.message
    temporary = getattr(message, "_data_set_file", None)
    return None if temporary is None else DatasetFile(temporary.file, str(message._data_set_path))


def drop_unfinished(event: evt.Event) -> None:
    """Delete the files that an association leaves: an incomplete dataset, and requests without an answer."""
    dimse = event.assoc.dimse
    message = getattr(dimse, "message", None)
    left = [(getattr(message, "_data_set_file", None), getattr(message, "_data_set_path", None))]
    for _, request in list(dimse.msg_queue.queue):
        left.append((getattr(request, "_dataset_file", None), getattr(request, "_dataset_path", None)))
    for file, path in left:
        if file is not None:
            with contextlib.suppress(OSError):  # `close` writes buffered bytes, which fails on a full disk
                file.close()
        if path is not None:
            Path(path).unlink(missing_ok=True)
