"""The content of a report's page, which HTML and PDF lay out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.drawings import Picture, list_pictures
from reports.figures import Report
from reports.sections import Section, compose_sections
from reports.tiles import Tile, compose_tiles


@dataclass(frozen=True)
class Page:
    """A report as words, figures, tables and pictures."""

    kind: str
    """As in "Screening report"."""
    organisation: str
    name: str
    """Title of the document."""
    title: str
    subtitle: str
    """As in "1 March 2026 to 31 March 2026"."""
    made: str
    """Sentence on its making."""
    notice: str
    alarm: tuple[str, str] | None
    """A heading and a sentence that must be read first."""
    tiles: Sequence[Tile]
    sections: Sequence[Section]
    pictures: Sequence[Picture]


def compose_page(report: Report) -> Page:
    """Return the page of a screening report."""
    return Page(
        kind="Screening report",
        organisation=report.organisation,
        name=f"Screening report {report.first} to {report.last}",
        title="Chest X-ray screening for tuberculosis",
        subtitle=f"{report.first:%-d %B %Y} to {report.last:%-d %B %Y}",
        made=f"Days of {report.timezone} · made {report.made_at:%-d %B %Y, %H:%M} UTC "
        f"by tbscreen {report.version}" + (f" · by {report.by}" if report.by else ""),
        notice=report.notice,
        alarm=(
            "This report names studies.",
            "Accession numbers are patient data: store this report as you store the films.",
        )
        if report.named_studies
        else None,
        tiles=compose_tiles(report),
        sections=compose_sections(report),
        pictures=list_pictures(report),
    )
