"""The commands `tbscreen patients erase` and `erasures`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tbscreen.commands.patients.conflicts import AsJson
from tbscreen.terminal.command_audit import record_patient_change
from tbscreen.terminal.invocation import name_user, open_database, prepare, print_json
from tbscreen.terminal.terminal_tables import quote


def erase_patient(
    patient: Annotated[str, typer.Argument(help="Patient ID; with it go the IDs that were merged into it.")],
    reason: Annotated[str, typer.Option(help="Why, without patient data: it is kept.")],
    issuer: Annotated[str | None, typer.Option(help="Issuer of Patient ID: others' data stay.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and erase nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase everything about a patient for good: films, results, reads, reports, messages, corrections.

    Objects that were sent to a PACS stay there: the command names the peers. A restore of an older backup
    erases the patient again, from the register of erasures.
    """
    from db.erasure import patient_data
    from db.erasure.erasures import describe_rows
    from tbscreen.administration import local_erasures

    settings = prepare("patients")
    database = open_database(settings)
    with database.write() as session:
        found = patient_data.find(session, patient, issuer)
        holders, studies = patient_data.list_holders(session, found.films), list(found.studies.values())
        session.rollback()
    typer.echo(
        f"{len(studies)} studies, {len(found.films)} films, {len(found.results)} bacteriology results, "
        f"{len(found.corrections)} corrections"
    )
    if holders:
        typer.echo(f"objects of these films were sent to {', '.join(holders)}: erase them there, too")
    if dry_run:
        return
    if not yes:
        typer.confirm("erase all of it for good?", abort=True)

    entry = local_erasures.erase_patient(settings, database, patient, issuer, name_user(), reason)
    record_patient_change(
        settings, f"patient erased: {describe_rows(entry.record['rows'])}", [patient], studies
    )
    typer.echo(f"erased: {describe_rows(entry.record['rows'])}")
    if entry.record["files"]:
        typer.echo(
            f"{len(entry.record['files'])} files in spools: each gateway deletes its own within a minute"
        )


def list_erasures(as_json: AsJson = False) -> None:
    """Show the register of erasures: when, by whom and why, never whose."""
    from db.erasure import erased_files, erasures
    from db.erasure.erasures import describe_rows

    with open_database(prepare("patients")).read() as session:
        entries, waiting = erasures.list_erasures(session), erased_files.count(session)
    if as_json:
        print_json([{**asdict(entry), "record": dict(entry.record)} for entry in entries])
        return
    table = Table("Erased (UTC)", "Kind", "Rows", "By", "Reason")
    for entry in entries:
        rows = describe_rows(entry.record["rows"])
        table.add_row(
            f"{entry.erased_at:%Y-%m-%d %H:%M}", entry.kind, rows, quote(entry.erased_by), quote(entry.reason)
        )
    Console().print(table if entries else "no erasures")
    if waiting:
        typer.echo(f"{waiting} files of erased films wait for their gateways to delete them")
