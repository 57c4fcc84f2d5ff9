"""The commands. Each imports only what it needs, so that no process holds more than its own room."""

from __future__ import annotations

import signal
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tbscreen import __version__
from tbscreen.commands.backup import back_up, restore
from tbscreen.commands.calibrate import calibrate_app
from tbscreen.commands.conformance import write_conformance
from tbscreen.commands.deliveries import deliveries_app
from tbscreen.commands.export_labels import export_labels
from tbscreen.commands.film import show_film
from tbscreen.commands.model_import import import_model
from tbscreen.commands.models import models_app
from tbscreen.commands.pull import pull_studies, show_pulls
from tbscreen.commands.report import write_report
from tbscreen.commands.retrain import retrain_model
from tbscreen.commands.rules import rules_app
from tbscreen.commands.users import users_app
from tbscreen.commands.worklist import show_worklist
from tbscreen.settings import SettingsError
from tbscreen.terminal.invocation import fail, open_database, prepare, print_json

app = typer.Typer(
    name="tbscreen",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Tuberculosis screening of chest X-rays beside the PACS. Research software, not a medical device.",
)
db_app = typer.Typer(no_args_is_help=True, help="The results database.")
models_app.command("import")(import_model)
app.add_typer(models_app, name="models")
app.add_typer(calibrate_app, name="calibrate")
app.add_typer(rules_app, name="rules")
app.add_typer(deliveries_app, name="deliveries")
app.add_typer(db_app, name="db")
app.add_typer(users_app, name="users")

ReadyFile = Annotated[Path | None, typer.Option(hidden=True, help="Written when the process does its work.")]


def main() -> None:
    """Run the command line; a known error is one clear message and exit status 1."""
    from sqlalchemy.exc import SQLAlchemyError

    from db.database import DatabaseError
    from dicom_gateway.spool import SpoolError
    from domain.array.image_guard import GuardError
    from domain.bundle.bundle import BundleError
    from domain.errors import TbscreenError
    from reports.period import ReportError
    from tbscreen.monitoring.monitor import MonitorError
    from tbscreen.processes.private_redis import NoRedisError
    from tbscreen.processes.process_life import ProcessError
    from tbscreen.processes.supervisor import SupervisorError
    from training.training_error import TrainingError

    known = (
        SettingsError,
        DatabaseError,
        MonitorError,
        NoRedisError,
        ProcessError,
        ReportError,
        GuardError,
        SpoolError,
        SupervisorError,
        BundleError,
        TrainingError,
        TbscreenError,
    )
    try:
        app()
    except known as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
    except SQLAlchemyError as error:
        fail(f"the database does not do what it should ({type(error).__name__}); run 'tbscreen doctor'")


@app.callback(invoke_without_command=True)
def show_version(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Settings come from tbscreen.toml (or the file that TBSCREEN_CONFIG names) and TBSCREEN_… variables."""
    if version:
        typer.echo(f"tbscreen {__version__}")
        raise typer.Exit


@app.command()
def serve() -> None:
    """Run the whole service on this machine until Ctrl-C."""
    from tbscreen.processes.serve import running

    settings = prepare("serve")
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    console = Console(stderr=True)
    with running(settings, lambda part: console.print(f"starting {part} …", highlight=False)) as service:
        out = Console()
        out.print("\n[bold]tbscreen is ready.[/bold] Research software, not a medical device.")
        out.print(f"  AE title   {service.ae_title}", highlight=False)
        out.print(
            f"  port       {service.dicom_port} (listening on {settings.gateway.host})", highlight=False
        )
        out.print(f"  page       {service.page}", highlight=False)
        if service.users == 0:
            out.print(
                "  log in     nobody can yet: tbscreen users add NAME --role admin",
                highlight=False,
                style="bold",
            )
        trained = "" if service.model.trained else " (untrained: its scores mean nothing)"
        out.print(f"  model      {service.model.name} {service.model.version}{trained}", highlight=False)
        peers = ", ".join(f"{peer.name} ({peer.ae_title})" for peer in settings.peers if peer.send_reports)
        out.print(
            f"  reports to {peers or 'nobody: add [[peers]] to tbscreen.toml'}", highlight=False, markup=False
        )
        out.print("Ctrl-C ends it.\n")
        service.watch(ending)
        console.print("ending …")


@app.command()
def gateway(ready_file: ReadyFile = None) -> None:
    """Run a gateway: receive, judge, normalize and dispatch films."""
    from tbscreen.processes.gateway import run_gateway

    run_gateway(prepare("gateway"), ready_file)


@app.command()
def worker(ready_file: ReadyFile = None) -> None:
    """Run a worker: arrays in, scores out."""
    from tbscreen.processes.worker import run_worker

    run_worker(prepare("worker"), ready_file)


@app.command()
def courier(ready_file: ReadyFile = None) -> None:
    """Run a courier: build reports and bring them to the peers."""
    from tbscreen.processes.courier import run_courier

    run_courier(prepare("courier"), ready_file)


@app.command()
def web(ready_file: ReadyFile = None) -> None:
    """Serve the page: worklist, studies, reads, REST."""
    from tbscreen.processes.web import run_web

    run_web(prepare("web"), ready_file)


@app.command()
def doctor(
    gpu: Annotated[
        bool, typer.Option("--gpu", help="Prove that this host's GPU scores as the CPU does, and how fast.")
    ] = False,
    bundle: Annotated[
        Path | None, typer.Option(help="With --gpu: a bundle's folder instead of the active one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --gpu: one JSON document.")] = False,
) -> None:
    """Check data, database, model, broker, gateway, peers, page, certificates, deliveries and pulls."""
    settings = prepare("doctor")
    console = Console()
    if gpu:
        from tbscreen.doctor.gpu_proof import draw_proof, find_bundle, prove

        with find_bundle(settings, bundle) as opened:
            proof = prove(opened)
        if as_json:
            print_json({**asdict(proof), "holds": proof.holds})
        else:
            console.print(draw_proof(proof), highlight=False, markup=False)
        raise typer.Exit(0 if proof.holds else 1)
    if bundle is not None or as_json:
        fail("--bundle and --json go with --gpu")
    from tbscreen.doctor.check import Health
    from tbscreen.doctor.examination import examine

    marks = {Health.GOOD: "[green]✓[/green]", Health.NOTE: "[yellow]●[/yellow]", Health.BAD: "[red]✗[/red]"}
    bad = 0
    for check in examine(settings):
        bad += check.health is Health.BAD
        console.print(f"{marks[check.health]} [bold]{check.part}[/bold]: ", end="")
        console.print(check.finding, highlight=False, markup=False)
        if check.advice:
            console.print(f"    → {check.advice}", highlight=False, markup=False)
    raise typer.Exit(1 if bad else 0)


app.command("worklist")(show_worklist)
app.command("film")(show_film)


@app.command()
def retry() -> None:
    """Screen again all films that were refused as processing_failed and are still in the spool."""
    from db.films.films import retry_failed

    database = open_database(prepare("retry"))
    with database.write() as session:
        count = retry_failed(session)
    typer.echo(f"{count} films are screened again")


@app.command()
def predict(
    paths: Annotated[list[str], typer.Argument(help="PNG, JPEG and DICOM: files, folders, globs.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON record per line.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values with a header.")] = False,
    bundle: Annotated[
        Path | None, typer.Option(help="A bundle's folder; by default the shipped one.")
    ] = None,
) -> None:
    """Score files on disk, without PACS, broker or database. A broken file is a record with an error."""
    from domain.bundle.bundle import open_bundle
    from tbscreen.models.default_bundle import DEFAULT_BUNDLE
    from tbscreen.models.prediction import predict as predict_files
    from tbscreen.models.prepared_file import find_files
    from tbscreen.terminal.prediction_output import write_csv, write_json, write_table

    settings = prepare("predict")
    opened = open_bundle(bundle or DEFAULT_BUNDLE)
    records = predict_files(find_files(paths), opened, settings.gateway)
    write = write_json if as_json else write_csv if as_csv else write_table
    write(records, sys.stdout)


app.command("backup")(back_up)
app.command("restore")(restore)
app.command("pull")(pull_studies)
app.command("pulls")(show_pulls)
app.command("conformance")(write_conformance)
app.command("retrain")(retrain_model)
app.command("report")(write_report)
app.command("export-labels")(export_labels)


@app.command("settings")
def show_settings() -> None:
    """List every setting with its default and meaning."""
    from tbscreen.settings_reference import write_reference

    typer.echo(write_reference(), nl=False)


@db_app.command("upgrade")
def upgrade_database() -> None:
    """Bring the database to the newest migration and make sure that a bundle is active."""
    from tbscreen.processes.serve import migrate

    settings = prepare("db")
    model = migrate(settings)
    typer.echo(f"the database is up to date; active model: {model.name} {model.version}")


@app.command(hidden=True)
def demo(keep: Annotated[Path, typer.Option(help="Where the report is left.")] = Path("out")) -> None:
    """Send one real film all the way through a temporary installation."""
    from tbscreen.demo.demo import DemoError, run_demo
    from tbscreen.processes.logs import configure_logs

    configure_logs("console", "demo")
    try:
        run_demo(Console(), keep)
    except DemoError as error:
        fail(str(error))
