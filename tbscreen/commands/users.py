"""The commands `tbscreen users …`: people who may use the page, and tokens for programs."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from dicom_gateway.audit.audit_message import EventType
from domain.roles import Blinded, Permission, Role
from tbscreen.terminal.command_audit import record_change
from tbscreen.terminal.invocation import fail, open_database, prepare, print_json

if TYPE_CHECKING:
    from datetime import datetime

users_app = typer.Typer(no_args_is_help=True, help="People who may use the page, and tokens for programs.")

Name = Annotated[str, typer.Argument(help="The user's name.", show_default=False)]
RoleOption = Annotated[
    Role,
    typer.Option(
        help="reader: worklist and reads; manager: worklist and report; analyst: report alone; "
        "admin: everything."
    ),
]
PasswordFile = Annotated[
    Path | None, typer.Option(help="Read the password from this file instead of asking; - is standard input.")
]


AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]


@users_app.command("add")
def add_user(
    name: Name,
    role: RoleOption = Role.READER,
    password_file: PasswordFile = None,
    blinded: Annotated[
        Blinded,
        typer.Option(
            help="Hide results from this reader until the study is read; site: as the setting says."
        ),
    ] = Blinded.SITE,
) -> None:
    """Add a user. The password is asked for, never given on the command line."""
    from db.accounts.users import normalize_name
    from web.access import account_changes

    settings = prepare("users")
    database = open_database(settings)
    change = account_changes.add_user(database, name, role, _take_password(password_file), blinded)
    record_change(settings, EventType.USER_CHANGED, change)
    typer.echo(f"{normalize_name(name)} may log in as {role.value}")


@users_app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """Show all users."""
    from db.accounts import users

    database = open_database(prepare("users"))
    with database.read() as session:
        entries = users.list_users(session)
    if as_json:
        print_json([asdict(entry) for entry in entries])
        return
    table = Table("Name", "Role", "Blinded", "State", "Added", "Password set")
    words = {True: "yes", False: "no", None: "site"}
    for entry in entries:
        state = "disabled" if entry.disabled else "may log in"
        table.add_row(
            entry.name,
            entry.role.value,
            words[entry.blinded] if entry.role is Role.READER else "",
            state,
            _day(entry.created_at),
            _day(entry.password_changed_at),
        )
    Console().print(table if entries else "no users yet: tbscreen users add NAME --role admin")


@users_app.command("disable")
def disable_user(
    name: Name,
    undo: Annotated[bool, typer.Option("--undo", help="Let the user in again.")] = False,
) -> None:
    """Shut a user out at once, with all sessions and tokens. What the user read stays."""
    from db.accounts.users import normalize_name
    from web.access import account_changes

    settings = prepare("users")
    change = account_changes.set_disabled(open_database(settings), name, not undo)
    record_change(settings, EventType.USER_CHANGED, change)
    typer.echo(f"{normalize_name(name)} {'may log in again' if undo else 'is shut out'}")


@users_app.command("role")
def change_role(name: Name, role: Annotated[Role, typer.Argument(help="The new role.")]) -> None:
    """Give a user another role; it counts from the next click on."""
    from db.accounts import users

    settings = prepare("users")
    database = open_database(settings)
    with database.write() as session:
        users.set_role(session, name, role)
    change = f"role of user {users.normalize_name(name)} set to {role.value}"
    record_change(settings, EventType.ROLES_CHANGED, change)
    typer.echo(f"{users.normalize_name(name)} is {role.value} now")


@users_app.command("blinded")
def set_blinded(
    name: Name,
    blinded: Annotated[Blinded, typer.Argument(help="site: as web.blinded_reading says.")],
) -> None:
    """Hide results from a reader until the study is read, or do not; it counts from the next click on."""
    from db.accounts.users import normalize_name
    from web.access import account_changes

    settings = prepare("users")
    change = account_changes.set_blinded(open_database(settings), name, blinded)
    record_change(settings, EventType.USER_CHANGED, change)
    typer.echo(f"{normalize_name(name)} reads blinded: {blinded.value}")


@users_app.command("password")
def change_password(name: Name, password_file: PasswordFile = None) -> None:
    """Set a user's password and end all sessions of the user."""
    from db.accounts import users
    from web.access.passwords import hash_password

    settings = prepare("users")
    database = open_database(settings)
    hashed = hash_password(_take_password(password_file))
    with database.write() as session:
        users.set_password(session, name, hashed)
    change = f"password of user {users.normalize_name(name)} set"
    record_change(settings, EventType.USER_CHANGED, change)
    typer.echo(f"{users.normalize_name(name)} has a new password; all sessions are over")


@users_app.command("token")
def issue_token(
    name: Name,
    label: Annotated[str, typer.Option(help="Which program it is for.")],
    scope: Annotated[
        list[Permission] | None, typer.Option(help="What it allows; by default all that its user may.")
    ] = None,
    days: Annotated[int, typer.Option(min=0, help="How long it holds; 0 is for ever.")] = 365,
) -> None:
    """Make a token with which a program asks the REST interface in a user's name. It is printed once."""
    from web.access import account_changes

    settings = prepare("users")
    secret, change = account_changes.issue_token(open_database(settings), name, label, scope or (), days)
    record_change(settings, EventType.USER_CHANGED, change)
    typer.echo(secret)
    typer.echo("It is shown this once: keep it where the program finds it.", err=True)


@users_app.command("logout")
def end_sessions(name: Name) -> None:
    """End all sessions of a user in browsers. Tokens stay, and the user may log in again."""
    from db.accounts.users import normalize_name
    from web.access import account_changes

    settings = prepare("users")
    change = account_changes.end_sessions(open_database(settings), name)
    record_change(settings, EventType.USER_CHANGED, change)
    typer.echo(f"all sessions of {normalize_name(name)} are over")


@users_app.command("tokens")
def list_tokens(
    as_json: AsJson = False,
    revoke: Annotated[int | None, typer.Option(help="Revoke the token with this number.")] = None,
) -> None:
    """Show all tokens, or revoke one."""
    from db.accounts import api_tokens
    from web.access import account_changes

    settings = prepare("users")
    database = open_database(settings)
    if revoke is not None:
        change = account_changes.revoke_token(database, revoke)
        record_change(settings, EventType.USER_CHANGED, change)
        typer.echo(f"token {revoke} is revoked")
        return
    with database.read() as session:
        entries = api_tokens.list_tokens(session)
    if as_json:
        print_json(
            [{**asdict(entry), "user": entry.user.name, "scopes": sorted(entry.scopes)} for entry in entries]
        )
        return
    table = Table("Number", "For", "User", "May", "Until", "Last used")
    for entry in entries:
        until = "revoked" if entry.revoked_at else _day(entry.expires_at) if entry.expires_at else "for ever"
        table.add_row(
            str(entry.id),
            entry.label,
            entry.user.name,
            ", ".join(sorted(entry.scopes)),
            until,
            _day(entry.used_at),
        )
    Console().print(table)


def _take_password(file: Path | None) -> str:
    if file is None:
        if not sys.stdin.isatty():
            fail("no terminal to ask for the password: use --password-file FILE or --password-file -")
        password = str(typer.prompt("Password", hide_input=True, confirmation_prompt="Password again"))
    else:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
        password = text.removesuffix("\n").removesuffix("\r")
    return password


def _day(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d %H:%M}"
