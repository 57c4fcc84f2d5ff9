"""The command `tbscreen conformance`."""

from __future__ import annotations

import typer


def write_conformance() -> None:
    """Print the DICOM Conformance Statement (PS3.2) of this version with these settings, as Markdown."""
    from dicom_gateway.conformance.statement import write_statement
    from dicom_gateway.library_settings import configure_dicom_libraries
    from tbscreen import __version__
    from tbscreen.settings import load_settings

    configure_dicom_libraries()
    settings = load_settings()
    typer.echo(write_statement(settings.gateway, settings.courier, __version__), nl=False)
