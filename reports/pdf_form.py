"""A report as PDF: the same words, tables and pictures as the HTML, on A4."""

from __future__ import annotations

import warnings
from typing import Any, Final, cast

import matplotlib as mpl

from figures.svg_figure import STYLE
from reports.drawings import DRAWING, HALF, Picture, list_pictures
from reports.figures import Report
from reports.pdf_pages import ALARM, QUIET, Pages
from reports.sections import Section, compose_sections
from reports.tiles import compose_tiles

PDF_STYLE: Final[dict[str, Any]] = {
    **STYLE,
    "pdf.fonttype": 42,  # TrueType, so that text can be searched and copied
    "font.size": 6.3,
    "axes.titlesize": 6.3,
    "legend.fontsize": 5.8,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.0,
}


def render_pdf(report: Report) -> bytes:
    """Return the report as PDF; the same report gives the same bytes. Several threads may call it."""
    with DRAWING, mpl.rc_context(cast("Any", PDF_STYLE)), warnings.catch_warnings():
        # A name in a script that the font has not is shown as boxes: no reason to have no report.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        pages = Pages(report.notice)
        _draw_front(pages, report)
        pictures = list_pictures(report)
        for section in compose_sections(report):
            _draw_section(pages, section, [picture for picture in pictures if picture.section == section.key])
        return pages.finish(
            {
                "Title": f"Screening report {report.first} to {report.last}",
                "Author": report.organisation or "tbscreen",
                "Subject": report.notice,
                "Creator": f"tbscreen {report.version}",
                "CreationDate": report.made_at,
                "ModDate": report.made_at,
            }
        )


def _draw_front(pages: Pages, report: Report) -> None:
    kind = " · ".join(part for part in ("Screening report", report.organisation) if part)
    pages.write(kind, 8.5, colour=QUIET, after=0.03)
    pages.write("Chest X-ray screening for tuberculosis", 17, weight="bold", after=0.0)
    pages.write(f"{report.first:%-d %B %Y} to {report.last:%-d %B %Y}", 17, weight="bold", after=0.08)
    made = (
        f"Days of {report.timezone} · made {report.made_at:%-d %B %Y, %H:%M} UTC by tbscreen {report.version}"
    )
    pages.write(made + (f" · by {report.by}" if report.by else ""), 8.5, colour=QUIET, after=0.12)
    pages.draw_notice(
        "Research software, not a medical device.",
        "AI results, not verified by a physician. It orders films for people to read, in a programme that "
        "confirms tuberculosis bacteriologically.",
    )
    if report.named_studies:
        pages.draw_notice(
            "This report names studies.",
            "Accession numbers are patient data: keep it where the films may be.",
            ALARM,
        )
    pages.draw_tiles([(tile.what, tile.value, tile.of, tile.alarm) for tile in compose_tiles(report)])


def _draw_section(pages: Pages, section: Section, pictures: list[Picture]) -> None:
    pages.open_section(section.title, 2.4 if pictures else 0.9)
    for paragraph in section.paragraphs:
        pages.write(paragraph, 9)
    halves = [picture for picture in pictures if picture.width == HALF]
    if halves:
        pages.draw_pictures(halves)
    for picture in pictures:
        if picture.width != HALF:
            pages.draw_pictures([picture])
    for table in section.tables:
        pages.draw_table(table)
