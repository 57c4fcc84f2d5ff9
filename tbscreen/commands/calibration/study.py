"""The commands `tbscreen study …`: a calibration study from its plan to a signed threshold."""

from __future__ import annotations

import csv
import sys
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

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
    from sqlalchemy.orm import Session

    from db.calibration_study.studies import CalibrationStudyEntry
    from domain.bundle.manifest import Manifest
    from reports.calibration_study.analysis import Prices, StudyAnalysis
    from reports.calibration_study.plan import StudyPlan
    from tbscreen.settings import Settings

A_YEAR: Final = timedelta(days=365)
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
    from reports.calibration_study.pages import write_plan
    from reports.text_form import render_sections

    with open_database(prepare("study")).read() as session:
        plan, _, _ = _plan(session, prevalence, half_width, results, shares, first)
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
    from db.calibration_study import studies
    from reports.calibration_study.pages import write_plan
    from reports.text_form import render_sections

    if not name.strip() or len(name) > 64 or not name.isprintable():
        fail("a study's name has 1 to 64 printable characters")
    settings = prepare("study")
    with open_database(settings).write() as session:
        plan, digest, _ = _plan(session, prevalence, half_width, results, shares, first)
        entry = studies.start(
            session,
            name,
            digest,
            plan.threshold,
            plan.edges,
            plan.shares,
            plan.model_dump(mode="json"),
            name_user(),
        )
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
    from db.calibration_study import people
    from reports.calibration_study.analysis import count_bands
    from reports.calibration_study.pages import write_progress
    from reports.calibration_study.plan import StudyPlan
    from reports.text_form import render_sections

    settings = prepare("study")
    study = _enrol(settings, name)
    with open_database(settings).read() as session:
        bands = count_bands(people.list_people(session, study), study.edges, study.shares)
        warnings = _warn(session, study)
    end = study.closed_at or datetime.now(UTC)
    if as_json:
        counts = [band.model_dump(mode="json") for band in bands]
        print_json({**_describe(study), "bands": counts, "warnings": warnings})
        return
    weeks = (end - study.started_at) / timedelta(weeks=1)
    heading = [
        f"Calibration study {study.name}, {'open' if study.closed_at is None else 'closed'}",
        f"started {study.started_at:%Y-%m-%d %H:%M} UTC by {study.started_by}",
        *warnings,
    ]
    progress = write_progress(bands, StudyPlan.model_validate(study.plan), weeks)
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

    settings = prepare("study")
    study = _enrol(settings, name)
    with open_database(settings).read() as session:
        waiting = people.list_people_to_test(session, study)
    waiting.sort(key=lambda person: -person.days)
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

    settings = prepare("study")
    prices = _read_prices(film_price, test_price)
    analysis, _ = _analyse(settings, name, sensitivity, referred, by_station, by_group, prices)
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
    from db.calibration_study import studies
    from db.models import site_thresholds
    from reports.calibration_study.site_threshold import make_cells, make_record, write_sheet
    from tbscreen.commands.calibration.calibrate import open_key

    settings = prepare("study")
    database = open_database(settings)
    if not keep:
        with database.write() as session:
            study = studies.find(session, name)
            studies.close(session, study, name_user(), reason)
        typer.echo(f"{study.name} is closed")
        return
    analysis, manifest = _analyse(settings, name, sensitivity, referred, by_station, by_group, None)
    record = make_record(analysis, manifest)
    sign = open_key(settings, key)
    with database.write() as session:
        studies.close(session, studies.find(session, analysis.name), name_user(), reason)
        entry = site_thresholds.keep(
            session, analysis.bundle_digest, name_user(), record, sign, make_cells(analysis, manifest)
        )
    typer.echo(write_sheet(entry, []), nl=False)
    typer.echo(f"\n{analysis.name} is closed; next: tbscreen calibrate activate {entry.calibration_id}")


def _plan(
    session: Session,
    prevalence: float,
    half_width: float,
    results: float,
    shares: str | None,
    first: date | None,
) -> tuple[StudyPlan, str, Manifest]:
    from db.calibration_study import people
    from db.models import bundles
    from reports.calibration_study.plan import make_plan
    from tbscreen.models.bundle_lookup import find_active_manifest

    active, manifest = bundles.find_active(session), find_active_manifest(session)
    if active is None or manifest is None:
        fail("no bundle is active: a study is about the bundle in use")
    if not manifest.trained:
        fail("the active bundle is not trained, so its scores mean nothing and need no threshold")
    end = datetime.now(UTC)
    begin = end - A_YEAR if first is None else datetime(first.year, first.month, first.day, tzinfo=UTC)
    scores = people.list_scores(session, active.digest, begin, end)
    weeks = max((end - begin) / timedelta(weeks=1), 1 / 7)
    plan = make_plan(
        manifest, scores, prevalence, half_width, results, len(scores) / weeks, _read_shares(shares)
    )
    return plan, active.digest, manifest


def _read_shares(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        fail(f"--shares {text}: shares are numbers separated by commas, such as 0.1,0.2,0.5,1")


def _read_prices(film: float | None, test: float | None) -> Prices | None:
    from reports.calibration_study.analysis import Prices

    if (film is None) != (test is None):
        fail("--film-price and --test-price go together")
    return None if film is None or test is None else Prices(film=film, test=test)


def _enrol(settings: Settings, name: str | None) -> CalibrationStudyEntry:
    """Enrol people whose films were screened meanwhile, and return the study."""
    from db.calibration_study import people, studies

    with open_database(settings).write() as session:
        study = studies.find(session, name)
        people.enrol(session, study)
    return study


def _analyse(
    settings: Settings,
    name: str | None,
    sensitivity: float | None,
    referred: float | None,
    by_station: bool,
    by_group: bool,
    prices: Prices | None,
) -> tuple[StudyAnalysis, Manifest]:
    from db.calibration_study import people
    from db.models import bundles
    from domain.bundle.manifest import Manifest
    from judging.calibration_study.threshold_choice import Policy
    from reports.calibration_study.analysis import analyse
    from reports.period import Period
    from reports.site_threshold.record import WHO_SENSITIVITY

    study = _enrol(settings, name)
    with open_database(settings).read() as session:
        enrolled = people.list_people(session, study)
        repeated = people.count_enrolled(session, study) - len(enrolled)
        manifest = Manifest.model_validate(bundles.read_manifest(session, study.bundle_digest))
    last = study.closed_at or datetime.now(UTC)
    wanted = WHO_SENSITIVITY if sensitivity is None and referred is None else sensitivity
    analysis = analyse(
        study.name,
        f"{manifest.name} {manifest.version}",
        study.bundle_digest,
        Period(study.started_at.date(), last.date()),
        enrolled,
        study.edges,
        study.shares,
        study.threshold,
        Policy(sensitivity=wanted, referred=referred),
        repeated=repeated,
        by_station=by_station,
        by_group=by_group,
        prices=prices,
    )
    return analysis, manifest


def _warn(session: Session, study: CalibrationStudyEntry) -> list[str]:
    from db.models import bundles

    active = bundles.find_active(session)
    if study.closed_at is None and (active is None or active.digest != study.bundle_digest):
        return [
            "another bundle is active now: nobody is enrolled until the study's bundle is active again; "
            "activate it, or close the study"
        ]
    return []


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
