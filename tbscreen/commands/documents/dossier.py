"""The command `tbscreen dossier`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tbscreen.terminal.invocation import open_database, prepare


def make_dossier(
    out: Annotated[Path, typer.Argument(help="A folder that is not there yet.", show_default=False)],
) -> None:
    """Write what a ministry, an ethics board or an assessor asks for, as a PDF and a folder.

    Intended use, model card with left-out hospitals, this site's calibration study and subgroups, bill of
    materials, threat model, conformance statement, evidence of tests, changes. All of it comes from this
    installation; it holds no patient data.
    """
    from dicom_gateway.conformance.statement import write_statement
    from tbscreen import __version__
    from tbscreen.dossier.dossier_folder import write_dossier

    settings = prepare("dossier", reads_dicom=True)
    statement = write_statement(settings.gateway, settings.courier, __version__)
    for path in write_dossier(settings, open_database(settings), out, statement):
        typer.echo(str(path))
