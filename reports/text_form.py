"""A report as text, for a terminal or a mail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from figures.text_table import TextTable
from reports.figures import Report
from reports.sections.all_sections import compose_sections
from reports.sections.section import Section

WIDTH: Final = 118


def render_text(report: Report) -> str:
    """Return the report as plain text, at most `WIDTH` characters wide."""
    heading = " · ".join(part for part in ("Screening report", report.organisation) if part)
    period = f"{report.first} to {report.last}, {report.timezone}"
    return render_sections([heading, period, report.notice], compose_sections(report))


def render_sections(heading: Sequence[str], sections: Sequence[Section]) -> str:
    """Return a heading and sections as plain text."""
    console = Console(width=WIDTH, color_system=None, force_terminal=False)
    with console.capture() as capture:
        for line in heading:
            console.print(Text(line))
        for section in sections:
            console.print()
            console.print(Text(section.title.upper()))
            for paragraph in section.paragraphs:
                console.print(Text(paragraph))
            for table in section.tables:
                console.print(_draw(table))
                if table.note:
                    console.print(Text(table.note))
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def _draw(table: TextTable) -> RichTable:
    drawn = RichTable(
        title=Text(table.title) if table.title else None,
        title_justify="left",
        title_style="",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for place, column in enumerate(table.columns):
        drawn.add_column(Text(column), justify="right" if place else "left", overflow="fold")
    for row in table.rows:
        drawn.add_row(*(Text(_clean(cell)) for cell in row))
    return drawn


def _clean(text: str) -> str:
    """Return external text without control sequences."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
