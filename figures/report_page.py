"""Jinja environment of the HTML reports, and the style that they share."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

STYLE: Final = Path(__file__).parent / "templates"
"""Holds `report.css`."""


def make_environment(templates: Path) -> Environment:
    """Return an environment that finds a report's own templates and `report.css`, and escapes all values."""
    return Environment(
        loader=FileSystemLoader([templates, STYLE]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
