"""A report as PDF, with the text, tables and pictures of the HTML, laid out on A4 by Typst.

The template gets everything as data, so that no name is read as markup. Letters that DejaVu Sans lacks come
from other installed fonts.
"""

from __future__ import annotations

import json
import warnings
from datetime import datetime
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import Any, Final, cast

import matplotlib as mpl
import typst

from domain.languages.language import ENGLISH, FONTS
from figures.svg_figure import STYLE
from reports.drawings import DRAWING, FULL, HALF, Picture
from reports.figures import Report
from reports.page import Page, compose_page

PICTURE_STYLE: Final = {**STYLE, "font.size": 9.7, "axes.titlesize": 9.7, "legend.fontsize": 8.9}
"""Letters are larger than in HTML, since paper shows pictures at two thirds of their size."""

TEMPLATE: Final = Path(__file__).parent / "templates" / "page.typ"

OVERHANG: Final = 0.7
"""Inches by which a label may exceed its picture before it is cut off."""


def render_pdf(report: Report, language: str = ENGLISH.code) -> bytes:
    """Return the report as PDF; the same report gives the same bytes. Several threads may call it.

    Args:
        report: the figures.
        language: code of its language.
    """
    return render_page(compose_page(report, language), report.made_at)


def render_page(page: Page, made_at: datetime) -> bytes:
    """Return a page as PDF; the same page and time give the same bytes. Several threads may call it."""
    moment = made_at.replace(microsecond=0)
    content = compose_pages(page).compile(format="pdf", pdf_standards="1.4", timestamp=moment)
    assert isinstance(content, bytes)
    return content


def compose_pages(page: Page) -> typst.Compiler:
    """Return a compiler of the template with the data of a page."""
    with DRAWING, mpl.rc_context(cast("Any", PICTURE_STYLE)), warnings.catch_warnings():
        # Matplotlib's font lacks some scripts, but Typst finds a font for them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        pictures = [(picture, _draw(picture)) for picture in page.pictures]
    sections = [
        {
            "title": section.title,
            "paragraphs": section.paragraphs,
            "tables": [vars(table) for table in section.tables],
            "pictures": [
                {"svg": svg, "caption": picture.caption, "half": picture.width == HALF}
                for picture, svg in pictures
                if picture.section == section.key
            ],
        }
        for section in page.sections
    ]
    fonts, families = _find_fonts()
    data = {
        "kind": page.kind,
        "name": page.name,
        "organisation": page.organisation,
        "notice": page.notice,
        "title": page.title,
        "subtitle": page.subtitle,
        "made": page.made,
        "alarm": page.alarm,
        "tiles": [vars(tile) for tile in page.tiles],
        "sections": sections,
        "fonts": families,
        "language": page.language.code,
        "warning": page.warning,
        "overhang": OVERHANG / FULL,
    }
    # By default, Typst could read all files below the folder in which this process was started.
    inputs = {"report": json.dumps(data)}
    return typst.Compiler(TEMPLATE.read_bytes(), root=TEMPLATE.parent, font_paths=fonts, sys_inputs=inputs)


def _draw(picture: Picture) -> str:
    content = StringIO()
    picture.draw_figure(OVERHANG).savefig(content, format="svg", transparent=True, metadata={"Date": None})
    return content.getvalue()


@lru_cache(maxsize=1)
def _find_fonts() -> tuple[typst.Fonts, list[str]]:
    """Return all available fonts, and the families to search for a letter, in order.

    DejaVu Sans, which Matplotlib includes, and the fonts of `domain.languages` come before installed ones.
    Matplotlib's other families are left out: they are for mathematics, and one of them draws every letter as
    a box.
    """
    matplotlibs = Path(mpl.get_data_path()) / "fonts" / "ttf"
    own = typst.Fonts(False, False, [FONTS]).families()
    return typst.Fonts(font_paths=[matplotlibs, FONTS]), ["DejaVu Sans", *own, *typst.Fonts().families()]
