"""The command line `tbscreen`: its commands put together; a known error becomes one line."""

from __future__ import annotations

from typing import Annotated

import typer
from sqlalchemy.exc import SQLAlchemyError

from db.database import explain, name_place, normalize_url
from domain.errors import TbscreenError
from tbscreen import __version__
from tbscreen.commands.backup import back_up, restore
from tbscreen.commands.calibrate import calibrate_app
from tbscreen.commands.conformance import write_conformance
from tbscreen.commands.deliveries import deliveries_app
from tbscreen.commands.doctor import examine_installation
from tbscreen.commands.export_labels import export_labels
from tbscreen.commands.film import retry_films, show_film
from tbscreen.commands.installation import show_demo, upgrade_database
from tbscreen.commands.keys import keys_app
from tbscreen.commands.model_import import import_model
from tbscreen.commands.models import models_app
from tbscreen.commands.patients.corrections import patients_app
from tbscreen.commands.predict import predict_files
from tbscreen.commands.processes import run_courier, run_gateway, run_web, run_worker, serve
from tbscreen.commands.pull import pull_studies, show_pulls
from tbscreen.commands.report import write_report
from tbscreen.commands.retrain import retrain_model
from tbscreen.commands.rules import rules_app
from tbscreen.commands.settings import settings_app
from tbscreen.commands.users import users_app
from tbscreen.commands.worklist import show_worklist
from tbscreen.settings import find_source, load_settings
from tbscreen.terminal.invocation import fail

app = typer.Typer(
    name="tbscreen",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Tuberculosis screening of chest X-rays beside the PACS. Research software, not a medical device.",
)
db_app = typer.Typer(no_args_is_help=True, help="The results database.")
db_app.command("upgrade")(upgrade_database)
models_app.command("import")(import_model)
for group, name in (
    (models_app, "models"),
    (keys_app, "keys"),
    (calibrate_app, "calibrate"),
    (rules_app, "rules"),
    (deliveries_app, "deliveries"),
    (db_app, "db"),
    (users_app, "users"),
    (patients_app, "patients"),
    (settings_app, "settings"),
):
    app.add_typer(group, name=name)

# In the order of `tbscreen --help`.
app.command("serve")(serve)
app.command("gateway")(run_gateway)
app.command("worker")(run_worker)
app.command("courier")(run_courier)
app.command("web")(run_web)
app.command("doctor")(examine_installation)
app.command("worklist")(show_worklist)
app.command("film")(show_film)
app.command("retry")(retry_films)
app.command("predict")(predict_files)
app.command("backup")(back_up)
app.command("restore")(restore)
app.command("pull")(pull_studies)
app.command("pulls")(show_pulls)
app.command("conformance")(write_conformance)
app.command("retrain")(retrain_model)
app.command("report")(write_report)
app.command("export-labels")(export_labels)
app.command("demo")(show_demo)


def main() -> None:
    """Run the command line; a known error is one clear message and exit status 1."""
    try:
        app()
    except TbscreenError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
    except SQLAlchemyError as error:
        fail(f"{_name_database()}: {explain(error)}; run 'tbscreen doctor'")


def _name_database() -> str:
    settings = load_settings()
    return (
        f"{name_place(normalize_url(settings.resolve_database_url()))} (from {find_source('database_url')})"
    )


@app.callback(invoke_without_command=True)
def show_version(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Settings come from tbscreen.toml (or the file that TBSCREEN_CONFIG names) and TBSCREEN_… variables."""
    if version:
        typer.echo(f"tbscreen {__version__}")
        raise typer.Exit
