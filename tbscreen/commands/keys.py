"""The commands `tbscreen keys …`: site keys, which sign bundles, and those that are trusted here."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from dicom_gateway.audit.audit_message import EventType
from domain.errors import PermanentError
from tbscreen.settings import PASSPHRASE_VARIABLE
from tbscreen.terminal.command_audit import record_change
from tbscreen.terminal.invocation import fail, name_user, open_database, prepare, print_json

keys_app = typer.Typer(no_args_is_help=True, help="Site keys: they sign bundles, and some are trusted here.")

PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        help=f"File with the key's passphrase; - is standard input. Else the variable {PASSPHRASE_VARIABLE}.",
        metavar="FILE",
    ),
]
Reason = Annotated[str, typer.Option(help="Kept with the key.", metavar="REASON", show_default=False)]


@keys_app.command("create")
def create_key(
    file: Annotated[Path, typer.Argument(help="The private key's new file.", show_default=False)],
    passphrase_file: PassphraseFile = None,
    no_passphrase: Annotated[
        bool, typer.Option("--no-passphrase", help="Whoever reads the file can sign.")
    ] = False,
) -> None:
    """Make a key pair: FILE, for its owner alone, and FILE.pub, for the sites that are to trust it."""
    from tbscreen.models.signing import PUBLIC, make_key

    prepare("keys")
    passphrase = read_passphrase(passphrase_file)
    if no_passphrase == (passphrase is not None):
        fail(
            "name the file of a passphrase with --passphrase-file, set "
            f"{PASSPHRASE_VARIABLE}, or say --no-passphrase"
        )
    public_key = make_key(file, passphrase)
    typer.echo(f"{public_key[:12]} made: {file} and {file}{PUBLIC}")
    typer.echo(
        f"next, where its bundles will be used: tbscreen keys trust {file}{PUBLIC} --name … --reason …"
    )


@keys_app.command("list")
def list_keys(as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False) -> None:
    """Show the public keys that are or were trusted here."""
    from db.models import site_keys

    database = open_database(prepare("keys"))
    with database.read() as session:
        entries = site_keys.list_site_keys(session)
    if as_json:
        print_json([asdict(entry) for entry in entries])
        return
    table = Table("Key", "Name", "State", "Since (UTC)", "By", "Reason")
    for entry in entries:
        state = "trusted" if entry.revoked_at is None else "revoked"
        since, by = entry.revoked_at or entry.trusted_at, entry.revoked_by or entry.trusted_by
        reason = entry.revoked_reason or entry.reason
        table.add_row(entry.public_key[:12], entry.name, state, f"{since:%Y-%m-%d %H:%M}", by, reason)
    Console().print(table if entries else "no key is trusted yet: tbscreen keys trust FILE.pub")


@keys_app.command("trust")
def trust_key(
    file: Annotated[Path, typer.Argument(help="The public key: FILE.pub.", show_default=False)],
    name: Annotated[str, typer.Option(help="A name for it, as 'training host'.", show_default=False)],
    reason: Reason,
) -> None:
    """Trust bundles that this key has signed or will sign."""
    from db.models import site_keys
    from tbscreen.models.signing import read_public_key

    settings = prepare("keys")
    database = open_database(settings)
    public_key = read_public_key(file)
    if not name.strip() or len(name) > 64 or not name.isprintable() or not reason.strip():
        fail("--name takes 1 to 64 characters, and --reason is not empty")
    with database.write() as session:
        site_keys.trust(session, public_key, name.strip(), name_user(), reason)
    change = f"site key {public_key} ({name.strip()}) trusted: {reason}"
    record_change(settings, EventType.SECURITY_CONFIGURATION, change)
    typer.echo(f"{public_key[:12]} ({name.strip()}) is trusted: bundles that it signed may be activated")


@keys_app.command("revoke")
def revoke_key(
    key: Annotated[str, typer.Argument(help="Its first digits, or its name.", show_default=False)],
    reason: Reason,
) -> None:
    """Trust a key no more. Bundles that it signed stay in use; they are not activated again because of it."""
    from db.models import site_keys

    settings = prepare("keys")
    database = open_database(settings)
    if not reason.strip():
        fail("--reason is not empty")
    with database.write() as session:
        entry = site_keys.revoke(session, key, name_user(), reason)
    change = f"site key {entry.public_key} ({entry.name}) revoked: {reason}"
    record_change(settings, EventType.SECURITY_CONFIGURATION, change)
    typer.echo(f"{entry.public_key[:12]} ({entry.name}) is revoked")


def read_passphrase(file: Path | None) -> str | None:
    """Return the passphrase in a file, on standard input or in the environment; None for none.

    Raises:
        PermanentError: when the file cannot be read or holds no line of text.
    """
    if file is None:
        return os.environ.get(PASSPHRASE_VARIABLE) or None
    try:
        content = sys.stdin.buffer.read(4097) if str(file) == "-" else file.read_bytes()
        text = content.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise PermanentError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        text = ""
    if not text or len(text) > 1024 or not text.isprintable():
        raise PermanentError(f"{file} does not hold a passphrase, one line of text")
    return text
