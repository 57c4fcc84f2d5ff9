"""The command `tbscreen renditions delete`: pictures of old, read studies leave the database."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

import typer

from tbscreen.terminal.invocation import fail, name_user, open_database, prepare

renditions_app = typer.Typer(no_args_is_help=True, help="Pictures of films in the database.")

BATCH: Final = 200


@renditions_app.callback()
def start() -> None:
    """Pictures of films in the database, most of its size; the films themselves are in the PACS."""


@renditions_app.command("delete")
def delete_renditions(
    days: Annotated[
        float | None,
        typer.Option(min=0, help="Age of the read; the setting rendition_retention_days if not said."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be deleted.")] = False,
) -> None:
    """Delete the pictures of studies that were read long ago; results, reports and reads stay.

    Pictures of unread studies and of studies with a remark stay. A later export of labels lacks these films.
    """
    import structlog

    from db.clock import now
    from db.films import renditions

    settings = prepare("renditions")
    age = settings.rendition_retention_days if days is None else days
    if age is None:
        fail("how old? Give --days, or set rendition_retention_days")
    database = open_database(settings)
    before = now() - timedelta(days=age)
    with database.read() as session:
        total = renditions.count_old(session, before)
    old = f"{age:g} day" if age == 1 else f"{age:g} days"
    amount = f"{total.films} pictures of studies read more than {old} ago, {total.byte_size / 1e6:.1f} MB"
    if dry_run:
        typer.echo(f"would delete {amount}")
        return
    deleted, batch = 0, BATCH
    while batch == BATCH:  # short transactions: films are received meanwhile
        with database.write() as session:
            batch = renditions.delete_old(session, before, BATCH)
        deleted += batch
    structlog.get_logger(__name__).info("pictures deleted", count=deleted, days=age, by=name_user())
    typer.echo(f"deleted {amount}")
