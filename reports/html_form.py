"""A report as one HTML file without external resources and scripts."""

from __future__ import annotations

import base64
import re
import warnings
from pathlib import Path
from typing import Final

from jinja2 import Environment
from markupsafe import Markup

from domain.languages.language import ENGLISH, FONTS, Language
from figures.report_page import make_environment
from reports.drawings import DRAWING, HALF, Picture, draw_svg
from reports.figures import Report
from reports.page import Page, compose_page

TEMPLATES: Final = Path(__file__).parent / "templates"


def render_html(report: Report, language: str = ENGLISH.code) -> str:
    """Return the report as one HTML page with inline pictures; the same report gives the same page.

    Args:
        report: the figures.
        language: code of its language.
    """
    return render_page(compose_page(report, language))


def render_page(page: Page) -> str:
    """Return a page as HTML. Several threads may call it."""
    with DRAWING, warnings.catch_warnings():
        # Matplotlib lacks the widths of some scripts, but the browser has fonts for them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        drawn = [(picture, _draw(picture)) for picture in page.pictures]
    by_section: dict[str, list[tuple[Picture, Markup]]] = {section.key: [] for section in page.sections}
    for picture, svg in drawn:
        by_section[picture.section].append((picture, svg))
    template = _environment().get_template("page.html")
    return template.render(page=page, pictures=by_section, half=HALF, font=_encode_font(page.language))


def _encode_font(language: Language) -> str:
    """Return the font that a language needs, in base64; empty where every font has its letters."""
    return base64.b64encode((FONTS / language.font).read_bytes()).decode() if language.font else ""


def _draw(picture: Picture) -> Markup:
    # Matplotlib escapes the text that it draws.
    return Markup(draw_svg(picture))  # noqa: S704


def _environment() -> Environment:
    environment = make_environment(TEMPLATES)
    environment.filters["cell"] = _split_interval
    return environment


def _split_interval(cell: str) -> tuple[str, str]:
    """Split a cell into figure and interval, such as "80.0 %" and "(37.6–96.4)"."""
    found = re.fullmatch(r"(.+?) (\(\d[\d.]*–[\d.]+\))", cell)
    return (found[1], found[2]) if found else (cell, "")
