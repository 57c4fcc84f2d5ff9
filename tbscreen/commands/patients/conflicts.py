"""The commands `tbscreen patients conflicts`, `resolve` and `accept`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from domain.codes import ConflictDecision
from tbscreen.terminal.command_audit import record_patient_change
from tbscreen.terminal.invocation import name_user, open_database, prepare, print_json
from tbscreen.terminal.terminal_tables import quote, shorten_uid

if TYPE_CHECKING:
    from db.patients.conflicts import ConflictingFilm

AT_ONCE: Final = 100
"""Proposed merges that one transaction accepts."""

MOST_HIDDEN: Final = 1000
"""Replaced results that `check` lists."""

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with the decision.")]


def show_conflicts(
    resolved: Annotated[bool, typer.Option("--resolved", help="Those decided, newest first.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10000)] = 100,
    as_json: AsJson = False,
) -> None:
    """Show films of different patients or studies under one SOP Instance UID."""
    from db.patients.conflicts import list_conflicts

    with open_database(prepare("patients")).read() as session:
        entries = list_conflicts(session, resolved=resolved, limit=limit)
    if as_json:
        print_json([asdict(entry) for entry in entries])
        return
    table = Table("No.", "Kind", "Film that was there", "Film that came", "Differs in", "Decision")
    for entry in entries:
        table.add_row(
            str(entry.id),
            "proposed merge" if entry.proposed else "conflict",
            quote(_describe(entry.standing)),
            quote(_describe(entry.newcomer)),
            ", ".join(entry.differences).replace("_", " "),
            quote("open" if entry.decision is None else f"{entry.decision} by {entry.resolved_by}"),
        )
    Console().print(table if entries else "no conflicts")


def resolve_conflict(
    number: Annotated[int, typer.Argument(help="The conflict's number.")],
    decision: Annotated[
        ConflictDecision,
        typer.Argument(
            help="both: two films, both stand; newer: the film that came corrects the other; older: it came "
            "by mistake; merge: the other's result stands for the patient and study of the film that came."
        ),
    ],
    reason: Reason,
) -> None:
    """Decide a conflict between films under one SOP Instance UID."""
    from db.patients.conflict_resolution import resolve
    from db.patients.patient_changes import Author

    settings = prepare("patients")
    with open_database(settings).write() as session:
        resolution = resolve(session, number, decision, Author(name_user(), reason))
    change = f"conflict {number} decided: {decision.value}"
    record_patient_change(settings, change, resolution.patient_ids, resolution.study_instance_uids)
    typer.echo(change)


def accept_merges(reason: Reason) -> None:
    """Accept all proposed merges: what archives sent again with the same pixels for another patient."""
    from db.patients.conflict_resolution import accept_proposed
    from db.patients.patient_changes import Author

    settings = prepare("patients")
    database, count = open_database(settings), 0
    while True:
        with database.write() as session:
            accepted = accept_proposed(session, Author(name_user(), reason), AT_ONCE)
        for resolution in accepted:
            change = f"proposed merge {resolution.conflict.id} accepted"
            record_patient_change(settings, change, resolution.patient_ids, resolution.study_instance_uids)
        count += len(accepted)
        if len(accepted) < AT_ONCE:
            break
    typer.echo(f"{count} proposed merges accepted")


def check_patients(as_json: AsJson = False) -> None:
    """Compare films that were received before notices and conflicts existed; run it once after the upgrade.

    Notices are written; results that a film of another patient or study replaced are listed and not changed.
    """
    from db.patients.patient_check import check_studies, list_hidden

    database = open_database(prepare("patients"))
    after: int | None = 0
    named = 0
    while after is not None:
        with database.write() as session:
            after, found = check_studies(session, after, AT_ONCE)
        named += found
    with database.read() as session:
        hidden = list_hidden(session, MOST_HIDDEN)
    if as_json:
        print_json({"studies_with_notice": named, "hidden_results": [asdict(result) for result in hidden]})
        return
    typer.echo(f"{named} studies have a film of another patient: tbscreen worklist --notice patient_mismatch")
    typer.echo(f"{len(hidden)} results were replaced by a film of another patient or study")
    for result in hidden:
        patient = f"{result.patient_name or '—'}, {result.patient_id or '—'}"
        study = shorten_uid(result.study_instance_uid)
        Console().print(quote(f"  {result.priority}: {patient}, study {study}"), soft_wrap=True)


def _describe(film: ConflictingFilm | None) -> str:
    if film is None:
        return "stands no more"
    patient = film.patient
    result = film.priority or film.refusal or film.state
    return f"{patient.patient_name or '—'}, {patient.patient_id or '—'}: {result}"
