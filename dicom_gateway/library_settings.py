"""Process-wide settings of pydicom, pynetdicom and tempfile.

The libraries keep these settings in module globals. The main function of each process that handles DICOM sets
them once, before it reads or receives data. Importing this package or constructing its classes changes none.
"""

from __future__ import annotations

import logging
import tempfile
import warnings
from pathlib import Path

from pydicom import charset, config


def configure_dicom_libraries(incoming: Path | None = None) -> None:
    """Set the libraries' globals; repeated calls change nothing.

    Args:
        incoming: folder on the spool's file system into which received datasets are written undecoded; None
            in a process that receives none.
    """
    # pydicom's warnings quote the malformed value, which may be a patient's name; and a film is not refused
    # for a malformed value that is not needed.
    config.settings.reading_validation_mode = config.IGNORE
    warnings.filterwarnings("ignore", category=UserWarning, module="pydicom")
    # pydicom leaves the escape sequences of ISO 2022 IR 58 to Python, whose GB 2312 keeps them in the text.
    # Not reported upstream; decode the example of PS3.5 K.2.
    kept = tuple(name for name in charset.handled_encodings if name != "iso_ir_58")
    charset.handled_encodings = kept  # type: ignore[assignment]
    if incoming is not None:
        from pynetdicom import _config  # slow to import, and not needed to read files

        _config.STORE_RECV_CHUNKED_DATASET = True
        # pynetdicom would decode queries for its log, and they hold patient data.
        _config.LOG_REQUEST_IDENTIFIERS = _config.LOG_RESPONSE_IDENTIFIERS = False
        # Its warnings quote a request's body. What is no multipart is answered and logged by the gateway.
        logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
        tempfile.tempdir = str(incoming)  # pynetdicom creates a dataset's file by tempfile
