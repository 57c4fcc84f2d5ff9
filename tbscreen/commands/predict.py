"""The command `tbscreen predict`: scores of files on disk."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from tbscreen.terminal.invocation import announce, fail, prepare

NOTHING_SCORED: Final = 2
"""Exit status: no file could be scored."""


def predict_files(
    paths: Annotated[list[str], typer.Argument(help="PNG, JPEG and DICOM: files, folders, globs.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON record per line.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values with a header.")] = False,
    bundle: Annotated[
        Path | None, typer.Option(help="A bundle's folder; by default the shipped one.")
    ] = None,
) -> None:
    """Score files on disk, without PACS, broker or database. A broken file is a record with an error.

    Exit status: 0 a file was scored, 2 none was.
    """
    if as_json and as_csv:
        fail("--json and --csv do not go together")
    from domain.bundle.bundle import open_bundle
    from domain.bundle.tb_score import explain
    from tbscreen.models.default_bundle import DEFAULT_BUNDLE
    from tbscreen.models.prediction import predict
    from tbscreen.models.prepared_file import find_files
    from tbscreen.terminal.prediction_output import write_csv, write_json, write_table
    from worker.settings import graph_directory

    settings = prepare("predict", reads_dicom=True)
    opened = open_bundle(bundle or DEFAULT_BUNDLE)
    scored = 0

    def count(records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        nonlocal scored
        for record in records:
            scored += "error" not in record
            yield record

    graphs = graph_directory(settings.worker, settings.data_directory)
    records = count(
        predict(
            find_files(paths),
            opened,
            settings.gateway,
            graphs,
            settings.worker,
            lambda: announce("loading the network"),
        )
    )
    if as_json:
        write_json(records, sys.stdout)
    elif as_csv:
        write_csv(records, sys.stdout)
    else:
        write_table(records, sys.stdout, explain(opened.manifest.model_dump(mode="json")))
    if not scored:
        raise typer.Exit(NOTHING_SCORED)
