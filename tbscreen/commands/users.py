"""The commands `tbscreen users …`: people who may use the page, and tokens for programs."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from dicom_gateway.audit.audit_message import EventType
from domain.roles import PERMISSIONS, Permission, Role
from tbscreen.terminal.command_audit import record_change
from tbscreen.terminal.invocation import fail, open_database, prepare, print_json

if TYPE_CHECKING:
    from datetime import datetime

users_app = typer.Typer(no_args_is_help=True, help="People who may use the page, and tokens for programs.")

Name = Annotated[str, typer.Argument(help="The user's name.", show_default=False)]
RoleOption = Annotated[
    Role, typer.Option(help="reader: worklist and reads; manager: worklist and report; admin: everything.")
]
PasswordFile = Annotated[
    Path | None, typer.Option(help="Read the password from this file instead of asking; - is standard input.")
]


class Blinded(StrEnum):
    """Choice of blinded reading for a reader."""

    YES = "yes"
    NO = "no"
    SITE = "site"
    """As `web.blinded_reading` says."""

    @property
    def value_stored(self) -> bool | None:
        """The value in the database."""
        return None if self is Blinded.SITE else self is Blinded.YES


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
    from db.accounts import users
    from web.access.passwords import hash_password

    settings = prepare("users")
    database = open_database(settings)
    hashed = hash_password(_take_password(name, password_file))
    with database.write() as session:
        user = users.add(session, name, role, hashed, blinded.value_stored)
    change = f"user {user.name} added as {user.role.value}"
    change += "" if blinded is Blinded.SITE else f", reads blinded: {blinded.value}"
    record_change(settings, EventType.USER_CHANGED, change)
    typer.echo(f"{user.name} may log in as {user.role.value}")


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
    from db.accounts import users

    settings = prepare("users")
    database = open_database(settings)
    with database.write() as session:
        users.set_disabled(session, name, not undo)
    change = f"user {users.normalize_name(name)} {'enabled' if undo else 'disabled'}"
    record_change(settings, EventType.USER_CHANGED, change)
    typer.echo(f"{users.normalize_name(name)} {'may log in again' if undo else 'is shut out'}")


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
    from db.accounts import users

    settings = prepare("users")
    database = open_database(settings)
    with database.write() as session:
        users.set_blinded(session, name, blinded.value_stored)
    change = f"blinded reading of user {users.normalize_name(name)} set to {blinded.value}"
    record_change(settings, EventType.USER_CHANGED, change)
    typer.echo(f"{users.normalize_name(name)} reads blinded: {blinded.value}")


@users_app.command("password")
def change_password(name: Name, password_file: PasswordFile = None) -> None:
    """Set a user's password and end all sessions of the user."""
    from db.accounts import users
    from web.access.passwords import hash_password

    settings = prepare("users")
    database = open_database(settings)
    hashed = hash_password(_take_password(name, password_file))
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
    from db.accounts import api_tokens, users
    from domain.secret_words import TOKEN_PREFIX, hash_secret, make_secret

    settings = prepare("users")
    database = open_database(settings)
    secret = make_secret(TOKEN_PREFIX)
    with database.write() as session:
        credentials = users.find_credentials(session, name)
        if credentials is None:
            fail("there is no such user: 'tbscreen users list' shows all")
        # REST decides nothing about patients, administers nothing and takes no films, and pages of the
        # version before do not know these permissions.
        others = {Permission.RECONCILE, Permission.ADMINISTER, Permission.STORE}
        scopes = scope or sorted(PERMISSIONS[credentials.user.role] - others)
        lifetime = timedelta(days=days) if days else None
        api_tokens.issue(session, credentials.user, label, hash_secret(secret), scopes, lifetime)
    change = f"token {label!r} issued for user {credentials.user.name}: {', '.join(scopes)}"
    record_change(settings, EventType.USER_CHANGED, change)
    typer.echo(secret)
    typer.echo("It is shown this once: keep it where the program finds it.", err=True)


@users_app.command("tokens")
def list_tokens(
    as_json: AsJson = False,
    revoke: Annotated[int | None, typer.Option(help="Revoke the token with this number.")] = None,
) -> None:
    """Show all tokens, or revoke one."""
    from db.accounts import api_tokens

    settings = prepare("users")
    database = open_database(settings)
    if revoke is not None:
        with database.write() as session:
            api_tokens.revoke(session, revoke)
        record_change(settings, EventType.USER_CHANGED, f"token {revoke} revoked")
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


def _take_password(name: str, file: Path | None) -> str:
    from web.access.passwords import check_strength

    if file is None:
        if not sys.stdin.isatty():
            fail("no terminal to ask for the password: use --password-file FILE or --password-file -")
        password = str(typer.prompt("Password", hide_input=True, confirmation_prompt="Password again"))
    else:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
        password = text.removesuffix("\n").removesuffix("\r")
    check_strength(password, name)
    return password


def _day(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d %H:%M}"
