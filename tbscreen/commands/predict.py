"""The command `tbscreen predict`: scores of files on disk."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tbscreen.terminal.invocation import prepare


def predict_files(
    paths: Annotated[list[str], typer.Argument(help="PNG, JPEG and DICOM: files, folders, globs.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON record per line.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values with a header.")] = False,
    bundle: Annotated[
        Path | None, typer.Option(help="A bundle's folder; by default the shipped one.")
    ] = None,
) -> None:
    """Score files on disk, without PACS, broker or database. A broken file is a record with an error."""
    from domain.bundle.bundle import open_bundle
    from tbscreen.models.default_bundle import DEFAULT_BUNDLE
    from tbscreen.models.prediction import predict
    from tbscreen.models.prepared_file import find_files
    from tbscreen.terminal.prediction_output import write_csv, write_json, write_table

    settings = prepare("predict", reads_dicom=True)
    records = predict(find_files(paths), open_bundle(bundle or DEFAULT_BUNDLE), settings.gateway)
    write = write_json if as_json else write_csv if as_csv else write_table
    write(records, sys.stdout)
