"""The commands `backup` and `restore`."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from tbscreen.terminal.invocation import fail, prepare

if TYPE_CHECKING:
    from tbscreen.backup.backup_file import Manifest


def back_up(
    path: Annotated[
        str,
        typer.Argument(
            help="A folder, in which the file is named after the time, or a new file; or what to verify.",
            metavar="PATH",
            show_default=False,
        ),
    ],
    keep: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of backups that stay in the folder: when this one is complete, delete the oldest.",
        ),
    ] = None,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Make none: read one to its end, check it, and say what is in it."),
    ] = False,
) -> None:
    """Save the database, bundles included, in one file, while the service runs.

    The file holds patient data and can be read by its user alone. It has its name only when it is whole. Not
    in it: the films in the spool (the PACS has them), Redis (nothing is kept there), passwords and keys.
    """
    if verify:
        _verify(Path(path))
        return
    if path.endswith("/") and not Path(path).is_dir():
        fail(f"{path} is no folder: mount its disk, or make it: install -d -m 0700 {shlex.quote(path)}")
    from tbscreen.backup import creation

    settings, began = prepare("backup"), time.monotonic()
    with _bar() as show:
        taken = creation.back_up(settings, Path(path), keep, show)
    typer.echo(f"{taken.path}: {taken.file_bytes / 1e6:,.1f} MB in {time.monotonic() - began:.1f} s")
    _describe(taken.manifest)
    for deleted in taken.deleted:
        typer.echo(f"deleted {deleted}")


def restore(
    path: Annotated[Path, typer.Argument(help="What 'tbscreen backup' made.", show_default=False)],
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Put it in the place of what the database holds, which is gone then."),
    ] = False,
    without_erasures: Annotated[
        bool,
        typer.Option("--without-erasures", help="Leave out erasures whose key is lost; erase again by hand."),
    ] = False,
) -> None:
    """Replace the content of the database with a backup, completely or not at all.

    End all of tbscreen's processes on every host first. The file is checked to its end before anything is
    touched. An older backup is brought to this version's migration. What 'tbscreen patients erase' and
    'results delete' erased since the backup is erased again, by the registers beside it and in the data
    directory.
    """
    from db.erasure.erasures import describe_rows
    from tbscreen.backup import restoration

    settings, began = prepare("restore"), time.monotonic()
    with _bar() as show:
        restored = restoration.restore(
            settings, path, replace=replace, without_erasures=without_erasures, progress=show
        )
    manifest = restored.manifest
    typer.echo(f"restored {path} in {time.monotonic() - began:.1f} s")
    _describe(manifest)
    if restored.migrated_to != manifest.migration:
        typer.echo(f"migrated from {manifest.migration} to {restored.migrated_to}")
    _warn_of(restored.broken_bundles)
    if restored.erased.rows:
        typer.echo(f"erased again: {describe_rows(restored.erased.rows)}")
    for study in restored.erased.left:
        typer.echo(
            f"study {study} names a patient who was erased, and was not that patient's then: look at it",
            err=True,
        )
    for gateway, count in manifest.gateways.items():
        if gateway != settings.gateway.name:
            typer.echo(
                f"{count} films wait for the spool of gateway {gateway}; here it is {settings.gateway.name}"
            )
    typer.echo(
        "Films that were answered with success since then lie in the spools: each gateway takes them up "
        "when it starts. Reads, users and bundles of that time are gone."
    )


def _verify(path: Path) -> None:
    from tbscreen.backup.backup_file import BackupFile
    from tbscreen.backup.restoration import counting

    with BackupFile(path) as backup, _bar() as show:
        broken = backup.verify(counting("checking", backup.manifest.rows, show))
    typer.echo(f"{path} is whole")
    _describe(backup.manifest)
    _warn_of(broken)
    raise typer.Exit(1 if broken else 0)


def _describe(manifest: Manifest) -> None:
    films = ", ".join(f"{count:,} {state}" for state, count in sorted(manifest.films.items())) or "none"
    model = manifest.active_model
    typer.echo(
        f"taken      {manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC on {manifest.host} "
        f"by tbscreen {manifest.tbscreen}"
    )
    typer.echo(f"database   {manifest.database}, migration {manifest.migration}")
    typer.echo(f"holds      {manifest.rows:,} rows, {manifest.bytes / 1e6:,.1f} MB before compression")
    typer.echo(f"films      {films}")
    typer.echo(
        f"model      {'none' if model is None else f'{model.name} {model.version} ({model.digest[:12]})'}"
    )


def _warn_of(bundles: list[str]) -> None:
    for digest in bundles:
        typer.echo(
            f"bundle {digest[:12]} was damaged in the database already: 'tbscreen models add' it again"
        )


@contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar on a terminal; print no progress elsewhere, as in a mail from cron."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(
        *columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    ) as bar:
        tasks: dict[str, TaskID] = {}

        def show(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bar.add_task(step)
            bar.update(tasks[step], completed=done, total=total)

        yield show
