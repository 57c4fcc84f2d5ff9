"""A4 pages that fill from above: headings, text, tables and pictures, with a line at the foot of each."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from figures.svg_figure import GREY, INK, NORMAL
from figures.text_table import TextTable
from reports.drawings import FULL, Picture
from reports.pdf_text import measure, wrap

WIDTH: Final = 8.27
HEIGHT: Final = 11.69
MARGIN: Final = 0.75
FOOT: Final = 0.85
TEXT_WIDTH: Final = WIDTH - 2 * MARGIN
QUIET: Final = "#5a5a5a"
LINE: Final = "#d0d0cc"
ALARM: Final = "#b3261e"
LEADING: Final = 1.4
CELL_GAP: Final = 0.13
SCALE: Final = TEXT_WIDTH / FULL
"""Of pictures, which are made for a page in a browser."""
SIZES: Final = (8.0, 7.5, 7.0, 6.5, 6.0)
"""Of tables, points: the first in which a table fits; in the last its first column is broken."""


class Pages:
    """Pages in the making. Lengths are inches, from the top left corner down."""

    def __init__(self, foot: str) -> None:
        """Begin; `foot` stands at the foot of each page, beside its number."""
        self._foot = foot
        self._figures: list[Figure] = []
        self._y = HEIGHT

    def write(
        self, text: str, size: float, *, weight: str = "normal", colour: str = INK, after: float = 0.06
    ) -> None:
        """Write a paragraph, broken into lines and over pages."""
        for line in wrap(text, size, TEXT_WIDTH, weight):
            self._need(size * LEADING / 72)
            self._text(MARGIN, self._y, line, size, weight=weight, color=colour)
            self._y += size * LEADING / 72
        self._y += after

    def open_section(self, title: str, needed: float = 1.5) -> None:
        """Write a heading under a rule; on a new page where less than `needed` is left below it."""
        self._y += 0.16
        self._need(0.45 + needed)
        self._rule(MARGIN, WIDTH - MARGIN, INK, 1.1)
        self._y += 0.1
        self.write(title, 12.5, weight="bold", after=0.06)

    def draw_notice(self, bold: str, text: str, colour: str = GREY) -> None:
        """Write a paragraph on a grey ground with a bar at its left."""
        lines = wrap(text, 8.5, TEXT_WIDTH - 0.3)
        height = (len(lines) + 1) * 8.5 * LEADING / 72 + 0.16
        self._need(height)
        self._box(MARGIN, height, TEXT_WIDTH, "#f4f4f2")
        self._box(MARGIN, height, 0.05, colour)
        y = self._y + 0.08
        for number, line in enumerate([bold, *lines]):
            self._text(MARGIN + 0.18, y, line, 8.5, weight="normal" if number else "bold")
            y += 8.5 * LEADING / 72
        self._y += height + 0.12

    def draw_tiles(self, tiles: Sequence[tuple[str, str, str, bool]], across: int = 4) -> None:
        """Draw boxes of a figure each: what it is, the figure, what stands behind it, whether it alarms."""
        gap = 0.1
        width = (TEXT_WIDTH - gap * (across - 1)) / across
        for start in range(0, len(tiles), across):
            self._need(1.15)
            for place, (what, value, of, alarm) in enumerate(tiles[start : start + across]):
                left, colour = MARGIN + place * (width + gap), ALARM if alarm else NORMAL
                self._box(left, 1.05, width, "white", edge=LINE)
                self._box(left, 0.04, width, colour)
                for number, line in enumerate(wrap(what, 7, width - 0.2, "bold")[:2]):
                    self._text(left + 0.1, self._y + 0.1 + number * 0.13, line, 7, weight="bold")
                self._text(
                    left + 0.1, self._y + 0.35, value, 17, weight="bold", color=ALARM if alarm else INK
                )
                for number, line in enumerate(wrap(of, 6.2, width - 0.2)[:3]):
                    self._text(left + 0.1, self._y + 0.65 + number * 0.115, line, 6.2, color=QUIET)
            self._y += 1.05 + gap
        self._y += 0.05

    def draw_pictures(self, pictures: Sequence[Picture]) -> None:
        """Draw pictures side by side, with their captions, over the width of the text."""
        height = max(picture.height for picture in pictures) * SCALE
        width = TEXT_WIDTH / max(len(pictures), 2) if pictures[0].width < FULL else TEXT_WIDTH
        captions = [wrap(picture.caption, 7, width - 0.15) for picture in pictures]
        self._need(height + 0.12 * max(map(len, captions)) + 0.1)
        for place, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
            left = MARGIN + place * width
            bottom = HEIGHT - self._y - height
            picture.place(self._figures[-1], left, bottom, SCALE)
            for number, line in enumerate(caption):
                self._text(left, self._y + height + 0.05 + number * 0.12, line, 7, color=QUIET)
        self._y += height + 0.05 + 0.12 * max(map(len, captions)) + 0.12

    def draw_table(self, table: TextTable) -> None:
        """Draw a table; its head is repeated on each page that it goes over."""
        size, widths = _fit(table)
        first = widths[0] - CELL_GAP
        heads = [
            wrap(column, size, width - CELL_GAP, "bold")
            for column, width in zip(table.columns, widths, strict=True)
        ]
        head_height = max(map(len, heads)) * size * 1.25 / 72 + 0.06
        self._need(head_height + 0.5 + (0.25 if table.title else 0))
        if table.title:
            self.write(table.title, 9, weight="bold", after=0.04)
        self._draw_head(heads, widths, size, head_height)
        for row in table.rows:
            names = wrap(row[0], size, first)
            height = len(names) * size * 1.25 / 72 + 0.075
            if self._need(height):
                self._draw_head(heads, widths, size, head_height)
            for number, line in enumerate(names):
                self._text(MARGIN, self._y + 0.045 + number * size * 1.25 / 72, line, size)
            right = MARGIN + widths[0]
            for cell, width in zip(row[1:], widths[1:], strict=True):
                right += width
                self._text(right, self._y + 0.045, cell, size, ha="right")
            self._y += height
            self._rule(MARGIN, MARGIN + sum(widths), LINE, 0.5)
        self._y += 0.06
        if table.note:
            self.write(table.note, 7, colour=QUIET)
        self._y += 0.1

    def finish(self, information: Mapping[str, Any]) -> bytes:
        """Number the pages and return them as PDF."""
        content = io.BytesIO()
        with PdfPages(content, metadata=dict(information)) as pdf:
            for number, figure in enumerate(self._figures, start=1):
                foot = (HEIGHT - FOOT + 0.25, HEIGHT - FOOT + 0.3)
                figure.add_artist(_make_rule(MARGIN, WIDTH - MARGIN, foot[0], LINE, 0.5))
                self._place(figure, MARGIN, foot[1], self._foot, 7, color=QUIET)
                page = f"{number} / {len(self._figures)}"
                self._place(figure, WIDTH - MARGIN, foot[1], page, 7, color=QUIET, ha="right")
                pdf.savefig(figure)
        return content.getvalue()

    def _need(self, height: float) -> bool:
        """Begin a new page where less than `height` is left; True if so."""
        if self._figures and self._y + height <= HEIGHT - FOOT:
            return False
        self._figures.append(Figure(figsize=(WIDTH, HEIGHT)))
        self._y = MARGIN
        return True

    def _draw_head(
        self, heads: Sequence[Sequence[str]], widths: Sequence[float], size: float, height: float
    ) -> None:
        right = MARGIN
        for place, (lines, width) in enumerate(zip(heads, widths, strict=True)):
            right += width
            for number, line in enumerate(reversed(lines)):
                y = self._y + height - 0.05 - (number + 1) * size * 1.25 / 72
                if place:
                    self._text(right, y, line, size, weight="bold", ha="right")
                else:
                    self._text(MARGIN, y, line, size, weight="bold")
        self._y += height
        self._rule(MARGIN, MARGIN + sum(widths), INK, 0.7)

    def _text(self, x: float, y: float, text: str, size: float, **style: Any) -> None:
        self._place(self._figures[-1], x, y, text, size, **style)

    def _place(self, figure: Figure, x: float, y: float, text: str, size: float, **style: Any) -> None:
        figure.text(x / WIDTH, 1 - y / HEIGHT, text, fontsize=size, va="top", **style)

    def _rule(self, left: float, right: float, colour: str, width: float) -> None:
        self._figures[-1].add_artist(_make_rule(left, right, self._y, colour, width))

    def _box(self, left: float, height: float, width: float, colour: str, edge: str = "none") -> None:
        self._figures[-1].add_artist(
            Rectangle(
                (left / WIDTH, 1 - (self._y + height) / HEIGHT),
                width / WIDTH,
                height / HEIGHT,
                facecolor=colour,
                edgecolor=edge,
                linewidth=0.6,
            )
        )


def _make_rule(left: float, right: float, y: float, colour: str, width: float) -> Line2D:
    height = 1 - y / HEIGHT
    return Line2D((left / WIDTH, right / WIDTH), (height, height), color=colour, linewidth=width)


def _fit(table: TextTable) -> tuple[float, list[float]]:
    """Return the size of a table's text and the widths of its columns, gaps included."""
    for size in SIZES:
        widths = [
            max(
                [
                    max((measure(word, size, "bold") for word in column.split()), default=0.0),
                    *(measure(row[place], size) for row in table.rows),
                ]
            )
            + CELL_GAP
            for place, column in enumerate(table.columns)
        ]
        if sum(widths) <= TEXT_WIDTH:
            break
    widths[0] = min(widths[0], max(TEXT_WIDTH - sum(widths[1:]), 0.8))
    spare = TEXT_WIDTH - sum(widths)
    if spare > 0:
        share = min(spare / len(widths), 0.45)
        widths = [width + share for width in widths]
    return size, widths
