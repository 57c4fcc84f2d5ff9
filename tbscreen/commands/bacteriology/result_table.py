"""Bacteriology results with their links, as a table and as CSV."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, TextIO

from rich.table import Table

from domain.spreadsheet_cells import guard_cell
from tbscreen.terminal.day_options import show_day
from tbscreen.terminal.terminal_tables import quote

if TYPE_CHECKING:
    from db.bacteriology.links import Link

LINKS: Final = {
    "linked": "linked",
    "no_study": "no study",
    "outside_window": "no study near",
    "several_studies": "several studies",
    "other_patient": "another patient's study",
    "notice": "study with a remark",
}
"""States of links in words, as `--help` and docs/reader/bacteriology.md explain them."""

COLUMNS: Final[dict[str, Callable[[Link], Any]]] = {
    "number": lambda link: link.result.id,
    "patient_id": lambda link: link.result.patient_id,
    "patient_id_issuer": lambda link: link.result.patient_id_issuer,
    "accession_number": lambda link: link.result.accession_number,
    "specimen_id": lambda link: link.result.specimen_id,
    "specimen_date": lambda link: show_day(link.result.specimen_date),
    "method": lambda link: link.result.method,
    "result": lambda link: link.result.outcome,
    "entered_by": lambda link: link.result.entered_by,
    "entered_at": lambda link: link.result.entered_at.isoformat(timespec="seconds"),
    "superseded_at": lambda link: (
        None if link.result.superseded_at is None else link.result.superseded_at.isoformat(timespec="seconds")
    ),
    "link": lambda link: link.state.value,
    "linked_by": lambda link: link.result.linked_by,
    "study_instance_uid": lambda link: None if link.study is None else link.study.study_instance_uid,
    "candidates": lambda link: " ".join(link.candidates),
}


def list_values(links: Iterable[Link]) -> Iterator[dict[str, Any]]:
    """Yield each result as a JSON object."""
    for link in links:
        yield {name: value(link) for name, value in COLUMNS.items()}


def write_csv(links: Iterable[Link], output: TextIO) -> None:
    """Write a header and one line for each result; 'tbscreen results import' takes the file."""
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(COLUMNS)
    for link in links:
        writer.writerow([guard_cell(value(link)) for value in COLUMNS.values()])


def draw_table(links: Iterable[Link]) -> Table:
    """Return the table of results."""
    table = Table("No.", "Patient", "Accession", "Specimen", "Method", "Result", "Link", "By")
    for link in links:
        result = link.result
        day = show_day(result.specimen_date)
        table.add_row(
            str(result.id),
            quote(result.patient_id),
            quote(result.accession_number),
            quote(f"{day} {result.specimen_id}" if result.specimen_id else day),
            result.method,
            f"{result.outcome} (corrected since)" if result.superseded_at else result.outcome,
            LINKS[link.state],
            quote(result.linked_by or result.entered_by),
        )
        for uid in link.candidates:
            table.add_row("", "", "", "", "", "", quote(uid), "")
    return table
