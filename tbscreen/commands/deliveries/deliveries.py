"""The command `tbscreen deliveries`: reports on their way to the peers; one of them in full; sent again."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from db.states import DeliveryState
from domain.codes import ReportKind
from tbscreen.commands.deliveries.hl7_messages import hl7_app
from tbscreen.commands.deliveries.moments import Since, read_since
from tbscreen.terminal.invocation import fail, name_user, open_database, prepare, print_json

deliveries_app = typer.Typer(help="Reports on their way to the peers.", invoke_without_command=True)
deliveries_app.add_typer(hl7_app, name="hl7")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]
State = Annotated[str | None, typer.Option(help="pending, delivered or parked.")]
Peer = Annotated[str | None, typer.Option(help="Only those to this peer, by its name in the settings.")]
Kind = Annotated[ReportKind | None, typer.Option(help="Only objects of this kind.")]
Limit = Annotated[int, typer.Option(min=1, max=10000)]


@deliveries_app.callback()
def start(
    context: typer.Context,
    as_json: AsJson = False,
    state: State = None,
    replay: Annotated[
        bool, typer.Option("--replay", help="The same as 'tbscreen deliveries replay --all'.")
    ] = False,
    limit: Limit = 100,
) -> None:
    """Show reports on their way to the peers; without a further word the same as 'list'."""
    if context.invoked_subcommand is None:
        if replay:
            replay_deliveries([], everything=True)
        else:
            list_rows(as_json=as_json, state=state, limit=limit)
    elif as_json or state or replay:
        fail(f"options go behind '{context.invoked_subcommand}'")


@deliveries_app.command("list")
def list_rows(
    as_json: AsJson = False,
    state: State = None,
    peer: Peer = None,
    kind: Kind = None,
    since: Since = None,
    limit: Limit = 100,
) -> None:
    """Show deliveries, newest first."""
    from db.delivery.deliveries import list_deliveries
    from tbscreen.terminal.terminal_tables import draw_deliveries

    settings = prepare("deliveries")
    database = open_database(settings)
    with database.read() as session:
        rows = list_deliveries(
            session, _read_state(state), limit, peer=peer, kind=kind, since=read_since(since)
        )
    if as_json:
        print_json([asdict(row) for row in rows])
    elif rows:
        Console().print(draw_deliveries(rows))
    elif any(peer_settings.send_reports for peer_settings in settings.peers):
        typer.echo("no deliveries, or none that the options name")
    else:
        typer.echo("no deliveries: no peer gets reports; add [[peers]] to the settings file")


@deliveries_app.command("unbuilt")
def list_unbuilt(as_json: AsJson = False, limit: Limit = 100) -> None:
    """Show reports that could not be built and are parked, with the reason: it may be patient data."""
    from db.delivery.unbuilt_reports import list_parked
    from tbscreen.terminal.terminal_tables import draw_unbuilt

    database = open_database(prepare("deliveries"))
    with database.read() as session:
        parked = list_parked(session, limit)
    if as_json:
        print_json([asdict(report) for report in parked])
    else:
        Console().print(draw_unbuilt(parked))


@deliveries_app.command("show")
def show(
    number: Annotated[int, typer.Argument(help="The delivery's number in the list.", show_default=False)],
    as_json: AsJson = False,
    save: Annotated[
        Path | None,
        typer.Option(help="Write the object, as it is sent, into this new file: it is patient data."),
    ] = None,
) -> None:
    """Show one delivery: all that happened to it, its storage commitment, and what the object says."""
    from db.delivery.deliveries import find_delivery
    from db.delivery.delivery_events import list_events
    from db.delivery.report_objects import find_object
    from dicom_gateway.results.object_summary import summarize
    from tbscreen.terminal.terminal_tables import draw_delivery

    database = open_database(prepare("deliveries"))
    with database.read() as session:
        row = find_delivery(session, number)
        stored = None if row is None else find_object(session, row.sop_instance_uid)
        if row is None or stored is None:
            fail(f"there is no delivery {number}: see 'tbscreen deliveries list'")
        events = list_events(session, number)
    if save is not None:
        with save.open("xb") as file:
            file.write(stored.part10)
    content = summarize(stored.part10)
    if as_json:
        described = {key: value for key, value in asdict(stored).items() if key != "part10"}
        print_json(
            {
                "delivery": asdict(row),
                "object": described,
                "history": [asdict(event) for event in events],
                "content": content,
                "saved": None if save is None else str(save),
            }
        )
        return
    Console().print(draw_delivery(row, stored, events, content), soft_wrap=True)
    if save is not None:
        typer.echo(f"saved as {save}")


@deliveries_app.command("replay")
def replay_deliveries(
    numbers: Annotated[
        list[int] | None, typer.Argument(help="Deliveries by their numbers.", show_default=False)
    ] = None,
    peer: Peer = None,
    kind: Kind = None,
    since: Since = None,
    everything: Annotated[bool, typer.Option("--all", help="All that is parked.")] = False,
    unbuilt: Annotated[
        bool, typer.Option("--unbuilt", help="Build the parked reports again that could not be built.")
    ] = False,
    delivered: Annotated[
        bool,
        typer.Option("--delivered", help="Also what was delivered: for a PACS that lost it. With --peer."),
    ] = False,
) -> None:
    """Send parked reports again, build parked ones again, and ask again for parked commitments."""
    from db.delivery import replays, unbuilt_reports
    from db.delivery.deliveries import list_replayable

    named = list(numbers or [])
    filtered = bool(peer or kind or since)
    if (bool(named), filtered, everything, unbuilt).count(True) != 1:
        fail("say which: numbers, or --peer, --kind, --since, or --unbuilt, or --all")
    if delivered and not peer and not named:
        fail("--delivered goes with --peer or with numbers")
    database = open_database(prepare("deliveries"))
    if unbuilt:
        with database.write() as session:
            again = unbuilt_reports.replay(session)
        typer.echo(f"{again} reports are built again")
        return
    if everything:
        done = replays.replay_everything(database, name_user())
    elif named:
        done = replays.replay_named(database, named, name_user(), delivered=delivered)
    else:
        with database.read() as session:
            chosen = list_replayable(
                session, delivered=delivered, peer=peer, kind=kind, since=read_since(since)
            )
        done = replays.replay(database, chosen, name_user(), delivered=delivered)
    for sentence in done.describe(delivered=delivered):
        typer.echo(sentence)


def _read_state(state: str | None) -> DeliveryState | None:
    if state is not None and state not in set(DeliveryState):
        fail(f"--state {state}: allowed are {', '.join(DeliveryState)}")
    return DeliveryState(state) if state else None
