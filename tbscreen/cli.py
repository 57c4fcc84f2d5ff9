"""The command line `tbscreen`; a known error becomes one line."""

from __future__ import annotations

import gc
from typing import Annotated

import typer

from domain.errors import TbscreenError
from tbscreen import __version__
from tbscreen.commands.index import CommandIndex
from tbscreen.terminal.command_end import COMMAND_END

app = typer.Typer(
    name="tbscreen",
    cls=CommandIndex,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Tuberculosis screening of chest X-rays beside the PACS. Research software, not a medical device.",
)


def main() -> None:
    """Run the command line; a known error is one clear message and exit status 1."""
    gc.disable()  # until `prepare`: among the objects of imports it finds nothing, in a quarter of the time
    try:
        app()
    except Exception as error:
        message = _explain(error)
        if message is None:
            raise
        from tbscreen.terminal.invocation import fail

        fail(message)
    finally:
        COMMAND_END.close()
        gc.enable()


def _explain(error: Exception) -> str | None:
    """Return a known error as one line; None for any other."""
    if isinstance(error, TbscreenError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"

    from sqlalchemy.exc import SQLAlchemyError  # not for the help, which knows no database

    if not isinstance(error, SQLAlchemyError):
        return None
    from db.database import explain

    return f"{_name_database()}: {explain(error)}; run 'tbscreen doctor'"


def _name_database() -> str:
    from db.database import name_place, normalize_url
    from tbscreen.settings import find_source, load_settings

    settings = load_settings()
    return (
        f"{name_place(normalize_url(settings.resolve_database_url()))} (from {find_source('database_url')})"
    )


@app.callback(invoke_without_command=True)
def show_version(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Settings come from tbscreen.toml (or the file that TBSCREEN_CONFIG names) and TBSCREEN_… variables."""
    if version:
        typer.echo(f"tbscreen {__version__}")
        raise typer.Exit
