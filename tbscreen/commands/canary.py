"""The command `tbscreen canary`: one canary film now, and the score that is expected of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from dicom_gateway.audit.audit_message import EventType
from tbscreen.terminal.command_audit import record_change
from tbscreen.terminal.invocation import fail, name_user, open_database, prepare, print_json

if TYPE_CHECKING:
    from db.database import Database
    from tbscreen.settings import Settings


def send_canary(
    accept: Annotated[
        str | None,
        typer.Option(
            metavar="REASON",
            help="Send none: expect from now on the score of this gateway's last canary film; kept.",
        ),
    ] = None,
    forget: Annotated[
        str | None,
        typer.Option(metavar="GATEWAY", help="Send none: forget the verdict of a gateway that is gone."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Send a drawn film to the gateway of this host, and compare its score with the expected one.

    It ends with status 0 if the score is the expected one, else with status 1.
    """
    from db.canary import verdicts
    from dicom_gateway.canary.canary_run import CanaryRun
    from dicom_gateway.settings import spool_directory
    from dicom_gateway.spool import Spool

    if accept is not None and forget is not None:
        fail("--accept and --forget do not go together")
    settings = prepare("canary", reads_dicom=True)
    database = open_database(settings)
    if forget is not None:
        with database.write() as session:
            if not verdicts.forget(session, forget):
                fail(f"there is no verdict on a canary film of gateway {forget}")
        typer.echo(f"the verdict of gateway {forget} is forgotten")
        return
    if accept is not None:
        _accept(settings, database, accept)
        return
    spool = Spool(spool_directory(settings.data_directory))
    judged = CanaryRun(settings.gateway, database, spool).run()
    assert judged is not None
    if as_json:
        print_json(asdict(judged))
    else:
        after = "" if judged.seconds is None else f" after {judged.seconds:.2f} s"
        typer.echo(f"{judged.verdict.value}{after}: {judged.detail}")
    raise typer.Exit(0 if judged.verdict is verdicts.Verdict.SAME else 1)


def _accept(settings: Settings, database: Database, reason: str) -> None:
    from db.canary import expected_scores, verdicts
    from dicom_gateway.canary.canary_film import DRAWING

    if not reason.strip():
        fail("give a reason")
    gateway = settings.gateway.name
    with database.write() as session:
        watches = [watch for watch in verdicts.list_watches(session) if watch.gateway == gateway]
        if not watches or watches[0].score is None or watches[0].bundle_digest is None:
            fail(f"the last canary film of gateway {gateway} has no score: run 'tbscreen canary' first")
        watch = watches[0]
        assert watch.score is not None
        assert watch.bundle_digest is not None
        way = watch.runtime or "auto", watch.precision or "auto"
        expected_scores.pin(session, watch.bundle_digest, DRAWING, watch.score, way, name_user(), reason)
    bundle = watch.bundle_digest[:12]
    change = f"canary film: score {watch.score:.6f} is expected of bundle {bundle}: {reason}"
    record_change(settings, EventType.SOFTWARE_CONFIGURATION, change)
    typer.echo(
        f"from now on, bundle {bundle} is expected to give {watch.score:.6f}: send another canary film"
    )
