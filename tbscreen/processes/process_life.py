"""Parts of every process: open the database, announce readiness."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from db import schema
from db.database import Database
from domain.errors import PermanentError
from tbscreen.monitoring.monitor import share_counters
from tbscreen.settings import Settings

log = structlog.get_logger(__name__)


def open_database(settings: Settings) -> Database:
    """Open the database; wait for one that is away, refuse one that is behind."""
    database = Database.open(settings.database_settings())
    try:
        if schema.is_behind(database):
            raise PermanentError("the database is not up to date: run 'tbscreen db upgrade' first")
    except SQLAlchemyError as error:
        log.warning("the database is away; waiting for it", error=type(error).__name__)
    return database


def count_for_monitor(settings: Settings, process: str) -> Path | None:
    """Let a process and its children count for its monitor, if it has one; before anything counts.

    Returns:
        The folder of its counters.
    """
    if settings.monitoring.port(process) is None:
        return None
    assert "prometheus_client" not in sys.modules, "it has looked for the folder already"
    return share_counters(settings.data_directory, process)


def announce_ready(ready_file: Path | None, text: str) -> None:
    """Tell the supervisor that this process does its work, atomically; several may tell it at once.

    From here on the garbage collector passes over the objects of the start, which stay as long as the
    process. pynetdicom collects all garbage of the gateway every thirty seconds, while every thread waits:
    with the imported modules among it that takes a tenth of a second.
    """
    gc.collect()
    gc.freeze()
    if ready_file is not None:
        staging = ready_file.with_suffix(f".{os.getpid()}.new")
        staging.write_text(text, "utf-8")
        staging.rename(ready_file)
