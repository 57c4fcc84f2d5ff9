"""The commands `tbscreen film`, the history of one film, and `retry` of films that failed."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from tbscreen.terminal.invocation import fail, open_database, prepare, print_json

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from db.database import Database
    from db.films.film_history import FilmEvent, FilmHistory
    from tbscreen.settings import Settings


def show_film(
    film: Annotated[
        str,
        typer.Argument(
            help="Its SOP Instance UID, that of a report on it, or its id: 'film' in the logs, or the first "
            "digits of its trace."
        ),
    ],
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Compute array and score again with the film's bundle, and say 'the same' or what differs.",
        ),
    ] = False,
    file: Annotated[
        Path | None,
        typer.Option(help="With --verify: the DICOM file, if the spool has it no more.", metavar="FILE"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Show what happened to one film: received, prepared, screened or refused, delivered, committed."""
    from db.films.film_history import tell

    if file is not None and not verify:
        fail("--file goes with --verify")
    settings = prepare("film", reads_dicom=verify)
    database = open_database(settings)
    with database.read() as session:
        uid = _find(session, film.strip().lower())
        histories = tell(session, uid)
    if verify:
        _verify(database, settings, uid, file, as_json)
        return
    if as_json:
        print_json([asdict(history) for history in histories])
        return
    for history in histories:
        Console().print(draw_history(history), highlight=False)


def retry_films() -> None:
    """Screen again all films that were refused as processing_failed and are still in the spool."""
    from db.films.films import retry_failed

    with open_database(prepare("retry")).write() as session:
        count = retry_failed(session)
    typer.echo(f"{count} films are screened again")


def _verify(database: Database, settings: Settings, uid: str, file: Path | None, as_json: bool) -> None:
    """End with status 1 when the film differs."""
    from tbscreen.models.verification import verify

    found = verify(database, settings, uid, file)
    if as_json:
        print_json({**asdict(found), "same": found.is_same})
    else:
        typer.echo(f"{found.describe()}; bundle {found.bundle_digest[:12]}, file {found.file}")
    if not found.is_same:
        raise typer.Exit(1)


def _find(session: Session, film: str) -> str:
    from db.films.film_history import find_by_id, find_by_uid

    is_uid = re.fullmatch(r"[0-9.]{1,64}", film) is not None
    is_id = re.fullmatch(r"[0-9a-f]{6,64}", film) is not None
    if not is_uid and not is_id:
        fail("give a SOP Instance UID, or six or more digits of a film's id as the logs show it")
    uid = find_by_uid(session, film) if is_uid else None
    found = [uid] if uid is not None else find_by_id(session, film) if is_id else []
    if not found:
        fail("no such film: was it sent here, and answered with success?")
    if len(found) > 1:
        fail(f"{len(found)} films have an id that begins with {film}: give more digits")
    return found[0]


def draw_history(history: FilmHistory) -> Table:
    """Return one revision's history as a table; times are UTC, and each has its distance from the first."""
    title = f"film {history.film_key[:12]}, {history.state}"
    if history.revision > 1:
        title += f", revision {history.revision}"
    table = Table(title=title, title_justify="left", caption=history.sop_instance_uid, box=box.SIMPLE_HEAD)
    for heading in ("Time (UTC)", "After", "What", "Details"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("Time (UTC)", "After"))
    for happening in history.happenings:
        after = (happening.at - history.happenings[0].at).total_seconds()
        table.add_row(
            f"{happening.at:%Y-%m-%d %H:%M:%S}", f"{after:.3f} s", happening.what, _write_details(happening)
        )
    return table


def _write_details(happening: FilmEvent) -> str:
    return ", ".join(f"{name} {value}" for name, value in happening.details.items() if value is not None)
