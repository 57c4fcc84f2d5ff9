"""Process-wide settings of pydicom, pynetdicom and tempfile.

The libraries keep these in globals of their modules. The main function of each process that handles DICOM
sets them once, before it reads or receives anything. To import or construct a part of this room changes none.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

from pydicom import config


def configure_dicom_libraries(incoming: Path | None = None) -> None:
    """Set what this process wants of the libraries; to do it again changes nothing.

    Args:
        incoming: folder on the spool's file system into which datasets are written as they come, undecoded;
            None in a process that receives none.
    """
    # pydicom's warnings quote the offending value, which may be a patient's name; and a film is not refused
    # for a malformed value that nothing needs.
    config.settings.reading_validation_mode = config.IGNORE
    warnings.filterwarnings("ignore", category=UserWarning, module="pydicom")
    if incoming is not None:
        from pynetdicom import _config  # slow to import, and of no use to a process that only reads

        _config.STORE_RECV_CHUNKED_DATASET = True
        # Queries would be decoded once more for the log, where they do not belong: they hold patient data.
        _config.LOG_REQUEST_IDENTIFIERS = _config.LOG_RESPONSE_IDENTIFIERS = False
        tempfile.tempdir = str(incoming)  # pynetdicom asks tempfile for a dataset's file
