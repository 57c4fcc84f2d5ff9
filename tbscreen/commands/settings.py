"""The commands `tbscreen settings` and `settings check`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from tbscreen.terminal.invocation import fail

settings_app = typer.Typer(invoke_without_command=True)


@settings_app.callback()
def show_settings(context: typer.Context) -> None:
    """List every setting with its default and meaning."""
    if context.invoked_subcommand is None:
        from tbscreen.settings_reference import write_reference

        typer.echo(write_reference(), nl=False)


@settings_app.command("check")
def check_settings(
    file: Annotated[
        Path | None, typer.Argument(help="A settings file; by default the one in use.", show_default=False)
    ] = None,
) -> None:
    """Check a settings file, and the environment with it, without starting anything."""
    from tbscreen.settings import FILE_VARIABLE, find_file, load_settings

    if file is not None:
        if not file.is_file():
            fail(f"{file} is not a file")
        os.environ[FILE_VARIABLE] = str(file)
    load_settings()
    typer.echo(
        f"{find_file() or 'no settings file, so the environment and the defaults'}: all settings are valid"
    )
