"""The commands `tbscreen results import`, `list`, `export`, `link` and `delete`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from db.bacteriology.links import WINDOW_DAYS
from tbscreen.commands.bacteriology.result_table import LINKS, draw_table, list_values, write_csv
from tbscreen.terminal.command_audit import record_patient_change
from tbscreen.terminal.day_options import day_option
from tbscreen.terminal.invocation import fail, name_user, open_database, prepare, print_json

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from db.bacteriology.links import Link
    from db.erasure.digests import Digests
    from db.erasure.erasures import ErasureEntry
    from tbscreen.commands.bacteriology.result_file import ListedResult
    from tbscreen.settings import Settings

PATIENTS_AT_ONCE: Final = 100
"""Patients in one audit record."""

REQUEST: Final = "results of one patient deleted"
RETENTION: Final = "results deleted by age"
"""Reasons in the register of erasures."""

results_app = typer.Typer(no_args_is_help=True, help="Bacteriology results: Xpert, Ultra, culture, smear.")

Window = Annotated[
    int, typer.Option(min=0, max=366, help="Most days between specimen and film, before or after.")
]
First = Annotated[date | None, day_option("--from", help="Specimens from this day on; by default all.")]
Last = Annotated[date | None, day_option("--to", help="Specimens until this day, included.")]
History = Annotated[bool, typer.Option("--history", help="Also results that were corrected since.")]


@results_app.command("import")
def import_results(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV with specimen_date, method, result, and accession_number or patient_id.",
            show_default=False,
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would do, and change nothing.")
    ] = False,
    restate: Annotated[
        bool, typer.Option("--restate", help="Results that were corrected since are corrected back.")
    ] = False,
    window: Window = WINDOW_DAYS,
) -> None:
    """Import results of a laboratory, all lines or none. A repeated import changes nothing.

    A second result of the same patient, method and specimen corrects the first, which stays as history.
    Results are linked to studies by accession number, else by patient ID; where several studies fit, 'results
    list --not-linked' names them, and a person decides by 'results link'.
    """
    from db.bacteriology import results
    from db.bacteriology.links import find_links
    from tbscreen.commands.bacteriology.result_file import read_result_file

    settings = prepare("results")
    listed = read_result_file(file)
    database = open_database(settings)
    with database.write() as session:
        recorded = results.record(session, [entry.result for entry in listed], name_user(), restate)
        subjects = [entry.result.name_subject() for entry in listed]
        links = list(find_links(session, results.find_standing(session, subjects), window))
        if dry_run:
            session.rollback()
    changed = [listed[place] for place in (*recorded.new, *recorded.corrected)]
    if changed and not dry_run:
        _record_import(settings, changed)
    if recorded.outdated:
        lines = ", ".join(str(listed[place].line) for place in recorded.outdated)
        typer.echo(
            f"corrected since, so the correction stays: lines {lines}; --restate corrects them back", err=True
        )
    typer.echo(
        f"{'would be ' if dry_run else ''}new {len(recorded.new)}, corrected {len(recorded.corrected)}, "
        f"unchanged {len(recorded.unchanged)}, outdated {len(recorded.outdated)}"
    )
    _tell_links(links)


@results_app.command("list")
def list_results(
    first: First = None,
    last: Last = None,
    patient: Annotated[str | None, typer.Option(help="Only this patient ID's.")] = None,
    not_linked: Annotated[
        bool,
        typer.Option(
            "--not-linked", help="Only results without a study, with the studies that may be theirs."
        ),
    ] = False,
    history: History = False,
    limit: Annotated[int, typer.Option(min=1, max=100000, help="Most results.")] = 200,
    window: Window = WINDOW_DAYS,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Show results with the studies that they are linked to."""
    with open_database(prepare("results")).read() as session:
        found = _find(session, first, last, history, window, patient)
        links = list(islice((link for link in found if not (not_linked and link.study)), limit))
        if as_json:
            print_json(list(list_values(links)))
        else:
            nothing = "no result is without a study" if not_linked else "no results"
            Console().print(draw_table(links) if links else nothing)


@results_app.command("export")
def export_results(
    file: Annotated[Path, typer.Argument(help="A new CSV.", show_default=False)],
    first: First = None,
    last: Last = None,
    history: History = False,
    window: Window = WINDOW_DAYS,
) -> None:
    """Write results as CSV, which 'results import' takes again. The file holds patient data."""
    database = open_database(prepare("results"))
    with database.read(frozen=True) as session, file.open("x", encoding="utf-8", newline="") as output:
        write_csv(_find(session, first, last, history, window), output)
    typer.echo(f"{file} holds patient data: only you may read it")


@results_app.command("link")
def link_result(
    number: Annotated[int, typer.Argument(help="Its number, as 'list' shows it.", show_default=False)],
    study: Annotated[str | None, typer.Argument(help="Study Instance UID.", show_default=False)] = None,
    undo: Annotated[
        bool, typer.Option("--undo", help="Link it by accession number and patient ID again.")
    ] = False,
) -> None:
    """Link a result to the study that you know to be the patient's."""
    from db.bacteriology import results

    if (study is None) != undo:
        fail("name the study, or --undo")
    settings = prepare("results")
    with open_database(settings).write() as session:
        entry = results.link(session, number, study, name_user())
    change = (
        f"bacteriology result {number} linked" if study else f"link of bacteriology result {number} undone"
    )
    record_patient_change(
        settings, change, [entry.patient_id] if entry.patient_id else [], [study] if study else []
    )
    typer.echo(change)


@results_app.command("delete")
def delete_results(
    patient: Annotated[
        str | None, typer.Option(help="All results of this patient ID, with their history.")
    ] = None,
    issuer: Annotated[str | None, typer.Option(help="Issuer of Patient ID: others' results stay.")] = None,
    before: Annotated[
        date | None, day_option("--before", help="All results of specimens before this day.")
    ] = None,
) -> None:
    """Delete results for good: of a patient who asks for it, or older than the site keeps them.

    A restore of an older backup deletes them again. 'tbscreen patients erase' erases all of a patient.
    """
    from db.bacteriology import results
    from db.erasure.erasures import ErasureKind, erase, erase_old_results
    from db.erasure.patient_data import PatientData
    from tbscreen.administration.local_erasures import carry_out

    if (patient is None) == (before is None):
        fail("name either --patient or --before")
    settings = prepare("results")

    def work(session: Session, digests: Digests) -> ErasureEntry:
        if before is not None:
            return erase_old_results(session, f"{before:%Y%m%d}", name_user(), RETENTION)
        assert patient is not None
        merged = results.find_merged(session, patient, issuer)
        numbers = results.list_of_patient(session, merged, results.list_studies(session, merged))
        data = PatientData(results=sorted(numbers))
        return erase(session, data, ErasureKind.RESULTS, digests, name_user(), REQUEST)

    entry = carry_out(settings, open_database(settings), work)
    of = "" if before is None else f" of specimens before {before}"
    change = f"{entry.record['rows'].get('bacteriology_results', 0)} bacteriology results{of} deleted"
    record_patient_change(settings, change, [] if patient is None else [patient], [])
    typer.echo(change)


def _find(
    session: Session,
    first: date | None,
    last: date | None,
    history: bool,
    window: int,
    patient: str | None = None,
) -> Iterator[Link]:
    from db.bacteriology.links import find_links
    from db.bacteriology.results import select_results

    query = select_results(
        history=history,
        first_day=None if first is None else f"{first:%Y%m%d}",
        last_day=None if last is None else f"{last:%Y%m%d}",
        patient_id=patient,
    )
    return find_links(session, session.scalars(query.execution_options(yield_per=1000)), window)


def _tell_links(links: Sequence[Link]) -> None:
    counts: Counter[str] = Counter(link.state for link in links)
    for state, words in LINKS.items():
        if number := counts.get(state):
            typer.echo(f"  {words}: {number}")
    if any(link.study is None for link in links):
        typer.echo("next: tbscreen results list --not-linked")


def _record_import(settings: Settings, changed: Sequence[ListedResult]) -> None:
    patients = sorted({entry.result.patient_id for entry in changed if entry.result.patient_id})
    change = f"{len(changed)} bacteriology results imported"
    for first in range(0, max(len(patients), 1), PATIENTS_AT_ONCE):
        record_patient_change(settings, change, patients[first : first + PATIENTS_AT_ONCE], [])
