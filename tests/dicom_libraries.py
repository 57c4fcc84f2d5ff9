"""Process-wide settings of the DICOM libraries: what they are, and a receiver's for the time of a test."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydicom import charset, config
from pynetdicom import _config

from dicom_gateway.library_settings import configure_dicom_libraries


def read_library_settings() -> dict[str, Any]:
    """Return the settings of pydicom and pynetdicom, tempfile's folder and filters of pydicom's warnings."""
    return {
        **{f"pydicom {name}": value for name, value in vars(config.settings).items()},
        **{f"pynetdicom {name}": value for name, value in vars(_config).items() if name.isupper()},
        "character sets": charset.handled_encodings,
        "tempdir": tempfile.tempdir,
        "warnings": [entry for entry in warnings.filters if "pydicom" in str(entry)],
    }


@contextmanager
def configured_to_receive(incoming: Path) -> Iterator[None]:
    """Write datasets that come inside the block into a folder; the tests after it do not find it."""
    names = ("STORE_RECV_CHUNKED_DATASET", "LOG_REQUEST_IDENTIFIERS", "LOG_RESPONSE_IDENTIFIERS")
    before = tempfile.tempdir, {name: getattr(_config, name) for name in names}
    configure_dicom_libraries(incoming)
    try:
        yield
    finally:
        tempfile.tempdir = before[0]
        vars(_config).update(before[1])
