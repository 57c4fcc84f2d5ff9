"""The command `tbscreen export-labels`: read or tested films for `tbscreen retrain`, de-identified."""

from __future__ import annotations

import shlex
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from domain.bacteriology import TruthSource
from tbscreen.terminal.day_options import day_option
from tbscreen.terminal.invocation import open_database, prepare

KEY_FILE: Final = "label-export.key"
SOURCES: Final = {
    TruthSource.READS: "radiologists' reads",
    TruthSource.BACTERIOLOGY: "bacteriology",
    TruthSource.BOTH: "bacteriology where it decides, else by radiologists' reads",
}
TEN_YEARS: Final = timedelta(days=3650)


def export_labels(
    out: Annotated[Path, typer.Argument(help="A new folder.", show_default=False)],
    first: Annotated[
        date | None, day_option("--from", help="Films received from this day on; by default ten years.")
    ] = None,
    last: Annotated[
        date | None, day_option("--to", help="Until this day, included; by default today.")
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            help="File with the key of the pseudonyms, made if it is not there; by default "
            f"{KEY_FILE} in the data directory.",
            metavar="FILE",
        ),
    ] = None,
    full_size: Annotated[
        bool,
        typer.Option(
            "--full-size", help="Films in full size, where this host's spool still holds their files."
        ),
    ] = False,
    truth: Annotated[
        TruthSource,
        typer.Option(
            help="Labels by reads, by bacteriology, or by bacteriology where it decides, else reads."
        ),
    ] = TruthSource.READS,
    with_burned_in: Annotated[
        bool,
        typer.Option(
            "--with-burned-in",
            help="Also films that say that they carry burned-in text: look at each of them.",
        ),
    ] = False,
) -> None:
    """Write read or tested films as PNG with labels that 'tbscreen retrain' takes, without patient data.

    Patients, films and sites are named by a keyed hash: keep the key, and the next export names them alike.
    """
    from db.bacteriology.reference import find_reference
    from db.films.labelled_films import stream_labelled_films
    from dicom_gateway.deidentification.label_export import LabelExport, describe
    from dicom_gateway.deidentification.pseudonyms import Pseudonyms
    from dicom_gateway.settings import spool_directory
    from reports.period import choose_period
    from tbscreen.key_file import load_key

    settings = prepare("export-labels", reads_dicom=True)
    begin = first or (datetime.now(UTC) - TEN_YEARS).date()
    period = choose_period(begin, last, settings.reports.timezone)
    database = open_database(settings)
    key_file = key or settings.reports.key_file or settings.data_directory / KEY_FILE
    names = Pseudonyms(load_key(key_file))
    spool = spool_directory(settings.data_directory) if full_size else None
    export = LabelExport(out, names, spool=spool, with_burned_in=with_burned_in)
    about = (
        f"Chest films labelled by {SOURCES[truth]}, exported by tbscreen without patient data.\n"
        "tb: TB; negative: not TB, which may be ill with something else. The column truth of labels.csv\n"
        "says by which: a read is an opinion, and no proof of tuberculosis. Research software, not a medical "
        "device.\n"
        f"Names by a keyed hash; fingerprint of the key: {names.fingerprint}."
    )
    with database.read(frozen=True) as session:
        span = period.to_span()
        reference = find_reference(session, truth, span.start, span.end)
        exported = export.write(stream_labelled_films(session, span, reference), about)
    typer.echo(describe(exported))
    films, labels = shlex.quote(f"{out}/films"), shlex.quote(f"{out}/labels.csv")
    typer.echo(f"next: tbscreen retrain {films} --labels {labels} --from shipped")
