"""A report as one HTML file without external resources and scripts."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Final

from jinja2 import Environment
from markupsafe import Markup

from figures.report_page import make_environment
from reports.drawings import DRAWING, HALF, Picture, draw_svg
from reports.figures import Report
from reports.page import Page, compose_page

TEMPLATES: Final = Path(__file__).parent / "templates"


def render_html(report: Report) -> str:
    """Return the report as one HTML page with inline pictures; the same report gives the same page."""
    return render_page(compose_page(report))


def render_page(page: Page) -> str:
    """Return a page as HTML. Several threads may call it."""
    with DRAWING, warnings.catch_warnings():
        # Matplotlib lacks the widths of some scripts, but the browser has fonts for them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        drawn = [(picture, _draw(picture)) for picture in page.pictures]
    by_section: dict[str, list[tuple[Picture, Markup]]] = {section.key: [] for section in page.sections}
    for picture, svg in drawn:
        by_section[picture.section].append((picture, svg))
    return _environment().get_template("page.html").render(page=page, pictures=by_section, half=HALF)


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
