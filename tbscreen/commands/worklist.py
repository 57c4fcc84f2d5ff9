"""`tbscreen worklist`: studies by suspicion as a table, as JSON, as CSV, or watched."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from tbscreen.terminal.day_options import day_option
from tbscreen.terminal.invocation import fail, open_database, prepare, print_json

if TYPE_CHECKING:
    from db.database import Database
    from db.worklist.worklist_filter import WorklistFilter


def show_worklist(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Comma-separated values; all studies unless --limit is given.")
    ] = False,
    watch: Annotated[
        float | None,
        typer.Option(
            min=0.2, max=3600, help="Show it again after each number of seconds given here, until Ctrl-C."
        ),
    ] = None,
    state: Annotated[list[str] | None, typer.Option(help="received, screened or refused.")] = None,
    priority: Annotated[list[str] | None, typer.Option(help="HIGH, MEDIUM or LOW.")] = None,
    finding: Annotated[list[str] | None, typer.Option(help="present, undetermined or absent.")] = None,
    refusal: Annotated[
        list[str] | None, typer.Option(help="Why no film was screened: not_frontal, …")
    ] = None,
    notice: Annotated[
        list[str] | None, typer.Option(help="Remark on patient data: patient_mismatch, conflict, …")
    ] = None,
    read: Annotated[bool | None, typer.Option("--read/--unread", help="Only those (not) read.")] = None,
    readers_differ: Annotated[
        bool, typer.Option("--readers-differ", help="Only those on which readers differ.")
    ] = False,
    modality: Annotated[list[str] | None, typer.Option(help="Of any film; * and ? are wildcards.")] = None,
    station: Annotated[list[str] | None, typer.Option(help="Station name, likewise.")] = None,
    sender: Annotated[list[str] | None, typer.Option(help="Sender's AE title, likewise.")] = None,
    date_from: Annotated[date | None, day_option("--from", help="First study date.")] = None,
    date_to: Annotated[date | None, day_option("--to", help="Last study date.")] = None,
    received_from: Annotated[str | None, typer.Option(help="First moment or day of reception.")] = None,
    received_to: Annotated[str | None, typer.Option(help="Last moment or day of reception.")] = None,
    text: Annotated[
        str | None, typer.Option(help="How a word of name, patient ID, accession number or station begins.")
    ] = None,
    study: Annotated[list[str] | None, typer.Option(help="Study Instance UID.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, max=10000, help="Studies; by default 100.")] = None,
    after: Annotated[
        str | None, typer.Option(help="Go on behind the page whose JSON ended with this.")
    ] = None,
) -> None:
    """Show studies by suspicion: unread first, then priority band, score and waiting time.

    Options may be given more than once: any of their values will do.
    """
    if as_json + as_csv + (watch is not None) > 1:
        fail("--json, --csv and --watch do not go together")
    from db.worklist.worklist_filter import WorklistFilter

    words = _read_words(state=state, priority=priority, finding=finding, refusal=refusal, notice=notice)
    wanted = WorklistFilter(
        states=words["state"],
        priorities=words["priority"],
        findings=words["finding"],
        refusals=words["refusal"],
        notices=words["notice"],
        read=read,
        readers_differ=readers_differ,
        modalities=modality or (),
        stations=station or (),
        senders=sender or (),
        study_date_from=_write_date(date_from),
        study_date_to=_write_date(date_to),
        received_from=_read_moment("--received-from", received_from),
        received_before=_read_moment("--received-to", received_to, end=True),
        text=text,
        study_instance_uids=study or (),
    )
    database = open_database(prepare("worklist"))
    if as_csv:
        _write_csv(database, wanted, limit, after)
    elif watch is not None:
        _watch(database, wanted, limit or 100, watch)
    else:
        _show_page(database, wanted, limit or 100, after, as_json)


def _read_words(**given: list[str] | None) -> dict[str, tuple[str, ...]]:
    """Return the words of each option as the database writes them; users may write them in any case."""
    from db.worklist.worklist_filter import STUDY_STATES
    from domain.codes import Finding, Notice, Priority, Refusal

    allowed: dict[str, Iterable[str]] = {
        "state": STUDY_STATES,
        "priority": Priority,
        "finding": Finding,
        "refusal": Refusal,
        "notice": Notice,
    }
    return {
        option: tuple(_read_word(option, word, allowed[option]) for word in words or ())
        for option, words in given.items()
    }


def _read_word(option: str, word: str, allowed: Iterable[str]) -> str:
    known = {str(candidate).casefold(): str(candidate) for candidate in allowed}
    if word.casefold() not in known:
        fail(f"--{option} {word}: allowed are {', '.join(allowed)}")
    return known[word.casefold()]


def _write_date(day: date | None) -> str | None:
    """Return a day as DICOM writes it (PS3.5 6.2, DA)."""
    return None if day is None else f"{day:%Y%m%d}"


def _read_moment(option: str, text: str | None, *, end: bool = False) -> datetime | None:
    """Return a moment, in this machine's time zone unless it names one; a day's end is the next day."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        whole_day = re.fullmatch(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}", text) is not None
        return (moment + timedelta(days=1) if end and whole_day else moment).astimezone()
    except (ValueError, OverflowError):
        fail(f"{option} {text}: a moment is YYYY-MM-DD, or YYYY-MM-DDTHH:MM")


def _show_page(
    database: Database, wanted: WorklistFilter, limit: int, after: str | None, as_json: bool
) -> None:
    from db.worklist.worklist import InvalidCursorError, find_page
    from db.worklist.worklist_filter import WorklistFilter
    from domain.bundle.tb_score import explain
    from domain.notices import NOTICE
    from tbscreen.models.bundle_lookup import find_active_manifest
    from tbscreen.terminal.terminal_tables import draw_worklist

    try:
        with database.read() as session:
            page = find_page(session, wanted, limit=limit, after=after)
            manifest = None if as_json else find_active_manifest(session)
    except InvalidCursorError as error:
        fail(f"--after: {error}")
    if as_json:
        studies = [asdict(study) for study in page.studies]
        print_json({"notice": NOTICE, "studies": studies, "next": page.following})
        return
    if not page.studies:
        typer.echo("no study yet" if wanted == WorklistFilter() else "no study that the options select")
        return
    Console().print(draw_worklist(page.studies))
    if manifest is not None:
        Console().print(explain(manifest.model_dump(mode="json")), highlight=False, markup=False)
    if page.following is not None:
        Console(stderr=True).print(f"more: --after {page.following}", highlight=False, soft_wrap=True)


def _write_csv(database: Database, wanted: WorklistFilter, limit: int | None, after: str | None) -> None:
    from itertools import islice

    from db.worklist.worklist import InvalidCursorError, stream
    from tbscreen.terminal.worklist_csv import write_csv

    try:
        with database.read() as session:
            write_csv(islice(stream(session, wanted, after=after), limit), sys.stdout)
    except InvalidCursorError as error:
        fail(f"--after: {error}")


def _watch(database: Database, wanted: WorklistFilter, limit: int, seconds: float) -> None:
    """Show the first page again and again; into a file or pipe only when it has changed."""
    from db.worklist.worklist import find_page
    from tbscreen.processes.process_signals import end_on_signal
    from tbscreen.terminal.terminal_tables import draw_worklist

    ending = end_on_signal()
    console = Console()
    shown: Any = None
    while not ending.is_set():
        with database.read() as session:
            studies = find_page(session, wanted, limit=limit).studies
        if console.is_terminal or studies != shown:
            console.clear()
            console.print(draw_worklist(studies))
            sys.stdout.flush()
            shown = studies
        ending.wait(seconds)
