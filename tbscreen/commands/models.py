"""The commands `tbscreen models …`: bundles in the database, and which of them is used for what."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from dicom_gateway.audit.audit_message import EventType
from domain.codes import GoldenOrigin
from tbscreen.commands.keys import PassphraseFile, read_passphrase
from tbscreen.commands.model_import import import_model
from tbscreen.terminal.command_audit import record_change
from tbscreen.terminal.invocation import announce, fail, name_user, open_database, prepare, print_json

if TYPE_CHECKING:
    from tbscreen.models.model_change import ModelChange
    from tbscreen.settings import Settings

models_app = typer.Typer(
    no_args_is_help=True, help="Model bundles in the database: which is used for what, and why."
)
models_app.command("import")(import_model)

MEANING = "A digest or its first characters; or active, shadow, previous."
Digest = Annotated[str, typer.Argument(help=MEANING, metavar="DIGEST", show_default=False)]
TrustReason = Annotated[
    str | None,
    typer.Option("--trust", metavar="REASON", help="Trust it although no trusted key has signed it; kept."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]


@models_app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """Show the registered bundles, and which is active, in the shadow, or next in a rollback."""
    from db.models import activations, bundles
    from tbscreen.terminal.terminal_tables import draw_models

    database = open_database(prepare("models"))
    with database.read() as session:
        models, previous = bundles.list_models(session), activations.find_previous(session)
    if as_json:
        print_json([{**asdict(model), "previous": model.digest == previous} for model in models])
    else:
        Console().print(draw_models(models, previous))


@models_app.command("show")
def show_model(
    digest: Digest,
    as_json: AsJson = False,
    report: Annotated[
        Path | None, typer.Option(help="Write its evaluation report (HTML) into this file.", metavar="FILE")
    ] = None,
) -> None:
    """Show one bundle: its manifest, its figures, what it was used for, how it did in the shadow."""
    from db.models import bundles
    from tbscreen.models.bundle_lookup import find_bundle
    from tbscreen.terminal.model_sheet import REPORT, draw_sheet, read_sheet

    database = open_database(prepare("models"))
    with database.read() as session:
        model = find_bundle(session, digest)
        sheet = read_sheet(session, model)
        html = None if report is None else bundles.fetch_file(session, model.digest, REPORT)
    if report is not None:
        if html is None:
            fail(f"{model.digest[:12]} has no {REPORT}: only bundles made by 'tbscreen retrain' have one")
        report.write_bytes(html)
    if as_json:
        print_json(sheet.to_json())
    else:
        Console().print(draw_sheet(sheet))
        if report is not None:
            Console().print(f"its report: {report}", highlight=False, markup=False)


@models_app.command("add")
def add_model(
    folder: Annotated[
        Path, typer.Argument(help="A bundle: a folder with manifest.json.", show_default=False)
    ],
    trust: TrustReason = None,
) -> None:
    """Examine a bundle and store it in the database, from where workers fetch it.

    A child process loads its network, within limits of memory and time, and compares the golden scores of its
    seal (FOLDER.seal.json), if it has one.
    """
    from tbscreen.models.registration import add_bundle

    settings = prepare("models")
    database = open_database(settings)
    announce("examining the network, a minute or less")
    added = add_bundle(database, folder, name_user(), trust)
    short, word = added.digest[:12], added.trust or "not trusted"
    _record(settings, f"bundle {added.digest} added; {word}")
    typer.echo(f"{short} {'registered' if added.is_new else 'was registered already'}")
    if added.golden_origin is GoldenOrigin.EXAMINATION:
        typer.echo("its golden scores were made here: no seal says what it scored where it was made")
    if added.trust is None:
        typer.echo('not trusted: no trusted site key has signed it; to activate it takes --trust "REASON"')
    else:
        typer.echo(f"trusted: {added.trust}")


@models_app.command("seal")
def seal_bundle(
    folder: Annotated[Path, typer.Argument(help="A bundle's folder.", show_default=False)],
    key: Annotated[
        Path | None,
        typer.Option(help="Sign it with this private key; 'tbscreen keys create' makes one.", metavar="FILE"),
    ] = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Write the seal of a bundle beside its folder: its golden scores, and a signature with --key.

    Needs no database. Hand over both, FOLDER and FOLDER.seal.json.
    """
    from domain.bundle.seal import locate_seal, write_seal
    from tbscreen.models.registration import make_seal
    from tbscreen.models.signing import load_private_key, sign

    prepare("models")
    private_key = None if key is None else load_private_key(key, read_passphrase(passphrase_file))
    announce("scoring golden arrays, a minute or less")
    seal = make_seal(folder)
    if private_key is not None:
        seal = sign(seal, private_key)
    write_seal(locate_seal(folder), seal)
    signers = ", ".join(signature.public_key[:12] for signature in seal.signatures)
    typer.echo(f"{seal.bundle[:12]} sealed: {locate_seal(folder)}, signed by {signers or 'nobody'}")


@models_app.command("compare")
def compare_models(
    candidate: Annotated[str, typer.Argument(help=MEANING, metavar="CANDIDATE", show_default=False)],
    reference: Annotated[
        str,
        typer.Argument(
            help="The bundle to compare it with; as above.", metavar="REFERENCE", show_default=False
        ),
    ],
    images: Annotated[
        list[str] | None,
        typer.Argument(
            help="Labelled films: files, folders, globs.", metavar="[IMAGES]…", show_default=False
        ),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="CSV with file,label,…; else labels come from names and folders.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare the AUCs of two bundles on films that neither has seen.

    Without IMAGES: on the films that are in the test part of both. With IMAGES: both score these films, those
    excepted that one of the two was fitted to, and the outcome is kept for 'tbscreen models activate'.
    """
    from tbscreen.models.activation import compare_by_their_films
    from tbscreen.models.bundle_lookup import find_bundle
    from tbscreen.terminal.model_sheet import draw_comparison

    if labels is not None and not images:
        fail("--labels says what IMAGES show: name these, too")
    settings = prepare("models", reads_dicom=bool(images))
    database = open_database(settings)
    with database.read() as session:
        ours, theirs = find_bundle(session, candidate), find_bundle(session, reference)
    if ours.digest == theirs.digest:
        fail(f"{candidate} and {reference} are the same bundle")
    if images:
        from tbscreen.models.comparison import compare_on_images

        announce("scoring the films with both bundles")
        comparison = compare_on_images(settings, database, ours, theirs, images, labels, name_user())
    else:
        comparison = compare_by_their_films(database, ours.digest, theirs.digest)
    if as_json:
        print_json(comparison.model_dump(mode="json"))
    else:
        Console().print(draw_comparison(comparison, ours, theirs))


@models_app.command("activate")
def activate_model(
    digest: Digest,
    shadow: Annotated[
        bool,
        typer.Option("--shadow", help="Run it beside the active one instead: recorded, not reported."),
    ] = False,
    force: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Activate it although it is worse or not comparable; kept."),
    ] = None,
    trust: TrustReason = None,
) -> None:
    """Screen new films with this bundle; workers take it up without restart.

    Refused when its network does not compute, when it is not trusted, when it is worse than the active bundle
    on the same test films, beyond the 95 % interval, or when the two share too few films to tell.
    """
    from tbscreen.models import changes

    if shadow and force is not None:
        fail("--force has no effect with --shadow: a bundle in the shadow reports nothing")
    settings = prepare("models")
    database = open_database(settings)
    announce("examining the network and comparing it on films of this site, a minute or less")
    if shadow:
        _finish(settings, changes.put_in_shadow(database, digest, name_user(), trust=trust))
    else:
        _finish(settings, changes.activate(database, digest, name_user(), force=force, trust=trust))


@models_app.command("rollback")
def roll_back() -> None:
    """Activate the bundle that was active before the present one; once more goes one further back."""
    from tbscreen.models import changes

    settings = prepare("models")
    _finish(settings, changes.roll_back(open_database(settings), name_user()))


@models_app.command("shadow")
def show_shadow(
    off: Annotated[bool, typer.Option("--off", help="End it; what it scored is kept.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show how the bundle in the shadow agrees with what was reported, or end it."""
    from db.models import bundles
    from db.models.shadow_screenings import measure_agreement
    from tbscreen.terminal.model_sheet import draw_agreement

    settings = prepare("models")
    database = open_database(settings)
    if off:
        from tbscreen.models import changes

        _finish(settings, changes.end_shadow(database))
        return
    with database.read() as session:
        model = bundles.find_shadow(session)
        agreement = None if model is None else measure_agreement(session, model.digest)
    if model is None or agreement is None:
        fail("no bundle runs in the shadow; 'tbscreen models activate DIGEST --shadow' lets one")
    if as_json:
        document = {**asdict(agreement), "equal_share": agreement.equal_share}
        print_json({**asdict(model), "shadow_screenings": document})
    else:
        Console().print(f"{model.name} {model.version}, {model.digest[:12]}", highlight=False, markup=False)
        Console().print(draw_agreement(agreement))


def _record(settings: Settings, change: str) -> None:
    record_change(settings, EventType.SOFTWARE_CONFIGURATION, change)


def _finish(settings: Settings, change: ModelChange) -> None:
    if change.record:
        _record(settings, change.record)
    for sentence in change.told:
        typer.echo(sentence)
