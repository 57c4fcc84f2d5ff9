"""The command `tbscreen conformance`."""

from __future__ import annotations

from typing import Annotated

import typer


def write_conformance(
    ihe: Annotated[bool, typer.Option(help="The IHE Integration Statement in its place.")] = False,
) -> None:
    """Print the DICOM Conformance Statement (PS3.2) of this version with these settings, as Markdown."""
    from dicom_gateway.conformance.integration_statement import write_integration_statement
    from dicom_gateway.conformance.statement import write_statement
    from dicom_gateway.library_settings import configure_dicom_libraries
    from tbscreen import __version__
    from tbscreen.settings import load_settings

    configure_dicom_libraries()
    settings = load_settings()
    write = write_integration_statement if ihe else write_statement
    typer.echo(write(settings.gateway, settings.courier, __version__), nl=False)
