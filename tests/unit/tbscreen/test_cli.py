"""The one command: help, what it prints, and one clear line when something is wrong."""

from __future__ import annotations

import gc
import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

import pytest
import typer
from sqlalchemy import QueuePool
from typer.testing import CliRunner

from db.database import Database
from db.delivery import deliveries
from db.settings import DatabaseSettings
from db.worklist.studies import StudyHeader
from domain.bundle.bundle import open_bundle
from tbscreen.cli import app
from tbscreen.commands.index import INDEX
from tbscreen.models.default_bundle import DEFAULT_BUNDLE
from tbscreen.terminal.invocation import prepare
from tests.servers.ports import free_port
from tests.unit import rows
from tests.unit.tbscreen.conftest import Cli, assert_one_line


def list_commands() -> list[list[str]]:
    """Return the words of every command, groups included."""
    found: list[list[str]] = []

    def walk(words: list[str], command: object) -> None:
        found.append(words)
        for name, inner in getattr(command, "commands", {}).items():
            walk([*words, name], inner)

    walk([], typer.main.get_command(app))
    return found


def test_garbage_is_collected_once_the_settings_are_read(quick_cli: Cli) -> None:
    """Not before: nothing that is imported is garbage."""
    gc.disable()
    try:
        prepare("test")
        assert gc.isenabled()
    finally:
        gc.enable()
    assert quick_cli("--version").returncode == 0
    assert gc.isenabled(), "also by a command that reads no settings"


def test_help_is_printed_by_the_module_and_lists_the_commands(cli: Cli) -> None:
    run = cli("--help")
    assert (run.returncode, run.stderr) == (0, "")
    for name in ("serve", "gateway", "worker", "courier", "web", "doctor", "worklist", "models", "db"):
        assert f" {name} " in run.stdout
    assert "Research software, not a medical device" in " ".join(run.stdout.split())


@pytest.mark.parametrize("words", list_commands(), ids=lambda words: " ".join(words) or "tbscreen")
def test_every_command_explains_itself(words: list[str]) -> None:
    run = CliRunner().invoke(app, [*words, "--help"])
    assert run.exit_code == 0, run.output
    assert "Usage: " in run.output
    assert len(run.output.split("Options")[0].split()) > len(words) + 6


def test_the_help_lists_each_command_as_it_explains_itself() -> None:
    listed = {entry.name: entry.summary for entry in INDEX}
    explained = {}
    for entry in INDEX:
        command = entry.load()
        text = command.short_help or command.help or ""
        explained[entry.name] = " ".join(text.split("\n\n")[0].split())
    assert listed == explained


def test_the_help_imports_no_command_and_no_other_room() -> None:
    script = "import sys, tbscreen.cli as c\ntry: c.app(['--help'])\nfinally: print(*sorted(sys.modules))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    modules = run.stdout.splitlines()[-1].split()
    rooms = {".".join(name.split(".")[:2]) for name in modules if name.startswith("tbscreen.")}
    assert rooms == {"tbscreen.cli", "tbscreen.commands", "tbscreen.terminal"}
    assert [name for name in modules if name.startswith("tbscreen.terminal.")] == [
        "tbscreen.terminal.command_end"
    ]
    assert {name for name in modules if name.startswith("tbscreen.commands.")} == {"tbscreen.commands.index"}
    assert not {"sqlalchemy", "pydantic", "pydicom", "db", "web", "dicom_gateway"} & set(modules)


def test_the_version_is_that_of_the_package() -> None:
    assert CliRunner().invoke(app, ["--version"]).output == f"tbscreen {version('tbscreen')}\n"


def test_a_new_installation_is_set_up_and_its_empty_worklist_shown(quick_cli: Cli, place: Path) -> None:
    upgraded = quick_cli("db", "upgrade")
    assert upgraded.returncode == 0, upgraded.stderr
    shipped = open_bundle(DEFAULT_BUNDLE).manifest
    assert upgraded.stdout == f"the database is up to date; active model: {shipped.name} {shipped.version}\n"
    assert (place / "data" / "tbscreen.sqlite3").is_file()
    worklist = quick_cli("worklist", "--json")
    assert worklist.returncode == 0, worklist.stderr
    document = json.loads(worklist.stdout)
    assert document["studies"] == []
    assert "not verified by a physician" in document["notice"]
    assert quick_cli("worklist").stdout == "no study yet\n"
    assert quick_cli("worklist", "--unread").stdout == "no study that the options select\n"


def test_the_worklist_as_json_and_as_a_table(quick_cli: Cli, installed: Database) -> None:
    rows.register_model(installed)
    instance_id = rows.receive_and_queue(installed, study=StudyHeader("1.2.3", "A7", "P1"))
    rows.screen(installed, instance_id, 0.9)
    (study,) = json.loads(quick_cli("worklist", "--json", "--state", "screened").stdout)["studies"]
    assert (study["accession_number"], study["priority"], study["probability"]) == ("A7", "HIGH", 0.9)
    assert study["received_at"].endswith("+00:00")
    table = quick_cli("worklist").stdout
    assert "HIGH" in table
    (row,) = [line.split() for line in table.splitlines() if "A7" in line]
    assert row[:3] == ["HIGH", str(study["tb_score"]), "present"]


def test_a_command_closes_its_database(
    quick_cli: Cli, installed: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Database] = []
    plain = Database.open

    def follow(settings: DatabaseSettings) -> Database:
        opened.append(plain(settings))
        return opened[-1]

    monkeypatch.setattr(Database, "open", follow)
    assert quick_cli("worklist").returncode == 0
    (database,) = opened
    assert isinstance(database.engine.pool, QueuePool)
    assert database.engine.pool.checkedin() == 0


def test_parked_deliveries_are_shown_and_replayed(quick_cli: Cli, installed: Database) -> None:

    rows.register_model(installed)
    rows.screen(installed, rows.receive_and_queue(installed))
    rows.report(installed, ["archive"])
    with installed.write() as session:
        for due in deliveries.lease_due(session, rows.LEASE, 9):
            deliveries.park(session, due.delivery_id, "0xA900")
    (row,) = json.loads(quick_cli("deliveries", "--json", "--state", "parked").stdout)
    assert (row["peer"], row["last_error"]) == ("archive", "0xA900")
    assert quick_cli("deliveries", "--replay").stdout == "1 parked report is sent again\n"
    with installed.read() as session:
        assert [delivery.state for delivery in deliveries.list_deliveries(session, None, 9)] == ["pending"]


def test_doctor_of_an_empty_place_says_what_is_wrong_and_fails(quick_cli: Cli) -> None:
    run = quick_cli("doctor", GATEWAY__PORT="0")
    assert run.returncode == 1
    assert "✗ database: " in run.stdout
    assert "→ run 'tbscreen db upgrade'" in run.stdout
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("words", "variables", "said"),
    [
        (["worklist"], {}, "the database is empty: run 'tbscreen serve' or 'tbscreen db upgrade' first"),
        (["worklist", "--state", "lost"], {}, "--state lost: allowed are received, screened, refused"),
        (
            ["worklist"],
            {"CONFIG": "/nowhere.toml"},
            "TBSCREEN_CONFIG = '/nowhere.toml': the file does not exist",
        ),
        (["worklist"], {"PORT": "1"}, "environment variable TBSCREEN_PORT is not a setting"),
        (["worklist"], {"DATABASE_URL": "mysql://me:s3cret@host/name"}, "database_url is sqlite:"),
        (["db", "upgrade"], {"DATA_DIRECTORY": "/proc/nowhere"}, "No such file or directory: /proc/nowhere"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list | dict) else None,
)
def test_a_mistake_is_one_clear_line(
    quick_cli: Cli, words: list[str], variables: dict[str, str], said: str
) -> None:
    assert_one_line(quick_cli(*words, **variables), said)


def test_a_database_that_does_not_answer_is_named_with_the_reason_and_its_setting(
    quick_cli: Cli, place: Path
) -> None:
    port = free_port()
    run = quick_cli("worklist", DATABASE_URL=f"postgresql://me:s3cret@127.0.0.1:{port}/name")
    assert_one_line(run, f"PostgreSQL at 127.0.0.1:{port}, database name (from TBSCREEN_DATABASE_URL): ")
    assert "refused" in run.stderr
    assert run.stderr.endswith("; run 'tbscreen doctor'\n")
    assert "s3cret" not in run.stderr
    (place / "damaged.sqlite3").write_bytes(b"this is not a database" * 1000)
    damaged = quick_cli("worklist", DATABASE_URL=f"sqlite:///{place / 'damaged.sqlite3'}")
    assert_one_line(damaged, f"SQLite file {place / 'damaged.sqlite3'} (from TBSCREEN_DATABASE_URL): ")


def test_serve_names_every_taken_port_before_it_starts_anything(cli: Cli, place: Path) -> None:
    places = {
        "GATEWAY__PORT": "gateway.port",
        "HL7__RESULTS__PORT": "hl7.results.port",
        "WEB__PORT": "web.port",
    }
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in places]
        ports = [server.getsockname()[1] for server in taken]
        variables = {name: str(port) for name, port in zip(places, ports, strict=True)}
        run = cli("serve", GATEWAY__HOST="127.0.0.1", **variables)
    assert run.returncode == 1
    for port, key in zip(ports, places.values(), strict=True):
        assert (
            f"cannot listen on 127.0.0.1:{port} (Address already in use; process {os.getpid()} ("
            in run.stderr
        )
        assert f"set {key}" in run.stderr
    assert "starting" not in run.stderr
    assert not (place / "data" / "tbscreen.sqlite3").exists()


def test_a_taken_port_is_one_clear_line(cli: Cli, installed: Database) -> None:

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = cli("web", WEB__PORT=str(port))
    assert_one_line(run, f"cannot listen on 127.0.0.1:{port} (Address already in use): set web.port")


def test_a_courier_that_cannot_listen_for_laboratories_ends(cli: Cli, installed: Database) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = cli("courier", HL7__RESULTS__PORT=str(port))
    assert run.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in run.stderr
    assert "set hl7.results.port" in run.stderr


def test_a_command_for_the_database_loads_neither_dicom_nor_keras(installed: Database) -> None:
    program = (
        "import atexit, sys\n"
        "heavy = ('pydicom', 'pynetdicom', 'highdicom', 'keras', 'tensorflow', 'celery', 'starlette')\n"
        "atexit.register(lambda: print([one for one in heavy if one in sys.modules], file=sys.stderr))\n"
        "from tbscreen.cli import main\n"
        "sys.argv = ['tbscreen', 'worklist', '--json']\n"
        "main()\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(run.stdout)["studies"] == []
    assert run.stderr == "[]\n"
