"""The commands `tbscreen notices`: notices on their way to receivers, sent again, and a test."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from db.states import DeliveryState
from domain.codes import NoticedEvent
from tbscreen.commands.deliveries.moments import Since, read_since
from tbscreen.terminal.invocation import fail, open_database, prepare, print_json

notices_app = typer.Typer(help="Notices on events, by webhook and e-mail.", no_args_is_help=True)

Receiver = Annotated[
    str | None, typer.Option(help="Only those to this receiver, by its name in the settings.")
]


@notices_app.command("list")
def list_rows(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    state: Annotated[DeliveryState | None, typer.Option(help="Only those in this state.")] = None,
    event: Annotated[NoticedEvent | None, typer.Option(help="Only those of this event.")] = None,
    receiver: Receiver = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, max=10000)] = 100,
) -> None:
    """Show notices, newest first, without patient data."""
    from db.notices.notice_list import list_notices
    from tbscreen.terminal.notice_table import draw_notices

    database = open_database(prepare("notices"))
    with database.read() as session:
        rows = list_notices(session, state, limit, receiver=receiver, kind=event, since=read_since(since))
    if as_json:
        print_json([asdict(row) for row in rows])
    else:
        Console().print(draw_notices(rows) if rows else "no notices, or none that the options name")


@notices_app.command("replay")
def replay_notices(
    numbers: Annotated[
        list[int] | None, typer.Argument(help="Notices by their numbers.", show_default=False)
    ] = None,
    receiver: Receiver = None,
    everything: Annotated[bool, typer.Option("--all", help="All that is parked.")] = False,
    delivered: Annotated[
        bool, typer.Option("--delivered", help="Also what was delivered, by its numbers.")
    ] = False,
) -> None:
    """Send parked notices again, with the same identifiers."""
    from db.notices.notice_list import replay

    if (bool(numbers), bool(receiver), everything).count(True) != 1:
        fail("say which: numbers, or --receiver, or --all")
    if delivered and not numbers:
        fail("--delivered goes with numbers")
    database = open_database(prepare("notices"))
    with database.write() as session:
        count = replay(session, numbers=numbers or None, receiver=receiver, delivered=delivered)
    typer.echo(f"{count} notices are sent again")


@notices_app.command("test")
def send_test(
    receiver: Annotated[str | None, typer.Option(help="Only to this receiver.")] = None,
) -> None:
    """Send a test notice to each receiver at once; end with status 1 if one does not take it."""
    from db.notices.notice_outbox import DueNotice
    from notices.notice_content import compose_test
    from notices.notice_courier import send
    from sending.send_result import SendResult

    receivers = prepare("notices").notices.receivers
    if not receivers:
        fail("no receiver is set: [[notices.webhooks]] or [[notices.mails]]")
    if receiver is not None and receiver not in receivers:
        fail(f"{receiver!r} is no receiver; there are {', '.join(receivers)}")
    content = compose_test(secrets.token_hex(16))
    failed = 0
    for name in receivers if receiver is None else [receiver]:
        for attempt in send(receivers[name], [DueNotice(0, name, 1, content)]):
            is_taken = attempt.result is SendResult.DELIVERED
            failed += not is_taken
            remark = f": {attempt.reason}" if attempt.reason else ""
            typer.echo(f"{name} {'has taken it' if is_taken else 'has not taken it'}{remark}")
    if failed:
        raise typer.Exit(1)
