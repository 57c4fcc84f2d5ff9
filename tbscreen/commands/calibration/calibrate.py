"""The commands `tbscreen calibrate …`: the site's own threshold, from its reads or its bacteriology."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from dicom_gateway.audit.audit_message import EventType
from domain.bacteriology import TruthSource
from domain.bundle.manifest import Manifest
from tbscreen.commands.calibration.study_options import ByGroup
from tbscreen.terminal.command_audit import record_change
from tbscreen.terminal.day_options import day_option
from tbscreen.terminal.invocation import fail, name_user, open_database, prepare, print_json

if TYPE_CHECKING:
    from db.models.site_thresholds import ChangeEntry, Sign, SiteThresholdEntry
    from tbscreen.models.model_change import ModelChange
    from tbscreen.settings import Settings

KEY_FILE: Final = "calibration.key"
A_YEAR: Final = timedelta(days=365)

calibrate_app = typer.Typer(
    no_args_is_help=True, help="Operating points of this site's own, from its reads or its bacteriology."
)

Number = Annotated[int, typer.Argument(help="Its number, as 'list' shows it.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        help="File with the key of the signature, made if it is not there; by default "
        f"{KEY_FILE} in the data directory.",
        metavar="FILE",
    ),
]


@calibrate_app.command("propose")
def propose(
    first: Annotated[
        date | None, day_option("--from", help="Films received from this day on; by default a year.")
    ] = None,
    last: Annotated[
        date | None, day_option("--to", help="Until this day, included; by default today.")
    ] = None,
    bundle: Annotated[str, typer.Option(help="Digest or its first characters; or active.")] = "active",
    prevalence: Annotated[
        float | None,
        typer.Option(
            min=0.0001, max=0.9999, help="Share of TB among those screened here: restates the probabilities."
        ),
    ] = None,
    truth: Annotated[
        TruthSource,
        typer.Option(
            help="Choose by reads, by bacteriology, or by bacteriology where it decides, else reads."
        ),
    ] = TruthSource.READS,
    by_group: ByGroup = False,
    key: KeyFile = None,
) -> None:
    """Choose an operating point on reads or bacteriology, and keep it, signed and dated, without using it.

    Read what it says of sensitivity and specificity, then 'tbscreen calibrate activate'.
    """
    from db.models import site_thresholds
    from reports.period import choose_period
    from reports.site_threshold.derivation import derive, make_cells
    from reports.site_threshold.record import dump_record
    from reports.site_threshold.sheet import read_record, write_sheet
    from tbscreen.models.bundle_lookup import find_bundle

    settings = prepare("calibrate")
    begin = first or (datetime.now(UTC) - A_YEAR).date()
    period = choose_period(begin, last, settings.reports.timezone)
    database = open_database(settings)
    sign = open_key(settings, key)
    with database.read() as session:
        model = find_bundle(session, bundle)
        record = derive(session, model.digest, period, prevalence, truth, by_group=by_group)
    with database.write() as session:
        entry = site_thresholds.keep(
            session, model.digest, name_user(), dump_record(record), sign, make_cells(record)
        )
    typer.echo(write_sheet(entry, read_record(entry), []), nl=False)
    typer.echo(f"\nnext: tbscreen calibrate activate {entry.calibration_id}")


@calibrate_app.command("equivalent")
def propose_equivalent(
    bundle: Annotated[
        str, typer.Argument(help="The new bundle: digest or its first characters; or shadow.")
    ] = "shadow",
    first: Annotated[
        date | None, day_option("--from", help="Films received from this day on; by default a year.")
    ] = None,
    last: Annotated[
        date | None, day_option("--to", help="Until this day, included; by default today.")
    ] = None,
    same_sensitivity: Annotated[
        bool,
        typer.Option(
            "--same-sensitivity",
            help="The same sensitivity, on people with TB by bacteriology, and not as many films.",
        ),
    ] = False,
    key: KeyFile = None,
) -> None:
    """Find the threshold at which a new bundle refers as many films as the active one, and keep it, signed.

    It needs both bundles' scores of the same films: let the new one run in the shadow first. Then 'tbscreen
    calibrate activate', and 'tbscreen models activate' after it.
    """
    from db.models import bundles, site_thresholds
    from reports.period import choose_period
    from reports.site_threshold.equivalent import make_record, read_pairs, write_equivalent
    from tbscreen.models.bundle_lookup import find_active_manifest, find_bundle

    settings = prepare("calibrate")
    begin = first or (datetime.now(UTC) - A_YEAR).date()
    period = choose_period(begin, last, settings.reports.timezone)
    database = open_database(settings)
    sign = open_key(settings, key)
    with database.read() as session:
        candidate, active = find_bundle(session, bundle), bundles.find_active(session)
        manifest = find_active_manifest(session)
        if active is None or manifest is None or active.digest == candidate.digest:
            fail("name a bundle that is not the active one")
        own = Manifest.model_validate(bundles.read_manifest(session, candidate.digest))
        pairs = read_pairs(session, candidate.digest, active.digest, period.to_span(), same_sensitivity)
    record = make_record(own, manifest, pairs, period, same_sensitivity)
    with database.write() as session:
        entry = site_thresholds.keep(session, candidate.digest, name_user(), record, sign)
    typer.echo(write_equivalent(entry, []), nl=False)
    typer.echo(f"\nnext: tbscreen calibrate activate {entry.calibration_id}")


@calibrate_app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """Show all calibrations, newest first, and which of them is in use."""
    from db.models import site_thresholds

    database = open_database(prepare("calibrate"))
    with database.read() as session:
        entries = site_thresholds.list_site_thresholds(session)
    if as_json:
        print_json([{**asdict(entry), "record": None} for entry in entries])
        return
    for entry in entries:
        use = "in use" if entry.active else "      "
        made = f"{entry.made_at:%Y-%m-%d}"
        words = (f"{entry.calibration_id:4}", use, entry.name, entry.bundle_digest[:12], made, entry.made_by)
        typer.echo("  ".join(words))
    if not entries:
        typer.echo("no calibration yet: 'tbscreen calibrate propose' makes one")


@calibrate_app.command("show")
def show(number: Number, key: KeyFile = None, as_json: AsJson = False) -> None:
    """Show one calibration with all its figures, after its signature was checked."""
    from db.models import site_thresholds

    settings = prepare("calibrate")
    with open_database(settings).read() as session:
        entry = site_thresholds.find(session, number)
        changes = site_thresholds.list_changes(session, entry.bundle_digest)
    site_thresholds.verify(entry, open_key(settings, key))
    if as_json:
        print_json({**asdict(entry), "changes": [asdict(change) for change in changes]})
    else:
        typer.echo(write_any_sheet(entry, changes), nl=False)


@calibrate_app.command("activate")
def activate(
    number: Number,
    reason: Annotated[str | None, typer.Option(help="Written into the history.")] = None,
    key: KeyFile = None,
) -> None:
    """Judge new films by a calibration, once its signature is checked; films on their way keep theirs.

    All workers must run this version: an earlier one does not know such an operating point.
    """
    from tbscreen.models.site_threshold_use import use_threshold

    settings = prepare("calibrate")
    database = open_database(settings)
    _finish(settings, use_threshold(database, number, name_user(), open_key(settings, key), reason))


@calibrate_app.command("rollback")
def roll_back(
    bundle: Annotated[str, typer.Option(help="Digest or its first characters; or active.")] = "active",
    key: KeyFile = None,
) -> None:
    """Judge new films as before the last activation: by the calibration of then, or by the bundle alone."""
    from tbscreen.models.site_threshold_use import roll_back_threshold

    settings = prepare("calibrate")
    database, sign = open_database(settings), open_key(settings, key)
    _finish(settings, roll_back_threshold(database, bundle, name_user(), sign))


def _finish(settings: Settings, change: ModelChange) -> None:
    record_change(settings, EventType.SOFTWARE_CONFIGURATION, change.record)
    for sentence in change.told:
        typer.echo(sentence)


def write_any_sheet(entry: SiteThresholdEntry, changes: list[ChangeEntry]) -> str:
    """Return the sheet of a site threshold as text, whatever it was derived from."""
    from db.models.threshold_groups import GROUP
    from reports.calibration_study import site_threshold as of_study
    from reports.site_threshold import equivalent, sheet

    if GROUP in entry.record:
        return of_study.write_cell(entry)
    if of_study.STUDY in entry.record:
        return of_study.write_sheet(entry, changes)
    if equivalent.EQUIVALENT in entry.record:
        return equivalent.write_equivalent(entry, changes)
    return sheet.write_sheet(entry, sheet.read_record(entry), changes)


def open_key(settings: Settings, path: Path | None) -> Sign:
    """Return the function that signs records with the key in a file, which is made if it is not there."""
    from tbscreen.key_file import load_key

    key = load_key(path or settings.data_directory / KEY_FILE)
    return lambda content: hmac.new(key, content, hashlib.sha256).hexdigest()
