"""The command `tbscreen models import`: a model made by the tutorial becomes a bundle."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from tbscreen.terminal.invocation import name_user, open_database, prepare


def import_model(
    structure: Annotated[Path, typer.Argument(help="model_structure.json", show_default=False)],
    weights: Annotated[Path, typer.Argument(help="model_weights.h5", show_default=False)],
    name: Annotated[str, typer.Option(help="The bundle's name.")] = "tutorial",
    version: Annotated[str, typer.Option(help="Its version.")] = "1",
    vgg16_weights: Annotated[
        Path | None,
        typer.Option(help="VGG16's convolutions, where the model is a head on its features.", metavar="FILE"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the bundle into this new folder and do not register it.")
    ] = None,
) -> None:
    """Make a bundle of a Keras 2 or 3 model that the tutorial saved, and register it.

    It was trained on other pictures than this house makes (nearest neighbour against area average) and is
    neither calibrated nor judged here; the bundle says so. Judge it with 'tbscreen models compare' before
    you activate it.
    """
    from tbscreen.models.registration import add_bundle
    from training.tutorial_model import NOTES, load_tutorial_model, write_tutorial_bundle

    settings = prepare("models")
    database = open_database(settings) if out is None else None
    with tempfile.TemporaryDirectory() as folder:
        model = load_tutorial_model(structure, weights, vgg16_weights)
        bundle = write_tutorial_bundle(out or Path(folder) / "bundle", model, name, version)
        if database is None:
            typer.echo(f"{bundle.digest[:12]} written to {bundle.directory}; next: tbscreen models add")
        else:
            add_bundle(database, bundle.directory, name_user())
            typer.echo(f"{bundle.digest[:12]} registered")
    typer.echo(NOTES)
