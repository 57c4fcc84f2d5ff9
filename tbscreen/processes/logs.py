"""Structured logs on standard error. Films appear as hashes of their UIDs, patients not at all."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from dicom_gateway.log_redaction import locate, silence_quoting


def configure_logs(log_format: str, process: str, level: str = "info") -> None:
    """Set up structlog, and the standard library's loggers with it.

    Args:
        log_format: `console` for people, `json` for collectors.
        process: name of this kind of process, in every line.
        level: of our own lines, as the standard library names it; other libraries tell warnings.
    """

    def name_process(_logger: Any, _method: str, line: EventDict) -> EventDict:
        # Not a context variable: threads begin without those of the thread that started them.
        line.setdefault("process", process)
        return line

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        name_process,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, _tell_error, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _tell_error, renderer],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    silence_quoting()


def _tell_error(_logger: Any, _method: str, line: EventDict) -> EventDict:
    """Say of an exception what and where it was.

    A traceback would show its text, and the console's the values of all variables: passwords in URLs, names.
    """
    told = line.pop("exc_info", None)
    line.pop("exception", None)
    error = sys.exception() if told is True or told == 1 else told[1] if isinstance(told, tuple) else told
    if isinstance(error, BaseException):
        line["error"], line["at"] = type(error).__name__, locate(error)
    return line
