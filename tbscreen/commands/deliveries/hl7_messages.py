"""The commands `tbscreen deliveries hl7`: HL7 messages on their way to receivers; one of them; sent again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from db.states import DeliveryState
from tbscreen.commands.deliveries.moments import Since, read_since
from tbscreen.terminal.invocation import fail, open_database, prepare, print_json

hl7_app = typer.Typer(help="HL7 messages on their way to receivers.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]
Receiver = Annotated[
    str | None, typer.Option(help="Only those to this receiver, by its name in the settings.")
]


@hl7_app.command("list")
def list_rows(
    as_json: AsJson = False,
    state: Annotated[DeliveryState | None, typer.Option(help="Only those in this state.")] = None,
    receiver: Receiver = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, max=10000)] = 100,
) -> None:
    """Show messages, newest first. A receiver's reason may quote patient data."""
    from db.hl7.message_list import list_messages
    from tbscreen.terminal.message_tables import draw_messages

    database = open_database(prepare("deliveries"))
    with database.read() as session:
        rows = list_messages(session, state, limit, receiver=receiver, since=read_since(since))
    if as_json:
        print_json([asdict(row) for row in rows])
    elif rows:
        Console().print(draw_messages(rows))
    else:
        typer.echo("no messages, or none that the options name")


@hl7_app.command("show")
def show(
    number: Annotated[int, typer.Argument(help="The message's number in the list.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Show one message as it is sent, a segment on each line: it is patient data."""
    from db.hl7.message_list import find_message
    from tbscreen.terminal.message_tables import draw_message

    database = open_database(prepare("deliveries"))
    with database.read() as session:
        found = find_message(session, number)
    if found is None:
        fail(f"there is no message {number}: see 'tbscreen deliveries hl7 list'")
    row, content = found
    if as_json:
        print_json({"message": asdict(row), "content": content.decode("utf-8")})
    else:
        Console().print(draw_message(row, content), soft_wrap=True)


@hl7_app.command("replay")
def replay_messages(
    numbers: Annotated[
        list[int] | None, typer.Argument(help="Messages by their numbers.", show_default=False)
    ] = None,
    receiver: Receiver = None,
    since: Since = None,
    everything: Annotated[bool, typer.Option("--all", help="All that is parked.")] = False,
    delivered: Annotated[
        bool,
        typer.Option("--delivered", help="Also what was delivered: for a receiver that lost it."),
    ] = False,
) -> None:
    """Send parked messages again, with the same control ID; overtaken ones are left out."""
    from db.hl7.message_list import replay

    if (bool(numbers), bool(receiver or since), everything).count(True) != 1:
        fail("say which: numbers, or --receiver, --since, or --all")
    if delivered and not receiver and not numbers:
        fail("--delivered goes with --receiver or with numbers")
    database = open_database(prepare("deliveries"))
    with database.write() as session:
        count = replay(
            session,
            message_ids=numbers or None,
            receiver=receiver,
            since=read_since(since),
            delivered=delivered,
        )
    typer.echo(f"{count} HL7 messages are sent again")
