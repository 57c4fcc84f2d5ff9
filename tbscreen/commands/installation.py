"""The commands `tbscreen db upgrade` and `tbscreen demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tbscreen.terminal.invocation import prepare

db_app = typer.Typer(no_args_is_help=True, callback=lambda: None, help="The results database.")


@db_app.command("upgrade")
def upgrade_database() -> None:
    """Bring the database to the newest migration and make sure that a bundle is active."""
    from tbscreen.processes.serve import migrate

    model = migrate(prepare("db"))
    typer.echo(f"the database is up to date; active model: {model.name} {model.version}")


def show_demo(
    keep: Annotated[Path, typer.Option(help="Folder in which the report is left.")] = Path("out"),
) -> None:
    """Send one real film all the way through a temporary installation."""
    from tbscreen.demo.demo import run_demo
    from tbscreen.processes.logs import configure_logs
    from tbscreen.processes.process_signals import exit_on_signal

    configure_logs("console", "demo")
    exit_on_signal()
    run_demo(Console(), keep)
