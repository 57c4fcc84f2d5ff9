"""Matplotlib figures as reproducible SVG in a page, with the page's fonts and its light or dark colours."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from functools import wraps
from html import escape
from typing import Any, Final, ParamSpec, cast

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

P = ParamSpec("P")

INK: Final = "#1b1b1b"
TB: Final = "#d55e00"
NORMAL: Final = "#0072b2"
OTHER: Final = "#c0699b"
GREEN: Final = "#007f5f"
GREY: Final = "#767676"

CSS_VARIABLES: Final = {
    TB: "--tb",
    NORMAL: "--normal",
    OTHER: "--other",
    GREEN: "--green",
    GREY: "--grey",
}
"""CSS variables that a page may set for light and dark; their defaults are the colours above.

After Okabe and Ito (2008) and Tol: distinct for every common kind of colour vision.
"""

SQUARE_LEFT: Final = 0.14
SQUARE_WIDTH: Final = 0.835
"""Left edge and width of the axes of `draw_square`, as shares of the figure's width."""

LINES: Final = ((TB, "-"), (NORMAL, (0, (6, 2))), (GREEN, (0, (2, 1.5))), (OTHER, (0, (6, 2, 1, 2))))

STYLE: Final[dict[str, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "tbscreen",
    "text.parse_math": False,  # a source may be called "$"
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlesize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "lines.linewidth": 1.7,
    "hatch.linewidth": 0.6,
}


def draw_axes(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """Return a figure (inches) and its axes, row by row; call it within `styled`."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def draw_square() -> tuple[Figure, Axes]:
    """Return a figure with square axes above and room for a legend of nine lines below."""
    figure = Figure(figsize=(5.2, 6.5))
    return figure, figure.add_axes((SQUARE_LEFT, 0.315, SQUARE_WIDTH, SQUARE_WIDTH * 5.2 / 6.5 - 0.005))


def styled(draw: Callable[P, str]) -> Callable[P, str]:
    """Wrap a function so that it draws in the style of these figures; Matplotlib's own settings stay."""

    @wraps(draw)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> str:
        with mpl.rc_context(cast("Any", STYLE)):
            return draw(*args, **kwargs)

    return wrapped


def frame_unit_square(axes: Axes, x: str, y: str) -> None:
    """Set up axes of two shares, 0 to 1, with equal scales and a faint grid."""
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xlabel=x, ylabel=y, aspect="equal")
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    axes.grid(color=INK, alpha=0.1, linewidth=0.6)


def to_svg(figure: Figure, name: str, description: str) -> str:
    """Return the figure as an `<svg>` element without prolog.

    Args:
        figure: made by `draw_axes`.
        name: letters and hyphens; begins every id, so that several figures share a page.
        description: the text alternative for screen readers.
    """
    buffer = io.StringIO()
    FigureCanvasSVG(figure)
    none = {"Date": None, "Creator": None, "Format": None}
    figure.savefig(buffer, format="svg", transparent=True, metadata=none)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(?:xlink:)?href="#', f'href="#{name}-', svg)
    svg = svg.replace("url(#", f"url(#{name}-")
    svg = re.sub(r"(font(?:-family)?:[^;\"']*?)'DejaVu Sans'[^;\"]*", r"\1inherit-family", svg)
    svg = svg.replace("inherit-family", "system-ui, sans-serif").replace(INK, "currentColor")
    for colour, variable in CSS_VARIABLES.items():
        svg = svg.replace(colour, f"var({variable}, {colour})")
    opening = f'<svg class="plot" role="img" aria-label="{escape(description)}" stroke-linejoin="round" '
    opening += re.sub(r' (?:width|height)="[^"]*"', "", svg[len("<svg ") : svg.index(">") + 1])
    return opening + svg[svg.index(">") + 1 :].rstrip()


def shorten(name: str, longest: int = 28) -> str:
    """Return a name of at most `longest` characters without leading "_", which Matplotlib would hide."""
    name = "".join(letter if letter.isprintable() else "\ufffd" for letter in name).lstrip("_") or "_"
    return name if len(name) <= longest else name[: longest - 1] + "…"
