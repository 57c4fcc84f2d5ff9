"""The commands `tbscreen spool …`: files in this gateway's spool whose films another gateway has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from tbscreen.terminal.invocation import fail, open_database, prepare

if TYPE_CHECKING:
    from db.database import Database
    from db.films.foreign_files import ForeignFile
    from dicom_gateway.spool import Spool
    from tbscreen.settings import Settings

spool_app = typer.Typer(
    no_args_is_help=True, help="Files in this gateway's spool whose films another gateway has."
)

AT_ONCE: Final = 500
"""Most paths in one query."""

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")]


@spool_app.callback()
def start() -> None:
    """Run these commands on the host of the gateway, with its settings; the gateway may run meanwhile."""


@spool_app.command("list")
def list_files() -> None:
    """Show the files here whose films another gateway has, by the database."""
    from tbscreen.terminal.terminal_tables import draw_foreign_files

    settings, spool, database = _open()
    files = list(_list_foreign(settings, spool, database))
    Console().print(
        draw_foreign_files(files) if files else "no file here is of a film that another gateway has"
    )


@spool_app.command("take-over")
def take_over(dry_run: DryRun = False) -> None:
    """Take the films over that their gateway has left for five minutes: it may be gone, the file is here."""
    from db.films import foreign_files
    from domain.film_stage import shorten_key

    settings, spool, database = _open()
    taken = 0
    for file in _list_foreign(settings, spool, database):
        if not file.is_overdue:
            continue
        size = _measure(spool, file)
        if size is None:
            typer.echo(
                f"film {shorten_key(file.film_key)}: the file is not the film of the database, left alone"
            )
            continue
        if not dry_run:
            with database.write() as session:
                if not foreign_files.take_over(session, file, settings.gateway.name, size):
                    continue
        taken += 1
    typer.echo(f"{'would take' if dry_run else 'took'} {taken} films over")


@spool_app.command("delete")
def delete_files(dry_run: DryRun = False) -> None:
    """Delete the files here whose films another gateway has and that have their result.

    The file of a film without a result stays: it may be the only one.
    """
    settings, spool, database = _open()
    deleted = kept = 0
    for file in _list_foreign(settings, spool, database):
        if file.waits:
            kept += 1
            continue
        if not dry_run:
            spool.discard(file.spool_path)
        deleted += 1
    waiting = f"; {kept} wait for their result and stay" if kept else ""
    typer.echo(f"{'would delete' if dry_run else 'deleted'} {deleted} files{waiting}")


def _open() -> tuple[Settings, Spool, Database]:
    from dicom_gateway.settings import spool_directory
    from dicom_gateway.spool import Spool

    settings = prepare("spool", reads_dicom=True)
    directory = spool_directory(settings.data_directory)
    if not directory.is_dir():
        fail(f"{directory} does not exist: no gateway works with this data directory")
    return settings, Spool(directory), open_database(settings)


def _list_foreign(settings: Settings, spool: Spool, database: Database) -> Iterator[ForeignFile]:
    from db.films import foreign_files

    paths = sorted(spool.list_files())
    for first in range(0, len(paths), AT_ONCE):
        with database.read() as session:
            found = foreign_files.list_foreign(session, paths[first : first + AT_ONCE], settings.gateway.name)
        yield from found


def _measure(spool: Spool, file: ForeignFile) -> int | None:
    """Return the size of the file in bytes, or None if its dataset is another than that of the row."""
    from dicom_gateway.dataset_header import NotUnderstoodError, read_header

    try:
        header = read_header(spool.path(file.spool_path))
        here = spool.describe(file.spool_path, header.dataset_offset)
    except (NotUnderstoodError, OSError):
        return None
    return here.byte_size if here.dataset_sha256 == file.dataset_sha256 else None
