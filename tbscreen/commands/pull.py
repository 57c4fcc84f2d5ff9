"""The command `tbscreen pull`: studies of some days are fetched from a PACS that cannot route."""

from __future__ import annotations

import signal
import time
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console

from tbscreen.settings import Settings
from tbscreen.terminal.day_options import day_option
from tbscreen.terminal.invocation import fail, open_database, prepare, print_json

if TYPE_CHECKING:
    from dicom_gateway.retrieval.pull_progress import PullProgress
    from dicom_gateway.retrieval.pull_settings import PullSettings
    from dicom_gateway.settings import PeerSettings

SOME_FAILED: Final = 3
"""Exit status: some studies are incomplete."""
INTERRUPTED: Final = 130
"""Exit status after Ctrl-C."""


def pull_studies(
    peer: Annotated[str, typer.Option(help="Name of one of the settings' peers.", show_default=False)],
    first: Annotated[date, day_option("--from", help="First study date.")],
    last: Annotated[date | None, day_option("--to", help="Last study date; by default today.")] = None,
    method: Annotated[str | None, typer.Option(help="auto, get or move; by default pull.method.")] = None,
    modality: Annotated[
        list[str] | None, typer.Option(help="May be given several times; by default pull.modalities.")
    ] = None,
    films_per_minute: Annotated[
        float | None, typer.Option(min=0, help="0 sets no limit; by default pull.films_per_minute.")
    ] = None,
    studies_at_once: Annotated[
        int | None, typer.Option(min=1, max=16, help="By default pull.studies_at_once.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of a line.")] = False,
) -> None:
    """Find chest studies in a PACS by C-FIND and fetch them by C-GET or C-MOVE.

    What is here is not fetched again: the same command goes on where it stopped, and tries again what failed.

    Exit status: 0 all is here, 1 it could not go on, 3 some studies are incomplete, 130 stopped.
    """
    settings = prepare("pull")
    chosen = _choose(
        settings,
        method=method,
        modalities=modality,
        films_per_minute=films_per_minute,
        studies_at_once=studies_at_once,
    )
    until = last or date.today()
    if until < first:
        fail(f"--to {until} lies before --from {first}")
    begun = time.monotonic()
    progress = _pull(settings, chosen, _find_peer(settings, peer), first, until)
    if as_json:
        seconds = round(time.monotonic() - begun, 3)
        numbers = asdict(progress)
        del numbers["day"], numbers["days_left"], numbers["waiting_for"]
        print_json({**numbers, "is_complete": progress.is_complete, "seconds": seconds})
    else:
        typer.echo(_sum_up(progress, chosen, peer))
    if progress.stopped:
        raise typer.Exit(INTERRUPTED)
    if progress.failed or progress.left:
        raise typer.Exit(SOME_FAILED)


def show_pulls(
    failed: Annotated[bool, typer.Option("--failed", help="The incomplete studies, and why.")] = False,
    forget: Annotated[
        bool,
        typer.Option("--forget", help="With --failed: forget them. What a PACS still lists is found anew."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10000)] = 100,
) -> None:
    """Show what is pulled from PACS that cannot route: commands and schedules, newest first."""
    from db.pulls import pulled_studies, pulls
    from tbscreen.terminal.pull_tables import draw_failed, draw_pulls

    if forget and not failed:
        fail("--forget goes with --failed")
    database = open_database(prepare("pulls"))
    if forget:
        with database.write() as session:
            count = pulled_studies.forget_failed(session)
        typer.echo(f"{count} studies are forgotten")
        return
    with database.read() as session:
        rows = pulls.list_pulls(session, limit)
        studies = pulled_studies.list_failed(session, limit) if failed else []
    if as_json:
        print_json([asdict(row) for row in (studies if failed else rows)])
    elif failed:
        Console().print(draw_failed(studies) if studies else "no study is incomplete")
    else:
        Console().print(draw_pulls(rows) if rows else "nothing was pulled, and no schedule has begun")


def _choose(settings: Settings, **given: Any) -> PullSettings:
    from pydantic import ValidationError

    from dicom_gateway.retrieval.pull_settings import PullSettings
    from domain.errors import write_reason

    changes = {name: value for name, value in given.items() if value not in (None, [])}
    try:
        return PullSettings(**{**settings.pull.model_dump(), **changes})
    except ValidationError as error:
        first = error.errors()[0]
        fail(f"--{str(first['loc'][0]).replace('_', '-')} {first['input']}: {write_reason(first['msg'])}")


def _find_peer(settings: Settings, name: str) -> PeerSettings:
    peers = {peer.name: peer for peer in settings.peers}
    if name not in peers:
        fail(f"--peer {name}: the settings' [[peers]] are {', '.join(peers) or 'empty'}")
    return peers[name]


def _pull(
    settings: Settings, chosen: PullSettings, peer: PeerSettings, first: date, last: date
) -> PullProgress:
    from dicom_gateway.library_settings import configure_dicom_libraries
    from dicom_gateway.retrieval.pull import Pull
    from dicom_gateway.retrieval.pull_request import PullRequest, name_command
    from dicom_gateway.settings import spool_directory
    from dicom_gateway.spool import Spool
    from tbscreen.processes.audit_trail import open_audit_trail
    from tbscreen.processes.pull_parts import build_calling, build_gateway
    from tbscreen.terminal.pull_bar import PullBar

    console = Console(stderr=True)
    database = open_database(settings)
    spool = Spool(spool_directory(settings.data_directory))
    configure_dicom_libraries(spool.incoming)
    audit = open_audit_trail(settings, "pull", settings.courier.ae_title)
    if not spool.is_held():
        console.print(
            f"no gateway runs on {settings.data_directory}: films are screened when one does",
            highlight=False,
            markup=False,
        )
    gateway = build_gateway(settings, database, spool, received=lambda: None, audit=audit)
    request = PullRequest(name_command(peer.name, first, last), peer, first, last)
    try:
        with PullBar(console) as bar:
            pull = Pull(request, chosen, build_calling(settings, chosen, audit), gateway, bar)
            _stop_on_signal(pull)
            progress = pull.run()
    finally:
        audit.close()
        database.close()
    assert progress is not None
    return progress


def _stop_on_signal(pull: Any) -> None:
    """End well at the first signal, at once at the second."""

    def stop(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        pull.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _sum_up(progress: PullProgress, chosen: PullSettings, peer: str) -> str:
    if not progress.found and not progress.stopped:
        return f"{peer} lists no study with {' or '.join(chosen.modalities)} of these days"
    parts = [
        f"{progress.found} studies found",
        f"{progress.here} were here or hold no chest film",
        f"{progress.complete} fetched ({progress.films} films)",
    ]
    if progress.unwanted:
        parts.append(f"{progress.unwanted} hold no chest film")
    if progress.left:
        parts.append(f"{progress.left} left to another pull")
    if progress.failed:
        parts.append(f"{progress.failed} incomplete: the same command tries again")
    if progress.stopped:
        parts.append("stopped: the same command goes on")
    return "; ".join(parts)
