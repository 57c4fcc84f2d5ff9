"""The commands `tbscreen study …`: a calibration study from its plan to a signed threshold."""

from __future__ import annotations

import csv
import sys
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from domain.calibration_wishes import PlanWish, PolicyWish
from tbscreen import __version__
from tbscreen.commands.calibration.study_options import (
    AsJson,
    ByGroup,
    ByStation,
    First,
    HalfWidth,
    Name,
    Prevalence,
    Referred,
    Results,
    Sensitivity,
    Shares,
)
from tbscreen.terminal.invocation import fail, name_user, open_database, prepare, print_json

if TYPE_CHECKING:
    from db.calibration_study.studies import CalibrationStudyEntry

COLUMNS: Final = (
    "patient_id",
    "patient_name",
    "accession_number",
    "study_date",
    "days",
    "result",
    "study_instance_uid",
)

study_app = typer.Typer(
    no_args_is_help=True,
    help="A calibration study: this site's own threshold by bacteriology, from its plan to its signature.",
)


@study_app.command("plan")
def plan_study(
    prevalence: Prevalence,
    half_width: HalfWidth = 0.05,
    results: Results = 0.9,
    shares: Shares = None,
    first: First = None,
    as_json: AsJson = False,
) -> None:
    """Say how many people, tests and weeks a study takes, and whom it tests. Nothing is changed.

    It rests on this site's own scores and the active bundle. A programme that tests positives alone cannot
    know its sensitivity, so a part of the people below the threshold is tested, too.
    """
    from reports.calibration_study.progress import write_plan
    from reports.text_form import render_sections
    from tbscreen.calibration_study import site_study

    wish = _read_wish(prevalence, half_width, results, shares, first)
    with open_database(prepare("study")).read() as session:
        plan, _ = site_study.plan(session, wish)
    if as_json:
        print_json(plan.model_dump(mode="json"))
        return
    typer.echo(render_sections(["Calibration study, a plan"], [write_plan(plan)]), nl=False)
    typer.echo("\nnext: tbscreen study start NAME with the same options")


@study_app.command("start")
def start_study(
    name: Annotated[str, typer.Argument(help="A name of yours, such as north-2027.", show_default=False)],
    prevalence: Prevalence,
    half_width: HalfWidth = 0.05,
    results: Results = 0.9,
    shares: Shares = None,
    first: First = None,
) -> None:
    """Start a study by this plan: people are enrolled from now on as their films are screened.

    The threshold and the bundle should stay as they are until it is closed.
    """
    from reports.calibration_study.progress import write_plan
    from reports.text_form import render_sections
    from tbscreen.calibration_study import site_study

    settings = prepare("study")
    wish = _read_wish(prevalence, half_width, results, shares, first)
    entry, plan = site_study.start(open_database(settings), name, wish, name_user())
    typer.echo(render_sections([f"Calibration study {entry.name}"], [write_plan(plan)]), nl=False)
    if not settings.web.blinded_reading:
        typer.echo(
            "\nReaders see scores: set web.blinded_reading if their reads are to be compared with the score."
        )
    typer.echo("\nnext: tbscreen study tests, each day, lists whom to test")


@study_app.command("list")
def list_studies(as_json: AsJson = False) -> None:
    """Show all studies, newest first."""
    from db.calibration_study import studies

    with open_database(prepare("study")).read() as session:
        entries = studies.list_studies(session)
    if as_json:
        print_json([_describe(entry) for entry in entries])
        return
    for entry in entries:
        end = "open" if entry.closed_at is None else f"closed {entry.closed_at:%Y-%m-%d}"
        typer.echo(f"{entry.name}  {entry.bundle_digest[:12]}  started {entry.started_at:%Y-%m-%d}  {end}")
    if not entries:
        typer.echo("no study yet: 'tbscreen study plan' makes a plan")


@study_app.command("status")
def show_status(name: Name = None, as_json: AsJson = False) -> None:
    """Show how many people are enrolled, drawn and tested. Figures of accuracy are for the end."""
    from reports.text_form import render_sections
    from tbscreen.calibration_study import site_study

    database = open_database(prepare("study"))
    study = site_study.enrol(database, name)
    with database.read() as session:
        bands, progress = site_study.count_progress(session, study)
        warnings = site_study.list_warnings(session, study)
    if as_json:
        counts = [band.model_dump(mode="json") for band in bands]
        print_json({**_describe(study), "bands": counts, "warnings": warnings})
        return
    heading = [
        f"Calibration study {study.name}, {'open' if study.closed_at is None else 'closed'}",
        f"started {study.started_at:%Y-%m-%d %H:%M} UTC by {study.started_by}",
        *warnings,
    ]
    typer.echo(render_sections(heading, [progress]), nl=False)


@study_app.command("tests")
def list_tests(
    name: Name = None,
    file: Annotated[
        Path | None, typer.Option("--csv", help="Write them into a new CSV.", metavar="FILE")
    ] = None,
) -> None:
    """List the people who were drawn and have no result that decides, longest waiting first.

    It is patient data. Neither score nor band is shown, so that who asks for the test does not know them.
    """
    from db.calibration_study import people
    from domain.spreadsheet_cells import guard_cell
    from tbscreen.calibration_study import site_study

    database = open_database(prepare("study"))
    study = site_study.enrol(database, name)
    with database.read() as session:
        waiting = people.list_people_to_test(session, study)
    lines: list[tuple[str, ...]] = [
        (
            person.patient_id or "",
            person.patient_name or "",
            person.accession_number or "",
            person.study_date or "",
            str(person.days),
            "" if person.truth is None else "undecided",
            person.study_instance_uid,
        )
        for person in waiting
    ]
    if file is None:
        _draw_lines(lines)
    else:
        with file.open("x", encoding="utf-8", newline="") as output:
            writer = csv.writer(output)
            writer.writerow(COLUMNS)
            writer.writerows([guard_cell(text) for text in line] for line in lines)
        typer.echo(f"{file} holds patient data: only you may read it")


@study_app.command("analyse")
def analyse_study(
    name: Name = None,
    sensitivity: Sensitivity = None,
    referred: Referred = None,
    by_station: ByStation = False,
    by_group: ByGroup = False,
    film_price: Annotated[float | None, typer.Option(min=0, help="Price of a film, for costs.")] = None,
    test_price: Annotated[float | None, typer.Option(min=0, help="Price of a test.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report as HTML.", metavar="FILE")] = None,
    pdf: Annotated[Path | None, typer.Option(help="Write the report as PDF.", metavar="FILE")] = None,
    as_json: AsJson = False,
) -> None:
    """Estimate accuracy at each threshold, corrected for who was tested, and recommend one.

    With a sensitivity the recommended threshold is the highest that has it by its lower bound; with
    --referred alone, the lowest that refers no more people.
    """
    from reports import html_form, pdf_form
    from reports.calibration_study.pages import compose_page, compose_sections
    from reports.text_form import render_sections
    from tbscreen.calibration_study import site_study

    settings = prepare("study")
    wish = PolicyWish(
        sensitivity=sensitivity,
        referred=referred,
        by_station=by_station,
        by_group=by_group,
        film_price=film_price,
        test_price=test_price,
    )
    analysis, _ = site_study.analyse_study(open_database(settings), name, wish)
    made_at = datetime.now(UTC)
    page = compose_page(analysis, made_at, __version__, settings.reports.organisation)
    if html is not None:
        html.write_text(html_form.render_page(page), "utf-8")
    if pdf is not None:
        pdf.write_bytes(pdf_form.render_page(page, made_at))
    if as_json:
        typer.echo(analysis.model_dump_json(indent=2))
    else:
        heading = [f"Calibration study {analysis.name}: {page.title}", page.subtitle, page.notice]
        typer.echo(render_sections(heading, compose_sections(analysis)), nl=False)


@study_app.command("close")
def close_study(
    name: Name = None,
    reason: Annotated[str, typer.Option(help="Written into the record.")] = "completed",
    keep: Annotated[
        bool, typer.Option("--keep/--drop", help="Keep the recommended threshold, signed, without using it.")
    ] = True,
    sensitivity: Sensitivity = None,
    referred: Referred = None,
    by_station: ByStation = False,
    by_group: ByGroup = False,
    key: Annotated[
        Path | None,
        typer.Option(help="File with the key of the signature, as for 'calibrate propose'.", metavar="FILE"),
    ] = None,
) -> None:
    """Close a study: nobody is enrolled any more. Keep its threshold, signed and dated, without using it.

    'tbscreen calibrate activate' uses it, and 'calibrate rollback' goes back. Where no threshold is
    recommended, nothing is closed, unless --drop says so.
    """
    from reports.calibration_study.site_threshold import write_sheet
    from tbscreen.calibration_study import site_study
    from tbscreen.commands.calibration.calibrate import open_key

    settings = prepare("study")
    database = open_database(settings)
    if not keep:
        typer.echo(f"{site_study.drop(database, name, name_user(), reason).name} is closed")
        return
    wish = PolicyWish(sensitivity=sensitivity, referred=referred, by_station=by_station, by_group=by_group)
    sign = open_key(settings, key)
    entry = site_study.close_with_threshold(database, name, wish, name_user(), reason, sign)
    typer.echo(write_sheet(entry, []), nl=False)
    typer.echo(f"\nthe study is closed; next: tbscreen calibrate activate {entry.calibration_id}")


def _read_wish(
    prevalence: float, half_width: float, results: float, shares: str | None, first: date | None
) -> PlanWish:
    return PlanWish(
        prevalence=prevalence,
        half_width=half_width,
        results=results,
        shares=None if shares is None else tuple(_read_shares(shares)),
        first=first,
    )


def _read_shares(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        fail(f"--shares {text}: shares are numbers separated by commas, such as 0.1,0.2,0.5,1")


def _describe(study: CalibrationStudyEntry) -> dict[str, Any]:
    return {key: value for key, value in asdict(study).items() if key != "secret"}


def _draw_lines(lines: list[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not lines:
        typer.echo("everybody who was drawn has a result")
        return
    table = Table(box=None, pad_edge=False)
    for column in COLUMNS:
        table.add_column(column.replace("_", " "), overflow="fold")
    for line in lines:
        table.add_row(*(Text("".join(c if c.isprintable() else "\ufffd" for c in text)) for text in line))
    Console(width=None if sys.stdout.isatty() else 200).print(table)
