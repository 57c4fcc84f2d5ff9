"""A section of a report, in words and tables, which text, HTML and PDF share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from figures.text_table import TextTable


@dataclass(frozen=True)
class Section:
    """A section of a report. `key` is the section of its pictures."""

    key: str
    title: str
    paragraphs: Sequence[str]
    tables: Sequence[TextTable] = ()
