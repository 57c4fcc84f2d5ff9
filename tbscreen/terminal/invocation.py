"""Beginning and end of every command: settings, the database, JSON, one line when it fails."""

from __future__ import annotations

import gc
import getpass
import json
import os
import socket
import sys
from typing import TYPE_CHECKING, NoReturn

import typer
from rich.console import Console

from tbscreen.settings import Settings, load_settings
from tbscreen.terminal.command_end import COMMAND_END

if TYPE_CHECKING:
    from db.database import Database


def prepare(process: str, *, reads_dicom: bool = False) -> Settings:
    """Read the settings, begin to log, and let garbage be collected from now on.

    Args:
        process: name of this kind of process, in every line of the log.
        reads_dicom: whether to set up pydicom, too.
    """
    from tbscreen.processes.logs import configure_logs

    os.umask(0o077)  # files of this process hold patient data, so other users of the host must not read them
    settings = load_settings()
    configure_logs(settings.log_format, process, settings.log_level)
    if reads_dicom:
        from dicom_gateway.library_settings import configure_dicom_libraries

        configure_dicom_libraries()
    gc.enable()
    return settings


def open_database(settings: Settings) -> Database:
    """Open the database until the command ends, or end with what to do about one that is empty or behind."""
    from db import schema
    from db.database import Database

    database = Database.open(settings.database_settings())
    COMMAND_END.callback(database.close)
    here = schema.find_revision(database)
    if here is None:
        fail("the database is empty: run 'tbscreen serve' or 'tbscreen db upgrade' first")
    if schema.is_behind(database):
        fail(
            f"the database is at migration {here}, this version needs {schema.newest_revision()}: "
            "run 'tbscreen db upgrade'"
        )
    return database


def print_json(document: object) -> None:
    """Print one JSON document; times as ISO 8601."""
    typer.echo(json.dumps(document, indent=2, default=lambda value: value.isoformat()))


def announce(work: str) -> None:
    """Say on a terminal what takes the next seconds; into a file or pipe nothing is written."""
    if sys.stderr.isatty():
        typer.echo(f"{work} …", err=True)


def fail(message: str) -> NoReturn:
    """End with one line on standard error and exit status 1."""
    Console(stderr=True).print(
        f"tbscreen: {message}", style="red", highlight=False, markup=False, soft_wrap=True
    )
    sys.exit(1)


def name_user() -> str:
    """Return user@host, for the history of what people changed."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no entry in its passwd
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"[:256]
