"""Redaction of logs: keeps header values that libraries quote, such as patients' names, out of the output."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from types import TracebackType
from typing import Final

import structlog

QUOTING: Final = ("pynetdicom", "pydicom", "highdicom", "py.warnings", "sqlalchemy")
"""Loggers that quote values of headers, in warnings, too, and of database rows."""

log = structlog.get_logger(__name__)


def silence_quoting() -> None:
    """Silence the libraries of `QUOTING`, and log uncaught exceptions without their texts."""
    logging.captureWarnings(True)  # else warnings go to standard error
    for name in QUOTING:
        # A level would not suffice, since pydicom sets its own when it is imported.
        logger = logging.getLogger(name)
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
    sys.excepthook = _log_exception
    threading.excepthook = lambda ended: _log_exception(
        ended.exc_type, ended.exc_value or ended.exc_type(), ended.exc_traceback
    )


def locate(error: BaseException) -> str:
    """Return file and line at which an exception was raised, without its text."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "unknown"


def _log_exception(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]
    log.critical("not caught", error=kind.__name__, thread=threading.current_thread().name, at=frames)
