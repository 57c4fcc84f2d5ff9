"""The commands `tbscreen patients merge`, `move`, `split`, `list` and `end`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from domain.patient_identity import Patient
from tbscreen.commands.patients.conflicts import (
    AsJson,
    Reason,
    accept_merges,
    check_patients,
    resolve_conflict,
    show_conflicts,
)
from tbscreen.commands.patients.erasure import erase_patient, list_erasures
from tbscreen.terminal.command_audit import record_patient_change
from tbscreen.terminal.invocation import name_user, open_database, prepare, print_json
from tbscreen.terminal.terminal_tables import quote

if TYPE_CHECKING:
    from db.patients.patient_changes import Author, Change
    from tbscreen.settings import Settings

patients_app = typer.Typer(no_args_is_help=True, help="Patients: conflicts, corrections, erasure.")
patients_app.command("conflicts")(show_conflicts)
patients_app.command("resolve")(resolve_conflict)
patients_app.command("accept")(accept_merges)
patients_app.command("check")(check_patients)
patients_app.command("erase")(erase_patient)
patients_app.command("erasures")(list_erasures)

Study = Annotated[str, typer.Argument(help="Study Instance UID.")]
Issuer = Annotated[str | None, typer.Option(help="Issuer of Patient ID.")]
Name = Annotated[str | None, typer.Option(help="Patient's Name, as DICOM writes it: Doe^Jane.")]
BirthDate = Annotated[str | None, typer.Option(help="YYYYMMDD.")]


@patients_app.command("merge")
def merge(
    prior: Annotated[str, typer.Argument(help="Patient ID that is given up.")],
    survivor: Annotated[str, typer.Argument(help="Patient ID that stays.")],
    reason: Reason,
    prior_issuer: Annotated[str | None, typer.Option(help="Issuer of the prior patient ID.")] = None,
    issuer: Issuer = None,
    name: Name = None,
    birth_date: BirthDate = None,
) -> None:
    """Merge two patient IDs: studies of the first, also later ones, are the second's."""
    from db.patients.patient_changes import merge_patients

    settings = prepare("patients")
    given_up = Patient(prior, prior_issuer)
    stays = Patient(survivor, issuer, name, birth_date)
    with open_database(settings).write() as session:
        change = merge_patients(session, given_up, stays, _author(reason))
    _report(settings, change, [prior, survivor])


@patients_app.command("move")
def move(
    study: Study,
    patient_id: Annotated[str, typer.Argument(help="Patient ID of the patient whose study it is.")],
    reason: Reason,
    issuer: Issuer = None,
    name: Name = None,
    birth_date: BirthDate = None,
) -> None:
    """Give a study to another patient, with the films that come later."""
    from db.patients.patient_changes import move_study

    settings = prepare("patients")
    patient = Patient(patient_id, issuer, name, birth_date)
    with open_database(settings).write() as session:
        change = move_study(session, study, patient, _author(reason))
    _report(settings, change, [change.entry.prior_patient_id, patient_id])


@patients_app.command("split")
def split(
    study: Study,
    film: Annotated[list[int], typer.Option(help="A film's instance_id (REST); repeat it for more.")],
    reason: Reason,
    to_study: Annotated[
        str | None, typer.Option(help="Study Instance UID that the films get; by default a new one.")
    ] = None,
) -> None:
    """Give films of a study to another study, with their later revisions."""
    from db.patients.patient_changes import split_study

    settings = prepare("patients")
    with open_database(settings).write() as session:
        change = split_study(session, study, film, _author(reason), to_study)
    _report(settings, change, [change.entry.prior_patient_id, change.entry.patient_id])


@patients_app.command("end")
def end(number: Annotated[int, typer.Argument(help="The correction's number.")]) -> None:
    """End a correction: studies are shown as their headers say, and later films follow it no more."""
    from db.patients.patient_changes import end_reconciliation

    settings = prepare("patients")
    with open_database(settings).write() as session:
        change = end_reconciliation(session, number, name_user())
    _report(settings, change, [change.entry.prior_patient_id, change.entry.patient_id], "ended")


@patients_app.command("list")
def list_all(
    limit: Annotated[int, typer.Option(min=1, max=10000)] = 100,
    as_json: AsJson = False,
) -> None:
    """Show the corrections, newest first."""
    from db.patients.reconciliations import list_reconciliations

    with open_database(prepare("patients")).read() as session:
        entries = list_reconciliations(session, limit)
    if as_json:
        print_json([asdict(entry) for entry in entries])
        return
    table = Table("No.", "Kind", "From", "To", "Study", "By", "Made (UTC)", "Ended (UTC)")
    for entry in entries:
        table.add_row(
            str(entry.id),
            entry.kind,
            quote(entry.prior_patient_id),
            quote(entry.patient_id),
            quote(entry.to_study_instance_uid or entry.study_instance_uid),
            quote(entry.made_by),
            f"{entry.made_at:%Y-%m-%d %H:%M}",
            "" if entry.ended_at is None else f"{entry.ended_at:%Y-%m-%d %H:%M}",
        )
    Console().print(table if entries else "no corrections")


def _author(reason: str) -> Author:
    from db.patients.patient_changes import Author

    return Author(name_user(), reason)


def _report(
    settings: Settings, change: Change, patient_ids: list[str | None], verb: str = "in force"
) -> None:
    what = f"{change.entry.kind} {change.entry.id} {verb}"
    patients = sorted({patient_id for patient_id in patient_ids if patient_id})
    record_patient_change(settings, what, patients, change.study_instance_uids)
    typer.echo(f"{what}: {len(change.study_instance_uids)} studies are shown anew")
